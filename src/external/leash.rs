//! A command on a leash: it is gone as soon as whoever wanted it is, however that ends.
//!
//! This is a process of this same program between the engine and the command. Its standard input is the lifeline: the first
//! line is the request, handed on to the command; when it closes, the command and all that it started are killed.

use std::io::{self, BufRead as _, Read as _, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, ExitCode, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process_group};

/// The hidden command's name.
pub(crate) const NAME: &str = "leash";
/// Its exit code if the command cannot be started.
pub(crate) const CANNOT_START: i32 = 127;

/// Runs `words` until it ends or the lifeline closes, and gives its exit code.
pub(crate) fn run(words: &[String]) -> ExitCode {
    let Some((program, arguments)) = words.split_first() else {
        return cannot("no command");
    };
    let mut stdin = io::stdin().lock();
    let mut request = Vec::new();
    if stdin.read_until(b'\n', &mut request).is_err() || request.is_empty() {
        return cannot("nobody asks");
    }
    drop(stdin);
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .process_group(0)
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(why) => return cannot(&format!("{program} cannot be started: {why}")),
    };
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let end = move || {
        if let Some(group) = group {
            kill_process_group(group, Signal::KILL).ok();
        }
    };
    thread::spawn(move || {
        // Whatever comes on the lifeline, only its end means anything.
        io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink()).ok();
        end();
    });
    let input = child.stdin.take();
    thread::spawn(move || {
        if let Some(mut input) = input {
            // A command that does not want to know what it is asked closes this.
            input.write_all(&request).ok();
        }
    });
    let code = match child.wait() {
        Ok(status) => status.code().or_else(|| status.signal().map(|s| 128 + s)),
        Err(_) => None,
    };
    // What it left behind ends with it.
    end();
    ExitCode::from(u8::try_from(code.unwrap_or(1)).unwrap_or(1))
}

fn cannot(why: &str) -> ExitCode {
    // Nobody can be told that telling failed.
    drop(writeln!(io::stderr(), "{why}"));
    ExitCode::from(u8::try_from(CANNOT_START).unwrap_or(1))
}

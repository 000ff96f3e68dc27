//! Asking a command: the request on its standard input, the answer on its standard output.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::{LONGEST_ANSWER, Unanswered, late, leash, told, too_long};

/// How long a command that was called back may take to be gone.
const PATIENCE: Duration = Duration::from_secs(2);
/// How much of a command's standard error is kept, in bytes.
const LONGEST_COMPLAINT: u64 = 64 << 10;

/// Starts the command, asks, and waits for its end within the deadline. It runs on a leash (see [`leash`]): it and all that
/// it started are gone when this returns, and also if this program ends in the middle of it.
pub(super) async fn ask(
    words: &[String],
    request: Vec<u8>,
    deadline: Duration,
) -> Result<Vec<u8>, Unanswered> {
    let cannot =
        |why: std::io::Error| Unanswered::Unreachable(format!("it cannot be started: {why}"));
    let program = std::env::current_exe().map_err(cannot)?;
    let mut child = Command::new(program)
        .arg(leash::NAME)
        .arg("--")
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(cannot)?;
    // As long as this is open, the command may run.
    let mut lifeline = child.stdin.take();
    let talk = talk(&mut child, lifeline.as_mut(), request);
    let answer = tokio::time::timeout(deadline, talk).await;
    drop(lifeline);
    // The leash ends what it holds before itself.
    tokio::time::timeout(PATIENCE, child.wait()).await.ok();
    answer.unwrap_or_else(|_| Err(late(deadline)))
}

async fn talk(
    child: &mut Child,
    lifeline: Option<&mut tokio::process::ChildStdin>,
    mut request: Vec<u8>,
) -> Result<Vec<u8>, Unanswered> {
    request.push(b'\n');
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let sent = async {
        if let Some(to) = lifeline {
            // A command that does not read what it is asked may still answer.
            to.write_all(&request).await.ok();
            to.flush().await.ok();
        }
        Ok(())
    };
    let ((), answer, complaint) = tokio::try_join!(sent, answered(stdout), complained(stderr))?;
    let status = child
        .wait()
        .await
        .map_err(|e| Unanswered::Failed(e.to_string()))?;
    if status.success() {
        return Ok(answer);
    }
    let complaint = told(&String::from_utf8_lossy(&complaint));
    let how = match status.code() {
        Some(leash::CANNOT_START) => return Err(Unanswered::Unreachable(complaint)),
        Some(code) => format!("exit code {code}"),
        None => "killed by a signal".to_owned(),
    };
    Err(Unanswered::Failed(if complaint.is_empty() {
        how
    } else {
        format!("{how}: {complaint}")
    }))
}

/// All that comes. More than is read is an error at once: it may never end.
async fn answered(from: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, Unanswered> {
    let mut all = Vec::new();
    if let Some(from) = from {
        let read = from
            .take(LONGEST_ANSWER as u64 + 1)
            .read_to_end(&mut all)
            .await;
        read.map_err(|e| Unanswered::Failed(e.to_string()))?;
    }
    if all.len() > LONGEST_ANSWER {
        return Err(too_long());
    }
    Ok(all)
}

/// The first of what is complained of; the rest is read and thrown away, so that nobody waits for a reader.
async fn complained(from: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, Unanswered> {
    let mut first = Vec::new();
    if let Some(mut from) = from {
        (&mut from)
            .take(LONGEST_COMPLAINT)
            .read_to_end(&mut first)
            .await
            .ok();
        tokio::io::copy(&mut from, &mut tokio::io::sink())
            .await
            .ok();
    }
    Ok(first)
}

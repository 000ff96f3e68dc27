//! A run that is still going: what it has said so far, and who is asked what meanwhile.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Ran, Started, reader};

/// What it wrote to stderr so far, each line with its instant.
type Said = Arc<Mutex<Vec<(Instant, String)>>>;

/// A started program. It does not outlive its test.
pub(crate) struct Running {
    process: Started,
    stdout: JoinHandle<String>,
    listening: JoinHandle<()>,
    said: Said,
    begin: Instant,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let begin = Instant::now();
        let process = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Started(process.spawn().expect("it starts"));
        let stdout = reader(process.0.stdout.take().expect("piped"));
        let stderr = BufReader::new(process.0.stderr.take().expect("piped"));
        let said = Said::default();
        let hears = Arc::clone(&said);
        let listening = std::thread::spawn(move || {
            for line in stderr.split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                lines(&hears).push((Instant::now(), line));
            }
        });
        Self {
            process,
            stdout,
            listening,
            said,
            begin,
        }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.0.id()
    }

    /// The first line on stderr that has `words` in it, and when it came; within a minute.
    pub(crate) fn wait_for(&self, words: &str) -> (Instant, String) {
        let end = Instant::now() + Duration::from_secs(60);
        while Instant::now() < end {
            if let Some(line) = lines(&self.said).iter().find(|(_, l)| l.contains(words)) {
                return line.clone();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("nothing of `{words}` in a minute: {:?}", lines(&self.said));
    }

    /// Where the gateway and the registry of its shop are.
    pub(crate) fn addresses(&self) -> (String, String) {
        let (_, line) = self.wait_for("shop: pages at ");
        let mut urls = line.split("http://").skip(1);
        let mut next = || {
            let url = urls.next().expect("two addresses");
            url.split(['/', ',']).next().expect("a part").to_owned()
        };
        (next(), next())
    }

    /// Its end, which must come within `limit`.
    pub(crate) fn finish(mut self, limit: Duration) -> Ran {
        let status = self.process.wait_within(limit);
        let status = status.expect("it ends within its limit");
        self.listening.join().expect("the reader ends");
        let said = lines(&self.said);
        let stderr = said.iter().map(|(_, line)| format!("{line}\n")).collect();
        Ran {
            code: status.code(),
            stdout: self.stdout.join().expect("the reader ends"),
            stderr,
            took: self.begin.elapsed(),
        }
    }
}

fn lines(said: &Said) -> std::sync::MutexGuard<'_, Vec<(Instant, String)>> {
    said.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Asks once, on a connection of its own; gives the status and the body.
pub(crate) fn ask(address: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let patience = Some(Duration::from_secs(20));
    stream.set_read_timeout(patience).expect("not zero");
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.expect("a status"), body.to_owned())
}

/// As [`ask`], for an answer that is JSON.
pub(crate) fn ask_json(address: &str, method: &str, path: &str, body: &str) -> (u16, Value) {
    let (status, body) = ask(address, method, path, body);
    let value = serde_json::from_str(&body);
    (status, value.unwrap_or_else(|e| panic!("{e}: {body}")))
}

/// A value of a Prometheus text: `series` is its name with its labels.
pub(crate) fn metric(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(series))?;
    line.trim().parse().ok()
}

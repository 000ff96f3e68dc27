//! `rushhour load` on targets that are not ours: ones that mean harm, and one that writes down what it is asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::harness::{Ran, Stage, machine, run_within, rushhour};

const SHOP: &str = include_str!("scenarios/shop.yaml");

/// How a connection is treated.
type Treat = fn(TcpStream);

/// A server with a thread for each connection, until it is dropped.
struct Server {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    fn start(treat: impl Fn(TcpStream) + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let accepting = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let treat = treat.clone();
                std::thread::spawn(move || treat(stream));
            }
        });
        Self {
            address,
            stop,
            accepting: Some(accepting),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // It looks when somebody comes.
        drop(TcpStream::connect(self.address));
        if let Some(accepting) = self.accepting.take() {
            drop(accepting.join());
        }
    }
}

/// Puts the stage's load on `server`.
fn load(stage: &Stage, server: &Server, args: &[&str]) -> Ran {
    let target = format!("http://{}", server.address);
    let mut command = rushhour(stage.path());
    command.args(["load", "scenario.yaml", "--target", &target]);
    // The run, the time limit, the drain, and room for a slow machine.
    run_within(command.args(args), Duration::from_secs(60))
}

/// Reads what a client has sent so far, so that closing does not reset the connection.
fn read_some(stream: &mut TcpStream) {
    drop(stream.read(&mut [0; 4096]));
}

/// Sends `bytes` one a second, for as long as somebody listens.
fn drip(stream: &mut TcpStream, bytes: impl Iterator<Item = u8>) {
    for byte in bytes {
        if stream.write_all(&[byte]).is_err() {
            return;
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n";

fn garbage(mut stream: TcpStream) {
    read_some(&mut stream);
    drop(stream.write_all(b"\x00\xff\x1b[2J <what?>\r\n\r\nHTTP/9.9 banana\r\n\r\n"));
}

fn slow_head(mut stream: TcpStream) {
    read_some(&mut stream);
    drip(&mut stream, HEAD.iter().copied());
}

fn slow_body(mut stream: TcpStream) {
    read_some(&mut stream);
    drop(stream.write_all(HEAD));
    drip(&mut stream, std::iter::repeat(b'x'));
}

fn cut_off(mut stream: TcpStream) {
    read_some(&mut stream);
    drop(stream.write_all(HEAD));
}

fn endless(mut stream: TcpStream) {
    read_some(&mut stream);
    let huge = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n";
    drop(stream.write_all(huge));
    while stream.write_all(&[b'x'; 65_536]).is_ok() {}
}

#[test]
fn a_target_that_means_harm_is_counted_and_the_run_has_a_verdict() {
    let _machine = machine();
    let table: [(&str, Treat, &str); 6] = [
        ("answers garbage", garbage, "failed"),
        ("closes at once", drop, "failed"),
        ("closes in the middle", cut_off, "failed"),
        ("answers without end", endless, "failed"),
        ("sends its head by the second", slow_head, "timed_out"),
        ("sends its body by the second", slow_body, "timed_out"),
    ];
    // All at once: most of the time they wait for a time limit.
    let runs = table.map(|(why, treat, end)| {
        std::thread::spawn(move || {
            let stage = Stage::new(
                &SHOP
                    .replace("duration: 14s", "duration: 8s")
                    .replace("20/s", "10/s"),
            );
            let server = Server::start(treat);
            let ran = load(&stage, &server, &["--out", "out"]);
            stage.has_verdict(&ran);
            assert_ne!(ran.code, Some(0), "{why}: {}", ran.stdout);
            let report = stage.report();
            let counts = &report["total"]["counts"];
            let count = |name: &str| counts[name].as_u64().unwrap_or(0);
            assert!(count("offered") > 5, "{why}: {counts}");
            // Who still waited when the run was over is open, and missed as well.
            let all = count(end) + count("open");
            assert_eq!(count("offered"), all, "{why}: {counts}");
            assert!(count(end) > 0, "{why}: {counts}");
            assert!(!ran.stderr.contains("panicked"), "{why}: {}", ran.stderr);
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert!(!said.contains(['\u{1b}', '\0']), "{why}: {said:?}");
        })
    });
    for run in runs {
        run.join().expect("each holds");
    }
}

/// What was asked: method, path, body, and the request's name without the run's number, which is the only thing that
/// two runs of the same seed may differ in.
type Asked = (String, String, String, String);

/// Answers like the shop, always the same, and writes down what it was asked.
fn recording(asked: &Arc<Mutex<Vec<Asked>>>) -> impl Fn(TcpStream) + Clone + Send + 'static {
    let asked = Arc::clone(asked);
    move |stream| {
        let mut reader = BufReader::new(stream);
        while let Some(request) = read_request(&mut reader) {
            let mut all = asked.lock().unwrap_or_else(PoisonError::into_inner);
            all.push(request);
            drop(all);
            let body = r#"{"products":[{"id":3},{"id":5},{"id":8}],"token":"t","order":"o"}"#;
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            if reader.get_mut().write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = || {
        let mut line = String::new();
        let read = reader.read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    };
    let first = line()?;
    let (mut name, mut length) = (String::new(), 0);
    loop {
        let header = line()?;
        let Some((key, value)) = header.split_once(": ") else {
            break;
        };
        match key.to_ascii_lowercase().as_str() {
            "traceparent" => value.clone_into(&mut name),
            "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut words = first.split(' ').map(str::to_owned);
    // 00-RRRRRRRR…: the first eight digits are the run's.
    let masked = format!("{}…{}", name.get(..3)?, name.get(11..)?);
    Some((
        words.next()?,
        words.next()?,
        String::from_utf8_lossy(&body).into_owned(),
        masked,
    ))
}

/// All that a run with so many threads asks for, sorted.
fn asked_by(yaml: &str, workers: &str) -> Vec<Asked> {
    let asked = Arc::default();
    let server = Server::start(recording(&asked));
    let stage = Stage::new(yaml);
    let ran = load(&stage, &server, &["--out", "out", "--workers", workers]);
    stage.has_verdict(&ran);
    let counts = &stage.report()["total"]["counts"];
    assert_eq!(counts["offered"], counts["served"], "{counts}");
    let mut all = asked.lock().unwrap_or_else(PoisonError::into_inner);
    all.sort();
    std::mem::take(&mut *all)
}

#[test]
fn the_same_seed_asks_for_the_same_whatever_the_number_of_threads() {
    let _machine = machine();
    // Nobody comes in the last seconds, so that all journeys are over before the end cuts them off.
    let short = SHOP
        .replace("duration: 14s", "duration: 5s")
        .replace(
            "- constant: {rate: 20/s}",
            "- ramp: {from: 40/s, to: 0/s, at: 2s, over: 100ms}",
        )
        .replace("think: 200ms", "think: 40ms")
        .replace("think: 100ms", "think: 20ms");
    let crowd = short
        .replace("unit: journeys", "unit: requests\n  crowd: 200")
        .replace("  begin: empty\n", "");
    for yaml in [short, crowd] {
        let one = asked_by(&yaml, "1");
        assert!(one.len() > 50, "{} requests", one.len());
        assert!(
            one.iter().any(|(method, ..)| method == "POST"),
            "shoppers buy"
        );
        for workers in ["1", "2"] {
            let again = asked_by(&yaml, workers);
            let differs = one.iter().zip(&again).find(|(a, b)| a != b);
            assert_eq!(differs, None, "{workers} threads");
            assert_eq!(one.len(), again.len(), "{workers} threads");
        }
        let other = asked_by(&yaml.replace("seed: 7", "seed: 8"), "1");
        assert!(one != other, "another seed asks for something else");
    }
}

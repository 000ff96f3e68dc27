//! The life of a child process: its configuration, its address, and its end with its parent.

use std::io::{BufRead, Read, Write};
use std::net::SocketAddr;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;

use crate::ShopError;
use crate::protocol::{ChildConfig, Listening};

/// The longest configuration read, in bytes.
const LONGEST_CONFIG: u64 = 16 << 20;
/// What the thread that waits for the parent's end needs, in bytes.
const WATCH_STACK: usize = 64 << 10;

/// Reads this process's configuration from the first line of standard input.
///
/// # Errors
/// If it is none.
pub fn read_config() -> Result<ChildConfig, ShopError> {
    config_from(std::io::stdin().lock())
}

fn config_from(input: impl BufRead) -> Result<ChildConfig, ShopError> {
    let mut line = String::new();
    input
        .take(LONGEST_CONFIG)
        .read_line(&mut line)
        .map_err(|e| ShopError::Config(e.to_string()))?;
    if line.is_empty() {
        return Err(ShopError::Config("it is empty".into()));
    }
    serde_json::from_str(&line).map_err(|e| ShopError::Config(e.to_string()))
}

/// Lets this process have as many open files as the system allows it: every connection is one.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // If it may not be raised, fewer connections are served at once; the rest wait to be accepted.
    let _as_it_was = setrlimit(Resource::Nofile, raised);
}

/// Ends this process when standard input closes, which it does when the parent ends, however it ends.
///
/// # Errors
/// If no thread can be started.
pub fn end_with_parent() -> Result<(), ShopError> {
    std::thread::Builder::new()
        .name("parent".into())
        .stack_size(WATCH_STACK)
        .spawn(|| {
            let mut ignored = [0; 256];
            let mut stdin = std::io::stdin().lock();
            loop {
                match stdin.read(&mut ignored) {
                    Ok(0) => std::process::exit(0),
                    Err(e) if e.kind() != std::io::ErrorKind::Interrupted => std::process::exit(0),
                    _ => {}
                }
            }
        })
        .map(drop)
        .map_err(ShopError::io("starting a thread"))
}

/// Listens on `address`, of the loopback only. A port that a killed predecessor left is free at once.
///
/// # Errors
/// If it is not of the loopback, or not to be had.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, ShopError> {
    if !address.ip().is_loopback() {
        return Err(ShopError::NotLoopback(address));
    }
    TcpListener::bind(address)
        .await
        .map_err(|source| ShopError::Listen { address, source })
}

/// Says on standard output where this process listens.
///
/// # Errors
/// If standard output is closed.
pub fn announce(listener: &TcpListener) -> Result<SocketAddr, ShopError> {
    let listening = listener
        .local_addr()
        .map_err(ShopError::io("asking for the own address"))?;
    let line = serde_json::to_string(&Listening { listening })
        .expect("an address can always be written as JSON");
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(ShopError::io("writing the own address to standard output"))?;
    Ok(listening)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_bad_configuration_is_an_error_for_people() {
        for (input, why) in [
            ("", "nothing"),
            ("{}", "nothing in it"),
            ("{\"role\": \"bank\"}", "an unknown role"),
            ("\u{0}\u{1b}[2J", "no JSON"),
        ] {
            let error = config_from(input.as_bytes()).unwrap_err().to_string();
            assert!(
                error.contains("first line of standard input"),
                "{why}: {error}"
            );
            assert!(!error.contains('\u{1b}'), "{why}");
        }
        let endless = std::io::BufReader::new(std::io::repeat(b'x'));
        assert!(config_from(endless).is_err());
    }

    #[test]
    fn a_configuration_survives_the_trip() {
        let config = testing::config();
        let line = serde_json::to_string(&config).unwrap() + "\nnot read";
        assert_eq!(config_from(line.as_bytes()).unwrap(), config);
    }

    #[tokio::test]
    async fn a_port_in_use_is_an_error_for_people() {
        let first = listen(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = first.local_addr().unwrap();
        let error = listen(address).await.unwrap_err().to_string();
        assert!(error.contains(&address.to_string()), "{error}");
        assert!(error.contains("give another port"), "{error}");
        let outside = listen(([0, 0, 0, 0], 0).into()).await.unwrap_err();
        assert!(outside.to_string().contains("loopback"), "{outside}");
    }
}

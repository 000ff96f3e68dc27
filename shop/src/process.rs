//! The life of a child process: its configuration, its address, and its end with its parent.

use std::io::{BufRead, Read, Write};
use std::net::SocketAddr;

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
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .take(LONGEST_CONFIG)
        .read_line(&mut line)
        .map_err(|e| ShopError::Config(e.to_string()))?;
    if line.is_empty() {
        return Err(ShopError::Config("it is empty".into()));
    }
    serde_json::from_str(&line).map_err(|e| ShopError::Config(e.to_string()))
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

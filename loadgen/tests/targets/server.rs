//! A server that does as it is told, byte for byte.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What the server does with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// These bytes, and the connection stays open.
    Bytes(Vec<u8>),
    /// These bytes, and the connection is closed.
    Last(Vec<u8>),
    /// These bytes after a while.
    After(Duration, Vec<u8>),
    /// These bytes, one a second.
    Drip(Vec<u8>),
    /// These bytes, then zeros without end.
    Flood(Vec<u8>),
    /// Nothing, ever.
    Silence,
    /// The connection is reset.
    Reset,
}

/// A good answer with this JSON body.
pub fn ok(body: &str) -> Reply {
    Reply::Bytes(ok_bytes(body))
}

pub fn ok_bytes(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Method, path and version.
    pub line: String,
    /// The whole head, in lower case.
    pub head: String,
    pub body: String,
    /// Which connection it came on, from 0.
    pub connection: usize,
}

#[derive(Clone)]
pub struct Server {
    pub port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Serves with `reply`, which is given each request and how many came before it.
    pub async fn start(reply: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            seen: Arc::default(),
        };
        let (seen, reply) = (Arc::clone(&server.seen), Arc::new(reply));
        tokio::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let (seen, reply) = (Arc::clone(&seen), Arc::clone(&reply));
                tokio::spawn(serve(stream, connection, seen, reply));
            }
        });
        server
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    connection: usize,
    seen: Arc<Mutex<Vec<Seen>>>,
    reply: Arc<impl Fn(&Seen, usize) -> Reply>,
) {
    while let Some(request) = read(&mut stream, connection).await {
        let before = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            seen.len() - 1
        };
        if answer(&mut stream, reply(&request, before)).await.is_none() {
            return;
        }
    }
}

/// The next request; nothing if the other side has gone.
async fn read(stream: &mut TcpStream, connection: usize) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let lower = head.to_lowercase();
    let length = lower
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.trim().parse().unwrap());
    while bytes.len() < head_end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(Seen {
        line: head.lines().next().unwrap_or_default().into(),
        head: lower,
        body: String::from_utf8_lossy(&bytes[head_end..]).into_owned(),
        connection,
    })
}

/// Answers; nothing if the connection is over.
async fn answer(stream: &mut TcpStream, reply: Reply) -> Option<()> {
    match reply {
        Reply::Bytes(bytes) => stream.write_all(&bytes).await.ok(),
        Reply::Last(bytes) => {
            stream.write_all(&bytes).await.ok()?;
            stream.shutdown().await.ok()?;
            None
        }
        Reply::After(wait, bytes) => {
            tokio::time::sleep(wait).await;
            stream.write_all(&bytes).await.ok()
        }
        Reply::Drip(bytes) => {
            for byte in bytes {
                stream.write_all(&[byte]).await.ok()?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            None
        }
        Reply::Flood(bytes) => {
            stream.write_all(&bytes).await.ok()?;
            loop {
                stream.write_all(&[0; 65_536]).await.ok()?;
            }
        }
        Reply::Silence => {
            // Until the other side gives up.
            drop(stream.read(&mut [0; 1]).await);
            None
        }
        Reply::Reset => {
            stream.set_zero_linger().unwrap();
            None
        }
    }
}

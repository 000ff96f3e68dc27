//! What can go wrong with a process of the shop, for people.

use std::io;
use std::net::SocketAddr;

/// Why a process of the shop did not start, or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShopError {
    /// Standard input did not begin with a configuration.
    #[error(
        "the first line of standard input must be this process's configuration in JSON: {0}; `rushhour run` starts \
         these processes itself"
    )]
    Config(String),
    /// The address is not of the loopback.
    #[error("cannot listen on {0}: the shop listens on the loopback only, as in 127.0.0.1:0")]
    NotLoopback(SocketAddr),
    /// The address is taken, or may not be had.
    #[error("cannot listen on {address}: {source}{}", advice(source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// A process of the shop did not do what it should.
    #[error("{0}")]
    Child(String),
    /// A service's database is not to be had.
    #[error(transparent)]
    Database(#[from] crate::DatabaseError),
    /// The system refused something else.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
}

impl ShopError {
    /// Whether it is that a disk is full or does not work, which is nobody's mistake.
    #[must_use]
    pub fn is_the_disk(&self) -> bool {
        match self {
            Self::Database(e) => e.is_the_disk(),
            _ => false,
        }
    }

    /// Wraps a system's error with what was tried.
    pub(crate) fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}

fn advice(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::AddrInUse => {
            ": another process listens there; stop it, or give another port (0: any)"
        }
        io::ErrorKind::PermissionDenied => ": give a port from 1024 on (0: any)",
        _ => "",
    }
}

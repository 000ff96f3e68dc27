//! Open connections to replicas, kept for the next request.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::http::Sender;

/// The most idle connections kept to one replica.
const MOST_IDLE: usize = 64;

/// Idle connections, by replica; the last used is used first, so that spare ones grow old and are closed.
#[derive(Debug, Default)]
pub(super) struct Connections {
    idle: Mutex<BTreeMap<SocketAddr, Vec<Sender>>>,
}

impl Connections {
    /// An idle connection, if there is one that is still open.
    pub(super) fn take(&self, address: SocketAddr) -> Option<Sender> {
        let mut all = self.lock();
        let idle = all.get_mut(&address)?;
        while let Some(sender) = idle.pop() {
            if !sender.is_closed() {
                return Some(sender);
            }
        }
        None
    }

    /// Keeps a connection whose answer was read to its end.
    pub(super) fn keep(&self, address: SocketAddr, sender: Sender) {
        let mut all = self.lock();
        let idle = all.entry(address).or_default();
        if idle.len() < MOST_IDLE && !sender.is_closed() {
            idle.push(sender);
        }
    }

    /// Closes the idle connections to these.
    pub(super) fn forget(&self, addresses: &[SocketAddr]) {
        let mut all = self.lock();
        for address in addresses {
            all.remove(address);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SocketAddr, Vec<Sender>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

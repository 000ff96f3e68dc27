//! One replica's process, from its start to its end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::Child;
use crate::ShopError;
use crate::protocol::{ChildConfig, ReplicaConfig, Role, Shop};

/// How long a draining replica may take beyond its service's own limit before it is ended.
const GRACE: Duration = Duration::from_secs(2);

/// What a replica is told by its supervisor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Order {
    /// Finish what you have and end.
    Drain,
    /// End without a word.
    Kill,
}

/// What every replica is started with.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) executable: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) registry: SocketAddr,
    pub(crate) gateway: SocketAddr,
    pub(crate) run: u32,
    pub(crate) shop: Shop,
}

impl Surroundings {
    fn config(&self, role: Role, replica: ReplicaConfig) -> ChildConfig {
        ChildConfig {
            role,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            registry: Some(self.registry),
            gateway: Some(self.gateway),
            run: self.run,
            shop: self.shop.clone(),
            replica: Some(replica),
        }
    }
}

/// Runs a replica in a task of its own. `listening` hears its address, `ended` its end; orders come through what is
/// returned.
pub(crate) fn spawn(
    surroundings: Arc<Surroundings>,
    role: Role,
    replica: ReplicaConfig,
    drain: Duration,
    listening: impl FnOnce(SocketAddr) + Send + 'static,
    ended: impl FnOnce(String) + Send + 'static,
) -> mpsc::UnboundedSender<Order> {
    let (sender, orders) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let config = surroundings.config(role, replica);
        let how = match Child::start(&surroundings.executable, &config, &surroundings.log).await {
            Ok(child) => {
                listening(child.address);
                attend(child, orders, drain).await
            }
            Err(e) => failed(&e),
        };
        ended(how);
    });
    sender
}

fn failed(error: &ShopError) -> String {
    format!("it could not be started: {error}")
}

/// Waits for the process's end, and carries out orders meanwhile.
async fn attend(
    mut child: Child,
    mut orders: mpsc::UnboundedReceiver<Order>,
    drain: Duration,
) -> String {
    loop {
        tokio::select! {
            how = child.ended() => return how,
            order = orders.recv() => match order {
                Some(Order::Drain) => {
                    child.terminate();
                    let finished = tokio::time::timeout(drain + GRACE, child.ended()).await;
                    if let Ok(how) = finished {
                        return how;
                    }
                    child.kill();
                }
                // Nobody can give orders any more: the world is gone.
                Some(Order::Kill) | None => child.kill(),
            },
        }
    }
}

//! Keeping one process alive on its address: the registry and the gateway.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::Child;
use crate::ShopError;
use crate::protocol::ChildConfig;

/// The wait before a process that could not be started is tried again.
const PAUSE: Duration = Duration::from_millis(50);

/// A process that is started again whenever it ends.
#[derive(Debug)]
pub(crate) struct Kept {
    /// Where it listens, always.
    pub(crate) address: SocketAddr,
    kill: mpsc::Sender<()>,
}

impl Kept {
    /// Ends the process without a word. It comes back.
    pub(crate) async fn kill(&self) {
        // It fails only when the world ends anyway.
        self.kill.send(()).await.ok();
    }
}

/// Starts a process and keeps it: each time it ends it is started again on the same address, until `stop` is true.
/// `ended` hears how it ended.
///
/// # Errors
/// If it cannot be started for the first time.
pub(crate) async fn keep(
    executable: PathBuf,
    mut config: ChildConfig,
    log: PathBuf,
    mut stop: watch::Receiver<bool>,
    ended: impl Fn(String) + Send + 'static,
) -> Result<Kept, ShopError> {
    let mut child = Child::start(&executable, &config, &log).await?;
    let address = child.address;
    config.listen = address;
    let (kill, mut kills) = mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                how = child.ended() => ended(how),
                Some(()) = kills.recv() => {
                    child.kill();
                    let how = child.ended().await;
                    ended(how);
                }
                () = stopped(&mut stop) => return,
            }
            child = loop {
                if *stop.borrow() {
                    return;
                }
                match Child::start(&executable, &config, &log).await {
                    Ok(child) => break child,
                    Err(_) => tokio::time::sleep(PAUSE).await,
                }
            };
        }
    });
    Ok(Kept { address, kill })
}

/// Waits for the order to stop, or for the end of whoever could give it.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    stop.wait_for(|stop| *stop).await.ok();
}

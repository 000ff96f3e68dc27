//! A replica's life: it opens its database, registers, is ready when its start-up is over, and leaves when it is told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::ailment::Ailment;
use super::{Replica, order};
use crate::ShopError;
use crate::database::{self, Database};
use crate::protocol::{Faults, LEASE, Lease, ReplicaState, Role, Snapshot};
use crate::registry::{Part, RegistryClient, follow, hold_lease};

/// How long a leaving replica waits until the gateway has surely seen that it leaves.
const SEEN: Duration = Duration::from_secs(3);
/// What was sent to it just before may still be on its way.
const ON_ITS_WAY: Duration = Duration::from_millis(50);
/// How often a leaving replica looks whether it is done.
const LOOK: Duration = Duration::from_millis(10);
/// How long it may take to say goodbye.
const GOODBYE: Duration = Duration::from_millis(500);
/// The wait before a database that cannot be opened is tried again.
const PAUSE: Duration = Duration::from_millis(250);
/// How often it is tried.
const TRIES: u32 = 20;

/// Lives from `started` until the end of the draining that SIGTERM asks for.
pub(super) async fn live(
    replica: Arc<Replica>,
    registry: RegistryClient,
    address: SocketAddr,
    started: Instant,
) -> Result<(), ShopError> {
    let mut leave =
        signal(SignalKind::terminate()).map_err(ShopError::io("watching for signals"))?;
    let (seen, leaving_at) = watch::channel(None);
    tokio::spawn(watch_faults(Arc::clone(&replica), registry));
    tokio::spawn(keep_lease(Arc::clone(&replica), registry, address, seen));
    tokio::select! {
        begun = begin(&replica, started) => {
            begun?;
            leave.recv().await;
        }
        _ = leave.recv() => {}
    }
    drain(&replica, registry, leaving_at).await;
    Ok(())
}

/// Opens the database and waits until the start-up is over.
async fn begin(replica: &Arc<Replica>, started: Instant) -> Result<(), ShopError> {
    if replica.role != Role::Service {
        let database = open(replica).await?;
        if replica.role == Role::Order {
            tokio::spawn(order::outbox::work_for_ever(
                Arc::clone(replica),
                database.clone(),
            ));
        }
        // It was never set before.
        replica.database.set(database).ok();
    }
    replica.pacer.until(started + replica.config.start_up).await;
    replica.state.send_replace(ReplicaState::Ready);
    Ok(())
}

async fn open(replica: &Arc<Replica>) -> Result<Database, ShopError> {
    let mut tries = 1;
    loop {
        let opened = try_open(replica.role, &replica.config.database).await;
        match opened {
            Err(_) if tries < TRIES => {
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
            result => return Ok(result?),
        }
    }
}

async fn try_open(role: Role, url: &str) -> Result<Database, database::DatabaseError> {
    let database = Database::open(role, url).await?;
    database::prepare_open(role, &database).await?;
    Ok(database)
}

/// Follows what is to go wrong.
async fn watch_faults(replica: Arc<Replica>, registry: RegistryClient) {
    let key = format!("faults/{}", replica.config.service);
    follow(registry, Part::Config, None, |snapshot: Snapshot| {
        let faults = snapshot
            .config
            .get(&key)
            .and_then(|setting| serde_json::from_value::<Faults>(setting.value.clone()).ok())
            .unwrap_or_default();
        let ailment = Ailment::of(&replica.config.id, replica.config.deploy, &faults);
        replica.ailment.send_if_modified(|now| {
            let changed = *now != ailment;
            *now = ailment;
            changed
        });
    })
    .await;
}

/// Holds the lease, and says in which version of the registry the replica is known to leave.
async fn keep_lease(
    replica: Arc<Replica>,
    registry: RegistryClient,
    address: SocketAddr,
    seen: watch::Sender<Option<u64>>,
) {
    let ordinal = replica.config.ordinal;
    let lease = |state, lost: bool| {
        let lease_ms = u32::try_from(LEASE.as_millis()).unwrap_or(u32::MAX);
        (!lost).then_some(Lease {
            address,
            ordinal,
            state,
            lease_ms,
        })
    };
    let (sender, receiver) = watch::channel(lease(*replica.state.borrow(), false));
    let (service, id) = (replica.config.service.clone(), replica.config.id.clone());
    let (mut states, mut ailments) = (replica.state.subscribe(), replica.ailment.subscribe());
    let held = hold_lease(registry, &service, &id, receiver, |lease, registered| {
        if lease.state == ReplicaState::Draining {
            seen.send_replace(Some(registered.version));
        }
    });
    let changes = async {
        loop {
            let (state, lost) = (
                *states.borrow_and_update(),
                ailments.borrow_and_update().lose_lease,
            );
            sender.send_replace(lease(state, lost));
            tokio::select! {
                changed = states.changed() => if changed.is_err() { return },
                changed = ailments.changed() => if changed.is_err() { return },
            }
        }
    };
    tokio::join!(held, changes);
}

/// Leaves: first the gateway sends nothing more, then what is here is finished, then the registry forgets it.
async fn drain(
    replica: &Arc<Replica>,
    registry: RegistryClient,
    mut leaving_at: watch::Receiver<Option<u64>>,
) {
    let limit = Instant::now() + replica.service.drain;
    replica.state.send_replace(ReplicaState::Draining);
    // Without a registry the gateway learns of it from the closed port, and tries elsewhere.
    tokio::time::timeout(SEEN, seen(registry, &mut leaving_at))
        .await
        .ok();
    tokio::time::sleep(ON_ITS_WAY).await;
    while replica.open.load(Ordering::Relaxed) > 0 && Instant::now() < limit {
        tokio::time::sleep(LOOK).await;
    }
    let (service, id) = (&replica.config.service, &replica.config.id);
    let goodbye = registry.deregister(service, id);
    tokio::time::timeout(GOODBYE, goodbye).await.ok();
}

/// Waits until the gateway knows that this replica leaves.
async fn seen(registry: RegistryClient, leaving_at: &mut watch::Receiver<Option<u64>>) {
    loop {
        let Ok(version) = leaving_at
            .wait_for(Option::is_some)
            .await
            .map(|version| *version)
        else {
            return;
        };
        match registry
            .acknowledged(version.unwrap_or(0), Duration::from_secs(1))
            .await
        {
            Ok(answer) if answer.acknowledged => return,
            Ok(_) => {}
            Err(_) => tokio::time::sleep(LOOK * 10).await,
        }
    }
}

//! What breaks, at its instant: the scenario's faults carried out on the local world.

use std::sync::Arc;
use std::time::Duration;

use scenarios::{Draws, Fault, FaultKind, Stream};

use super::Keepers;
use super::state::{Shared, Sight};
use crate::protocol::{Deploy, Faults, InjectedFault, InjectedKind};
use crate::registry::RegistryClient;
use crate::supervisor::{Life, Order};

/// How often a rolling deploy looks whether the next replica may go.
const LOOK: Duration = Duration::from_millis(50);

/// Carries out all faults of the scenario, each at its instant and, if it lasts, mended at its end.
pub(super) async fn carry_out_all(shared: Arc<Shared>, keepers: Arc<Keepers>) {
    let mut running = tokio::task::JoinSet::new();
    for (place, fault) in shared.scenario.faults.iter().enumerate() {
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        let (shared, keepers, fault) = (Arc::clone(&shared), Arc::clone(&keepers), fault.clone());
        running.spawn(async move {
            let begin = shared.clock().begin;
            tokio::time::sleep_until((begin + fault.at).into()).await;
            break_it(&shared, &keepers, place, &fault).await;
            if !fault.lasts.is_zero() {
                tokio::time::sleep_until((begin + fault.at + fault.lasts).into()).await;
                mend(&shared, &keepers, place, &fault).await;
            }
        });
    }
    while running.join_next().await.is_some() {}
}

async fn break_it(shared: &Arc<Shared>, keepers: &Keepers, place: u32, fault: &Fault) {
    let lasts = fault.lasts;
    match &fault.kind {
        FaultKind::Kill { service, replicas } => {
            let victims = chosen(shared, place, service, *replicas);
            shared.tell(
                Some(service),
                format!("killed: {}", victims.join(", ")),
                lasts,
            );
            shared.with(service, |workload, _| {
                for id in &victims {
                    workload.order(id, Order::Kill);
                }
            });
        }
        FaultKind::KillRegistry => {
            shared.tell(None, "the registry is killed".into(), lasts);
            keepers.registry.kill().await;
        }
        FaultKind::KillGateway => {
            shared.tell(None, "the gateway is killed".into(), lasts);
            keepers.gateway.kill().await;
        }
        FaultKind::NoMetrics => {
            shared.tell(None, "no metrics are to be had".into(), lasts);
            shared.set_sight(Sight::Out);
        }
        FaultKind::LoseNode { .. } | FaultKind::LoseZone { .. } => {
            // Whoever starts a run has refused such a scenario; a library's caller may not have.
            let what = "nodes are lost, but this world has none: nothing happens";
            shared.tell(None, what.into(), lasts);
        }
        FaultKind::Freeze { service, .. } => {
            let what = "replicas are to stand still, which this world cannot do: nothing happens";
            shared.tell(Some(service), what.into(), lasts);
        }
        FaultKind::BadDeploy {
            service,
            factor,
            share,
        } => {
            let what = format!(
                "a bad deploy: {factor} times slower, {:.0} % errors",
                share.get() * 100.0
            );
            shared.tell(Some(service), what, lasts);
            roll(
                shared,
                service,
                Deploy {
                    factor: *factor,
                    share: *share,
                },
            )
            .await;
        }
        FaultKind::Slow { .. }
        | FaultKind::SlowWait { .. }
        | FaultKind::Fail { .. }
        | FaultKind::Hang { .. }
        | FaultKind::LoseLease { .. } => inject(shared, keepers, place, fault).await,
    }
}

async fn mend(shared: &Arc<Shared>, keepers: &Keepers, place: u32, fault: &Fault) {
    match &fault.kind {
        FaultKind::Kill { .. }
        | FaultKind::KillRegistry
        | FaultKind::KillGateway
        | FaultKind::Freeze { .. }
        | FaultKind::LoseNode { .. }
        | FaultKind::LoseZone { .. } => {}
        FaultKind::NoMetrics => shared.set_sight(Sight::Clear),
        FaultKind::BadDeploy { service, .. } => roll(shared, service, Deploy::default()).await,
        FaultKind::Slow { service, .. }
        | FaultKind::SlowWait { service, .. }
        | FaultKind::Fail { service, .. }
        | FaultKind::Hang { service, .. }
        | FaultKind::LoseLease { service, .. } => {
            shared.with(service, |workload, _| workload.injected.remove(&place));
            publish(shared, keepers, service).await;
        }
    }
}

/// Faults inside replicas travel as configuration: whoever starts later hears of them too.
async fn inject(shared: &Arc<Shared>, keepers: &Keepers, place: u32, fault: &Fault) {
    let (service, replicas, kind, what) = match &fault.kind {
        FaultKind::Slow {
            service,
            replicas,
            factor,
        } => (
            service,
            *replicas,
            InjectedKind::Slow(*factor),
            format!("work {factor} times slower"),
        ),
        FaultKind::SlowWait { service, factor } => (
            service,
            None,
            InjectedKind::SlowWait(*factor),
            format!("waits {factor} times longer"),
        ),
        FaultKind::Fail {
            service,
            replicas,
            share,
        } => {
            let percent = share.get() * 100.0;
            (
                service,
                *replicas,
                InjectedKind::Fail(share.get()),
                format!("{percent:.0} % of answers are 500"),
            )
        }
        FaultKind::Hang { service, replicas } => (
            service,
            *replicas,
            InjectedKind::Hang,
            "accepts and never answers".to_owned(),
        ),
        FaultKind::LoseLease { service, replicas } => (
            service,
            Some(*replicas),
            InjectedKind::LoseLease,
            "leases are not renewed".to_owned(),
        ),
        _ => return,
    };
    let victims = replicas.map(|count| chosen(shared, place, service, count));
    let whom = victims
        .as_ref()
        .map_or_else(|| "all replicas".to_owned(), |ids| ids.join(", "));
    shared.tell(Some(service), format!("{whom}: {what}"), fault.lasts);
    let injected = InjectedFault {
        replicas: victims,
        kind,
    };
    shared.with(service, |workload, _| {
        workload.injected.insert(place, injected)
    });
    publish(shared, keepers, service).await;
}

/// Sets the faults of all services that have any.
pub(super) async fn publish_all(shared: &Arc<Shared>, keepers: &Keepers) {
    let of = |workload: &mut super::state::Workload| {
        (!workload.injected.is_empty()).then(|| workload.service.clone())
    };
    for service in shared.with_all(of).into_iter().flatten() {
        publish(shared, keepers, &service).await;
    }
}

/// Sets the service's faults in the registry, trying until it answers: it may be down itself.
async fn publish(shared: &Arc<Shared>, keepers: &Keepers, service: &str) {
    let faults: Vec<InjectedFault> = shared.with(service, |workload, _| {
        workload.injected.values().cloned().collect()
    });
    let client = RegistryClient::new(keepers.registry.address);
    let key = format!("faults/{service}");
    for _ in 0..100 {
        match client
            .set(
                &key,
                &Faults {
                    faults: faults.clone(),
                },
            )
            .await
        {
            Ok(_) => return,
            Err(e) if e.is_refusal() => {
                shared.tell(
                    Some(service),
                    format!("the fault could not be injected: {e}"),
                    Duration::ZERO,
                );
                return;
            }
            Err(_) => tokio::time::sleep(LOOK).await,
        }
    }
    shared.tell(
        Some(service),
        "the fault could not be injected: no registry".into(),
        Duration::ZERO,
    );
}

/// Which of the ready replicas a fault hits: drawn, so that the same seed hits the same ordinals.
fn chosen(shared: &Shared, place: u32, service: &str, count: u32) -> Vec<String> {
    let mut ready = shared.with(service, |workload, _| workload.fleet.ready());
    let mut draws = Draws::new(shared.scenario.seed, Stream::Fault { fault: place });
    let mut victims = Vec::new();
    for _ in 0..count {
        if ready.is_empty() {
            break;
        }
        let place = draws.below(ready.len() as u64);
        victims.push(ready.remove(usize::try_from(place).unwrap_or(0)));
    }
    victims
}

/// Replaces all replicas by ones of `deploy`, one by one: a new one must be ready before an old one leaves.
async fn roll(shared: &Arc<Shared>, service: &str, deploy: Deploy) {
    let version = shared.with(service, |workload, _| {
        workload.fleet.deploy = (workload.fleet.deploy.0 + 1, deploy);
        workload.fleet.deploy.0
    });
    loop {
        let old_one = |workload: &mut super::state::Workload| {
            let old = workload
                .fleet
                .members
                .iter()
                .filter(|(_, m)| m.deploy < version && m.life != Life::Draining);
            old.min_by_key(|(_, m)| m.ordinal).map(|(id, _)| id.clone())
        };
        // A later deploy takes over from this one.
        let superseded = shared.with(service, |w, _| w.fleet.deploy.0 != version);
        let Some(old) = shared.with(service, |w, _| old_one(w)) else {
            return;
        };
        if superseded {
            return;
        }
        let ready_before = shared.with(service, |w, _| fresh(w, version));
        shared.start_one(service);
        while shared.with(service, |w, _| fresh(w, version)) <= ready_before {
            tokio::time::sleep(LOOK).await;
            if shared.with(service, |w, _| old_one(w)).is_none() {
                return;
            }
        }
        let now = shared.now();
        shared.with(service, |workload, _| {
            workload.fleet.set_life(&old, Life::Draining, now);
            workload.order(&old, Order::Drain);
        });
    }
}

/// How many ready replicas are of this version.
fn fresh(workload: &super::state::Workload, version: u32) -> usize {
    workload
        .fleet
        .members
        .values()
        .filter(|m| m.deploy == version && m.life == Life::Ready)
        .count()
}

//! Readings of every second of a service, for policies that need them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use metrics::Timestamp;
use scaler::{AtGateway, Counters};

use super::scrape::{SHORTEST, counters};
use super::state::{Shared, Sight};
use crate::supervisor::Life;

/// Asks all ready replicas of a service at the end of each second of the scenario, for ever. A second that could not be
/// looked at in time is missing.
pub(super) async fn seconds(shared: Arc<Shared>, service: String) {
    let clock = shared.clock();
    let every = shared.scenario.second().max(SHORTEST);
    let mut ticks = tokio::time::interval_at(clock.begin.into(), every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        let due = ticks.tick().await.into_std();
        // The instant that was meant, so that each second gets one reading, however late its answers come.
        let at = clock.start + due.saturating_duration_since(clock.begin);
        look(&shared, &service, at, every).await;
    }
}

async fn look(shared: &Arc<Shared>, service: &str, at: Timestamp, limit: Duration) {
    let (ready, out) = shared.with(service, |workload, sight| {
        let ready = workload.fleet.members.values();
        let ready = ready.filter(|member| member.life == Life::Ready);
        let ready: Vec<(u32, SocketAddr)> = ready
            .filter_map(|member| Some((member.ordinal, member.address?)))
            .collect();
        (ready, sight == Sight::Out)
    });
    let mut asked = tokio::task::JoinSet::new();
    let count = ready.len();
    for (ordinal, address) in ready {
        asked.spawn(async move { Some((ordinal, counters(address, limit).await?)) });
    }
    let mut seen: Vec<(u32, Counters)> = asked.join_all().await.into_iter().flatten().collect();
    seen.sort_by_key(|(ordinal, _)| *ordinal);
    shared.with(service, |workload, _| {
        let gate = AtGateway {
            // This gateway keeps nobody waiting: it turns away whom it cannot send on.
            waiting: 0.0,
            came: std::mem::take(&mut workload.came),
        };
        // While metrics are out nobody can look.
        if !out {
            workload.seconds.push(at, count, &seen, gate);
        }
    });
}

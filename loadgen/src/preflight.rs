//! What can be known to be wrong before anything is sent.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};
use scenarios::Arrivals;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::plan::is_here;
use crate::{LoadError, Plan};

/// How long finding and reaching the target may take, all in all.
const PATIENCE: Duration = Duration::from_millis(4500);
/// Files that a worker needs beside its connections, with some room.
const FILES_PER_WORKER: u64 = 16;
/// Files that others in this process may come to need.
const FILES_TO_SPARE: u64 = 64;

/// Checks a plan, and finds the target's address.
pub(crate) async fn check(plan: &Plan) -> Result<SocketAddr, LoadError> {
    for (what, value) in [
        ("the number of workers", plan.workers),
        ("the number of connections", plan.connections),
    ] {
        if value == 0 {
            return Err(LoadError::TooFew {
                what,
                value,
                least: 1,
            });
        }
    }
    raise_file_limit(plan)?;
    let unreachable = |why: String| LoadError::Unreachable {
        target: plan.target.to_string(),
        why,
    };
    match timeout(PATIENCE, reach(plan)).await {
        Ok(found) => found,
        Err(_) => Err(unreachable(format!("no answer within {PATIENCE:?}"))),
    }
}

async fn reach(plan: &Plan) -> Result<SocketAddr, LoadError> {
    let target = &plan.target;
    let unreachable = |why: String| LoadError::Unreachable {
        target: target.to_string(),
        why,
    };
    let found = lookup_host((target.host.as_str(), target.port)).await;
    let addresses: Vec<_> = found
        .map_err(|e| unreachable(format!("the name `{}` is not known: {e}", target.host)))?
        .collect();
    if !addresses.iter().all(|address| is_here(address.ip())) {
        spare(plan)?;
    }
    let mut why = format!("the name `{}` has no address", target.host);
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(_) => return Ok(address),
            Err(e) => why = format!("{address}: {e}"),
        }
    }
    Err(unreachable(why))
}

/// What a target that is not on this machine is spared.
fn spare(plan: &Plan) -> Result<(), LoadError> {
    let host = &plan.target.host;
    let owned = plan.owned.as_deref();
    if !owned.is_some_and(|owned| owned.eq_ignore_ascii_case(host)) {
        return Err(LoadError::NotOwned { host: host.clone() });
    }
    let duration = plan.scenario.duration;
    if duration > plan.caps.duration {
        return Err(LoadError::DurationCap {
            duration,
            cap: plan.caps.duration,
        });
    }
    let mut by_second = BTreeMap::new();
    for arrival in Arrivals::new(plan.scenario.clone()) {
        let in_second = by_second.entry(arrival.at.as_secs()).or_insert(0);
        *in_second += 1;
        if *in_second > plan.caps.rate {
            return Err(LoadError::RateCap {
                rate: *in_second,
                cap: plan.caps.rate,
            });
        }
        by_second.retain(|second, _| *second == arrival.at.as_secs());
    }
    Ok(())
}

/// Raises the limit of open files as far as it is allowed, if need be.
fn raise_file_limit(plan: &Plan) -> Result<(), LoadError> {
    let (workers, connections) = (u64::from(plan.workers), u64::from(plan.connections));
    let open = std::fs::read_dir("/proc/self/fd").map_or(64, |files| files.count() as u64);
    let needed = open + FILES_TO_SPARE + workers * (connections + FILES_PER_WORKER);
    let mut limit = getrlimit(Resource::Nofile);
    let enough = |bound: Option<u64>| bound.is_none_or(|bound| bound >= needed);
    if enough(limit.current) {
        return Ok(());
    }
    let hard = limit.maximum;
    limit.current = hard;
    if !enough(hard) || setrlimit(Resource::Nofile, limit).is_err() {
        return Err(LoadError::FileLimit {
            workers: plan.workers,
            connections: plan.connections,
            needed,
            limit: hard.unwrap_or(u64::MAX),
        });
    }
    Ok(())
}

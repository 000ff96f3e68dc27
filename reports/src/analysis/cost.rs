//! What it cost, and what of it was used.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Service;
use super::gather::Gathered;

/// What the run cost, in minutes of one replica, in scenario time.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Cost {
    /// All services together; nothing without replica data.
    pub paid_replica_min: Option<f64>,
    /// By service, in the order of names.
    pub services: Vec<ServiceCost>,
    /// The share of the run for which there is replica data.
    pub covered: f64,
}

/// What one service cost.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ServiceCost {
    /// Its name.
    pub service: String,
    /// Replicas that existed (starting, ready or draining) × time.
    pub paid_replica_min: f64,
    /// Of it, what the load needed; nothing without capacity. So with the others.
    pub used_replica_min: Option<f64>,
    /// Of it, what was not needed.
    pub wasted_replica_min: Option<f64>,
    /// What was needed and was not there.
    pub short_replica_min: Option<f64>,
}

impl Cost {
    pub(super) fn of(services: &[Service], gathered: &Gathered) -> Self {
        let counted: Vec<ServiceCost> = services
            .iter()
            .filter_map(|service| ServiceCost::of(service, gathered))
            .collect();
        let rows = gathered.rows.len();
        let seen = gathered
            .rows
            .iter()
            .flatten()
            .filter(|r| !r.workloads.is_empty());
        Self {
            paid_replica_min: (!counted.is_empty())
                .then(|| counted.iter().map(|s| s.paid_replica_min).sum()),
            services: counted,
            covered: if rows == 0 {
                0.0
            } else {
                seen.count() as f64 / rows as f64
            },
        }
    }
}

impl ServiceCost {
    /// Nothing if no window says how many replicas there were. Windows without data cost nothing: they are not known.
    fn of(service: &Service, gathered: &Gathered) -> Option<Self> {
        let (mut paid, mut used, mut short) = (0.0, 0.0, 0.0);
        let (mut any, mut all_known) = (false, service.safe.rps().is_some());
        for (window, row) in service.windows.iter().zip(&gathered.rows) {
            let Some(workload) = row.as_ref().and_then(|r| r.workloads.get(&service.name)) else {
                continue;
            };
            any = true;
            let minutes = (window.to_s - window.from_s) / 60.0;
            let ready = f64::from(workload.ready.get());
            let there =
                ready + f64::from(workload.starting.get()) + f64::from(workload.draining.get());
            paid += there * minutes;
            match window.load_rps.zip(service.safe.rps()) {
                Some((load, safe)) => {
                    let needed = (load / safe).ceil();
                    used += needed.min(there) * minutes;
                    short += (needed - ready).max(0.0) * minutes;
                }
                None => all_known = false,
            }
        }
        any.then(|| Self {
            service: service.name.clone(),
            paid_replica_min: paid,
            used_replica_min: all_known.then_some(used),
            wasted_replica_min: all_known.then_some(paid - used),
            short_replica_min: all_known.then_some(short),
        })
    }
}

//! How well the scaling did, in the measures that the literature compares autoscalers by.
//!
//! The elasticity measures are those of the SPEC Research Group (Herbst, Bauer, Kounev and others, "Quantifying Cloud
//! Performance and Dependability", ACM ToMPECS 2018), the service level's those of error budgets and their burn rates. All
//! are pure functions of an [`Analysis`], in scenario time. What a replica takes, on which the need rests, is the analysis'
//! safe rate: the same run judged by two of them gives two results.

mod cost;
mod level;
mod provisioning;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::analysis::{Analysis, Service};

pub use level::{Burn, Level};
pub use provisioning::Provisioning;

/// How well the scaling did.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Quality {
    /// What shoppers got.
    pub level: Level,
    /// By service, in the order of names.
    pub services: Vec<ServiceQuality>,
}

/// One service's.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ServiceQuality {
    /// Its name.
    pub service: String,
    /// Replicas that were there against those that were needed; nothing without capacity or replica data.
    pub provisioning: Option<Provisioning>,
    /// Requests slower than its own limit or not served, as a share of all; nothing without requests.
    pub missed: Option<f64>,
    /// Replicas that existed, from their creation on, × time, in hours; nothing without replica data.
    pub replica_hours: Option<f64>,
    /// Replicas started in the run; nothing without replica data. So with the next.
    pub starts: Option<u64>,
    /// Time that slots were held ÷ time that slots existed, starting replicas included; nothing without utilisation.
    pub useful: Option<f64>,
    /// Decisions that changed its number of replicas.
    pub actions: u64,
    /// Of those, up after down or down after up within ten minutes of scenario time.
    pub flaps: u64,
}

impl Quality {
    /// All of it.
    #[must_use]
    pub fn of(run: &Analysis) -> Self {
        Self {
            level: Level::of(run),
            services: run
                .services
                .iter()
                .map(|service| ServiceQuality::of(run, service))
                .collect(),
        }
    }
}

impl ServiceQuality {
    fn of(run: &Analysis, service: &Service) -> Self {
        let changes = cost::changes(run, &service.name);
        let counts = &service.counts;
        Self {
            service: service.name.clone(),
            provisioning: Provisioning::of(service),
            missed: (counts.offered > 0).then(|| counts.misses() as f64 / counts.offered as f64),
            replica_hours: cost::replica_hours(run, &service.name),
            starts: cost::starts(&service.replicas),
            useful: cost::useful(&service.windows),
            actions: changes.len() as u64,
            flaps: cost::flaps(&changes),
        }
    }
}

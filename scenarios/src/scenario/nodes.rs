//! What replicas run on, and what it costs.

use metrics::Quantity;
use serde::{Deserialize, Serialize};

use crate::Distribution;

/// The nodes that replicas run on. A replica starts on a node with room for it; without one it waits for a node.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Nodes {
    /// What fits on one.
    pub size: NodeSize,
    /// How many there are at the start, all ready.
    pub count: u32,
    /// How many there may be; at least `count`. A node is added when a replica finds no room.
    pub max: u32,
    /// From the order for a node to its readiness.
    pub provisioning: Distribution,
    /// In how many zones they stand: node i is in zone i mod `zones`. At least 1.
    pub zones: u32,
}

/// What fits on a node.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeSize {
    /// Replicas whose [`Service::cpu`](crate::Service::cpu) add up to no more than this.
    Cpu(Quantity),
    /// So many replicas of whatever services.
    Replicas(u32),
}

/// What things cost, in whatever money the reader thinks in.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Prices {
    /// A replica for an hour, if that is known.
    pub replica_hour: Option<f64>,
    /// A node for an hour, if that is known.
    pub node_hour: Option<f64>,
}

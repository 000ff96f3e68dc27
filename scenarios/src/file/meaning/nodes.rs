//! What replicas run on, what lies between, and what it costs.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::Quantity;

use super::super::format::{NetworkFile, NodeSizeFile, NodesFile, PricesFile};
use super::super::mistake::{Concern, Span};
use super::super::written::{At, Field};
use super::{Meaning, spans};
use crate::{Distribution, Network, NodeSize, Nodes, Prices, Service};

/// The most nodes.
const MOST: u32 = 10_000;

impl Meaning<'_> {
    pub(super) fn network(&mut self, field: &Field<NetworkFile>) -> Network {
        let file = field.or(NetworkFile::default());
        let none = Distribution::Constant(Duration::ZERO);
        let latency = self.spread(&file.latency, "a latency", none.clone());
        if latency != none {
            let why = "messages take there what the loopback takes";
            self.left_out(file.latency.at(), "the network's latency", why);
        }
        Network { latency }
    }

    pub(super) fn prices(&mut self, field: &Field<PricesFile>) -> Prices {
        let file = field.or(PricesFile::default());
        Prices {
            replica_hour: file.replica_hour.value().map(|number| number.0),
            node_hour: file.node_hour.value().map(|number| number.0),
        }
    }

    pub(super) fn nodes(
        &mut self,
        field: &Field<NodesFile>,
        services: &BTreeMap<String, Service>,
    ) -> Option<Nodes> {
        let At {
            value: file, at, ..
        } = field.0.as_ref()?;
        self.left_out(
            Some(*at),
            "the nodes",
            "there is always room for a replica there, and none waits for a node",
        );
        let size = self.node_size(&file.size, services);
        let count = file.count.value().map_or(1, |count| count.0);
        let count = self.within(count, file.count.at(), "count", 1..=MOST);
        let max = file.max.value().map_or(count, |max| max.0);
        let max = self.within(max, file.max.at(), "max", 1..=MOST);
        if let Some(at) = file.max.at().filter(|_| max < count) {
            let what = format!("max is below count: {max} below {count}");
            self.found.add(at, what, "", "count ≤ max");
        }
        let zones = file.zones.value().map_or(1, |zones| zones.0);
        let zones = self.within(zones, file.zones.at(), "zones", 1..=100);
        let default =
            Distribution::from_median_p90(Duration::from_secs(90), Duration::from_secs(150))
                .unwrap_or(Distribution::Constant(Duration::from_secs(90)));
        let nodes = Nodes {
            size: size?,
            count,
            max: max.max(count),
            provisioning: self.spread(&file.provisioning, "provisioning", default),
            zones,
        };
        self.room_at_the_start(&nodes, services, *at);
        Some(nodes)
    }

    /// What fits on a node: at least one replica of each service.
    fn node_size(
        &mut self,
        field: &Field<NodeSizeFile>,
        services: &BTreeMap<String, Service>,
    ) -> Option<NodeSize> {
        let At {
            value: file, at, ..
        } = field.0.as_ref()?;
        let there = spans([("cpu", file.cpu.at()), ("replicas", file.replicas.at())]);
        if there.len() != 1 {
            let at = there.get(1).map_or(*at, |(_, at)| *at);
            let rule = "one of: `size: {cpu: 4}`, `size: {replicas: 8}`";
            let what = format!("the size of a node said {} times", there.len());
            self.found.add(at, what, "", rule);
            return None;
        }
        if let Some(count) = file.replicas.value() {
            let replicas = self.within(count.0, file.replicas.at(), "replicas", 1..=MOST);
            return Some(NodeSize::Replicas(replicas));
        }
        let at = file.cpu.at()?;
        file.cpu.value()?;
        let cpu = self.cpu(&file.cpu, Quantity::from_milli(1_000_000_000));
        for (name, service) in services.iter().filter(|(_, service)| service.cpu > cpu) {
            let what = format!("no replica of {name} fits on a node");
            let label = format!(
                "it asks for {} cores, a node has {}",
                cores(service.cpu),
                cores(cpu)
            );
            let rule = format!("make nodes larger, or lower `services.{name}.cpu`");
            self.found.add(at, what, label, rule);
        }
        Some(NodeSize::Cpu(cpu))
    }

    /// Replicas without room at the start wait for nodes: possible, but seldom meant.
    fn room_at_the_start(&mut self, nodes: &Nodes, services: &BTreeMap<String, Service>, at: Span) {
        let replicas = |service: &Service| i64::from(service.replicas.get());
        let (need, room, what) = match nodes.size {
            NodeSize::Cpu(cpu) => {
                let need = services.values().map(|s| replicas(s) * s.cpu.milli()).sum();
                (
                    need,
                    i64::from(nodes.count) * cpu.milli(),
                    "thousandths of a core",
                )
            }
            NodeSize::Replicas(count) => {
                let need: i64 = services.values().map(replicas).sum();
                (need, i64::from(nodes.count) * i64::from(count), "replicas")
            }
        };
        if need > room {
            let label = format!(
                "the services start with {need} {what}, {} nodes have room for {room}",
                nodes.count
            );
            let rule = "those without room wait for nodes to be added: raise `count`, or start with fewer replicas";
            self.found.remark(
                Concern::Doubtful,
                at,
                "not all replicas have room at the start",
                label,
                rule,
            );
        }
    }
}

/// Cores, as people write them.
fn cores(cpu: Quantity) -> f64 {
    cpu.milli() as f64 / 1000.0
}

//! What replicas run on: nodes with room for so much, in zones. A replica that finds no room waits for a node.

use std::collections::VecDeque;
use std::time::Duration;

use scenarios::{Draws, NodeSize, Scenario, Stream};

use crate::Probe;
use crate::calendar::Kind;
use crate::model::NONE;
use crate::replica::Life;
use crate::world::World;

/// One node.
#[derive(Clone, Copy, Debug)]
struct Node {
    zone: u32,
    /// What is free on it.
    free: i64,
    state: State,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// It was ordered and is not there yet.
    Ordered,
    Ready,
    /// It is gone, and may come back.
    Lost,
}

/// All nodes.
#[derive(Debug)]
pub(crate) struct Nodes {
    size: NodeSize,
    /// What fits on one.
    capacity: i64,
    most: u32,
    zones: u32,
    /// By ordinal: none is used twice.
    nodes: Vec<Node>,
    /// Zones in which no node is made, by how many faults.
    lost_zones: Vec<u32>,
    /// Replicas that wait for a node, from the first to the last.
    waiting: VecDeque<u32>,
    /// The nodes that each fault took.
    taken: Vec<(u32, Vec<u32>)>,
    /// The zone that each fault took.
    taken_zones: Vec<(u32, u32)>,
}

impl Nodes {
    pub(crate) fn of(scenario: &Scenario) -> Option<Self> {
        let meant = scenario.nodes.as_ref()?;
        let capacity = match meant.size {
            NodeSize::Cpu(cpu) => cpu.milli(),
            NodeSize::Replicas(count) => i64::from(count),
        };
        let zones = meant.zones.max(1);
        let node = |ordinal: u32| Node {
            zone: ordinal % zones,
            free: capacity,
            state: State::Ready,
        };
        Some(Self {
            size: meant.size,
            capacity,
            most: meant.max,
            zones,
            nodes: (0..meant.count).map(node).collect(),
            lost_zones: vec![0; zones as usize],
            waiting: VecDeque::new(),
            taken: vec![],
            taken_zones: vec![],
        })
    }

    /// The ready node with the most room, if it is enough; of equals the oldest.
    fn roomiest(&self, needs: i64) -> Option<u32> {
        let ready = self.nodes.iter().enumerate();
        let fit = ready.filter(|(_, node)| node.state == State::Ready && node.free >= needs);
        fit.max_by_key(|(place, node)| (node.free, usize::MAX - place))
            .map(|(place, _)| place as u32)
    }

    /// How many nodes there are or will be.
    fn count(&self) -> u32 {
        let here = self.nodes.iter().filter(|node| node.state != State::Lost);
        here.count() as u32
    }
}

impl<P: Probe> World<P> {
    /// What a replica needs of a node.
    fn needs(&self, nodes: &Nodes, place: u32) -> i64 {
        match nodes.size {
            NodeSize::Cpu(_) => {
                let service = self.replicas[place].service;
                self.model.services[usize::from(service)].cpu.milli()
            }
            NodeSize::Replicas(_) => 1,
        }
    }

    /// Gives a replica a place on a node. Whether there was one; otherwise it waits.
    pub(crate) fn find_node(&mut self, place: u32) -> bool {
        let Some(nodes) = &self.nodes else {
            return true;
        };
        let needs = self.needs(nodes, place);
        let found = nodes.roomiest(needs);
        let Some(nodes) = &mut self.nodes else {
            return true;
        };
        if let Some(node) = found {
            nodes.nodes[node as usize].free -= needs;
            self.replicas[place].node = node;
            return true;
        }
        nodes.waiting.push_back(place);
        self.order_nodes();
        false
    }

    /// Orders as many nodes as those who wait need, if there may be so many.
    fn order_nodes(&mut self) {
        let Some(nodes) = &self.nodes else { return };
        let wanted: i64 = nodes.waiting.iter().map(|r| self.needs(nodes, *r)).sum();
        let ordered = nodes.nodes.iter().filter(|n| n.state == State::Ordered);
        let mut coming = ordered.count() as i64 * nodes.capacity;
        while coming < wanted && self.order_node() {
            coming += self.nodes.as_ref().map_or(i64::MAX, |n| n.capacity.max(1));
        }
    }

    fn order_node(&mut self) -> bool {
        let Some(nodes) = &mut self.nodes else {
            return false;
        };
        if nodes.count() >= nodes.most || nodes.lost_zones.iter().all(|lost| *lost > 0) {
            return false;
        }
        // Ordinals of a zone that is lost are passed over.
        while nodes.lost_zones[nodes.nodes.len() % nodes.zones as usize] > 0 {
            let zone = nodes.nodes.len() as u32 % nodes.zones;
            nodes.nodes.push(Node {
                zone,
                free: 0,
                state: State::Lost,
            });
        }
        let ordinal = nodes.nodes.len() as u32;
        nodes.nodes.push(Node {
            zone: ordinal % nodes.zones,
            free: nodes.capacity,
            state: State::Ordered,
        });
        let Some(meant) = &self.scenario.nodes else {
            return false;
        };
        let mut draws = Draws::new(self.model.seed, Stream::Node { ordinal });
        let takes = meant.provisioning.sample_nanos(&mut draws);
        let at = self.now.saturating_add(takes);
        self.calendar.schedule(at, Kind::NodeReady, ordinal);
        true
    }

    /// A node is there.
    pub(crate) fn node_ready(&mut self, ordinal: u32) {
        if let Some(nodes) = &mut self.nodes {
            let node = &mut nodes.nodes[ordinal as usize];
            if node.state == State::Ordered {
                node.state = State::Ready;
            }
        }
        self.use_nodes();
    }

    /// A replica is gone from its node, or waits for one no more.
    pub(crate) fn leave_node(&mut self, place: u32) {
        let Some(nodes) = &self.nodes else { return };
        let needs = self.needs(nodes, place);
        let node = std::mem::replace(&mut self.replicas[place].node, NONE);
        if let Some(nodes) = &mut self.nodes {
            nodes.waiting.retain(|waits| *waits != place);
            if node != NONE {
                nodes.nodes[node as usize].free += needs;
            }
        }
        self.use_nodes();
    }

    /// Those who wait take what room there is, in their order.
    fn use_nodes(&mut self) {
        let Some(nodes) = &mut self.nodes else { return };
        let waiting: Vec<u32> = nodes.waiting.drain(..).collect();
        for place in waiting {
            if self.replicas[place].life == Life::Pending && self.find_node(place) {
                self.start_up(place);
            }
        }
    }

    /// Nodes are gone, with the replicas on them.
    pub(crate) fn lose_nodes(&mut self, fault: u32, count: u32, lasts: Duration) {
        let Some(nodes) = &self.nodes else {
            return self.tell(None, "a node is lost, but there are none".into(), lasts);
        };
        let all = 0..nodes.nodes.len() as u32;
        let mut ready: Vec<u32> = all
            .filter(|node| nodes.nodes[*node as usize].state == State::Ready)
            .collect();
        let mut draws = Draws::new(self.model.seed, Stream::Fault { fault });
        let mut victims = vec![];
        while victims.len() < count as usize && !ready.is_empty() {
            let place = draws.below(ready.len() as u64);
            victims.push(ready.remove(place as usize));
        }
        self.lose(fault, victims, lasts);
    }

    /// All nodes of a zone are gone, with the replicas on them.
    pub(crate) fn lose_zone(&mut self, fault: u32, zone: Option<u32>, lasts: Duration) {
        let Some(nodes) = &mut self.nodes else {
            return self.tell(None, "a zone is lost, but there are no nodes".into(), lasts);
        };
        let mut draws = Draws::new(self.model.seed, Stream::Fault { fault });
        let zone = zone.unwrap_or_else(|| draws.below(nodes.zones.into()) as u32) % nodes.zones;
        nodes.lost_zones[zone as usize] += 1;
        nodes.taken_zones.push((fault, zone));
        let all = 0..nodes.nodes.len() as u32;
        let victims = all
            .filter(|node| {
                let node = &nodes.nodes[*node as usize];
                node.zone == zone && node.state != State::Lost
            })
            .collect();
        self.tell(None, format!("zone {zone} is lost"), lasts);
        self.lose(fault, victims, lasts);
    }

    fn lose(&mut self, fault: u32, victims: Vec<u32>, lasts: Duration) {
        let Some(nodes) = &mut self.nodes else { return };
        for node in &victims {
            nodes.nodes[*node as usize].state = State::Lost;
        }
        let names: Vec<String> = victims.iter().map(|node| format!("node-{node}")).collect();
        nodes.taken.push((fault, victims.clone()));
        self.tell(None, format!("lost: {}", names.join(", ")), lasts);
        let mut gone = vec![];
        for workload in &self.workloads {
            let on_them = |place: &u32| victims.contains(&self.replicas[*place].node);
            gone.extend(workload.members.iter().copied().filter(on_them));
        }
        self.kill(&gone);
    }

    /// What a fault took is back, empty.
    pub(crate) fn find_again(&mut self, fault: u32) {
        let Some(nodes) = &mut self.nodes else { return };
        let mut back = vec![];
        nodes.taken.retain(|(by, taken)| {
            let mine = *by == fault;
            if mine {
                back.extend(taken.iter().copied());
            }
            !mine
        });
        if let Some(place) = nodes.taken_zones.iter().position(|(by, _)| *by == fault) {
            let (_, zone) = nodes.taken_zones.remove(place);
            nodes.lost_zones[zone as usize] -= 1;
        }
        for node in back {
            let zone = nodes.nodes[node as usize].zone;
            let elsewhere = nodes.taken.iter().any(|(_, taken)| taken.contains(&node));
            if !elsewhere && nodes.lost_zones[zone as usize] == 0 {
                nodes.nodes[node as usize].state = State::Ready;
            }
        }
        self.use_nodes();
        self.order_nodes();
    }
}

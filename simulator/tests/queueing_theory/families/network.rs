//! Networks of queues: a journey whose pages are the nodes, and whose chain is the routing.
//!
//! No page calls another service, so nobody holds a server while another works.

use super::super::case::{Case, Fault, Model};
use super::super::draft::{Draft, run};
use super::super::effort::{Effort, memory};
use super::super::quantities::Setting;
use super::super::station::Questions;
use super::super::watch::Watch;
use super::super::work::Work;
use super::{Seen, rate};

struct Node {
    /// What quantities begin with.
    name: String,
    /// What it is called in the scenario: services stand in this order, and any name will do.
    id: String,
    servers: u32,
    work: Work,
    external: f64,
    /// Arrivals from outside and from within.
    throughput: f64,
}

struct Network {
    nodes: Vec<Node>,
    routing: Vec<Vec<f64>>,
}

impl Network {
    fn read(model: &Model<'_>) -> Result<Self, Fault> {
        model.only("discipline", &["fifo"])?;
        model.only(
            "routing_kind",
            &["markov: after service at i go to j with probability P[i][j], else leave; the caller does not hold its server while downstream works"],
        )?;
        let node = |(n, part): (usize, Model<'_>)| {
            let node = Node {
                name: part.text("name")?.to_owned(),
                id: format!("node{n:04}"),
                servers: part.count("servers")?,
                work: Work::read(&part.part("service")?)?,
                external: part.number("external_rate")?,
                throughput: 0.0,
            };
            part.finish()?;
            Ok(node)
        };
        let nodes: Result<Vec<Node>, Fault> = model
            .parts("nodes")?
            .into_iter()
            .enumerate()
            .map(node)
            .collect();
        let routing = model.matrix("routing")?;
        model.finish()?;
        let mut network = Self {
            nodes: nodes?,
            routing,
        };
        network.balance();
        Ok(network)
    }

    /// The traffic equations, by repetition: it converges because everybody leaves at last.
    fn balance(&mut self) {
        for _ in 0..10_000 {
            let flows: Vec<f64> = (0..self.nodes.len())
                .map(|to| {
                    let within = self.nodes.iter().zip(&self.routing);
                    let within: f64 = within.map(|(node, row)| node.throughput * row[to]).sum();
                    self.nodes[to].external + within
                })
                .collect();
            for (node, flow) in self.nodes.iter_mut().zip(flows) {
                node.throughput = flow;
            }
        }
    }

    fn external(&self) -> f64 {
        self.nodes.iter().map(|node| node.external).sum()
    }

    /// Chances of nodes, as the language writes them.
    fn chances(&self, chances: impl Iterator<Item = f64>) -> String {
        let named = self.nodes.iter().zip(chances);
        let named = named.filter(|(_, chance)| *chance > 0.0);
        let named: Vec<String> = named
            .map(|(node, chance)| format!("{}: {chance}", node.id))
            .collect();
        format!("{{{}}}", named.join(", "))
    }

    fn draft(&self, seconds: f64) -> Result<Draft, Fault> {
        let external = self.external();
        let mut draft = Draft::poisson(seconds, &rate(external));
        let mut pages = Vec::new();
        for (node, row) in self.nodes.iter().zip(&self.routing) {
            let Node {
                id, servers, work, ..
            } = node;
            let next = self.chances(row.iter().copied());
            pages.push(format!("{id}: {{get: /{id}, think: 0s, next: {next}}}"));
            draft.services.push(format!(
                "{id}: {{slots: {servers}, queue: unlimited, operations: {{serve: {{route: GET /{id}, do: [work: {}]}}}}}}",
                work.single()?
            ));
        }
        let start = self.chances(self.nodes.iter().map(|node| node.external / external));
        draft.journeys.push(format!(
            "visit: {{start: {start}, pages: {{{}}}}}",
            pages.join(", ")
        ));
        Ok(draft)
    }
}

pub(crate) fn study(case: &Case, effort: &Effort) -> Result<Seen, Fault> {
    let network = Network::read(&case.model())?;
    let (requests, full) = effort.requests(case);
    let longest = network.nodes.iter().map(|node| {
        let mean = node.work.mean;
        memory(mean, node.throughput * mean / f64::from(node.servers))
    });
    let external = network.external();
    let spans = effort.spans(requests / external, longest.sum());
    let questions = network.nodes.iter().map(|_| Questions::default());
    let watch = Watch::new(spans, questions, 1);
    let scenario = network
        .draft(spans.end() as f64 / 1e9)?
        .check(effort.seed)?;
    let mut watch = run(&scenario, watch, &mut |_| ())?;
    watch.finish(spans.end());
    let mut seen = Seen::new(requests, full);
    for name in case.expect.keys() {
        if name == "mean_end_to_end" {
            // Little's law for the whole network, in which each page counts as long as it takes.
            let whole = watch
                .pages
                .estimate(|pages| pages.latency / pages.time / external);
            seen.note(name, Some(whole));
        }
        for (node, station) in network.nodes.iter().zip(&watch.stations) {
            let setting = Setting {
                servers: f64::from(node.servers),
                replicas: 1,
                sharing: false,
            };
            let own = name.strip_prefix(node.name.as_str());
            if let Some(own) = own.and_then(|own| own.strip_prefix('_')) {
                seen.note(name, station.quantity(own, setting, &[]));
            }
        }
    }
    Ok(seen)
}

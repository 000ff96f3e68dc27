//! What a plan's values become where they are pasted, and what they cost.

use std::time::Duration;

use metrics::Ratio;
use reports::plan::{Cost, ServicePlan};
use scenarios::{HpaTarget, NodeSize, Nodes, Policy, Scaling, Scenario};
use serde_json::Value;

use crate::simulating::planning::Tried;
use crate::simulating::sizing::Sizes;
use crate::{spoken, wiring};

/// The parts of a service's plan that say how it scales.
pub(crate) fn policy(scenario: &Scenario, scaling: Option<&Scaling>) -> ServicePlan {
    // What stands by the clock is planned as what always stands.
    let name = match scaling.map(|s| &s.policy) {
        None | Some(Policy::Schedule(_)) => "static",
        Some(other) => other.name(),
    };
    let mut plan = ServicePlan {
        service: String::new(),
        policy: name.into(),
        scales: false,
        today: (0, 0),
        min: 0,
        max: 0,
        peak: 0,
        peak_rps: None,
        knee_rps: None,
        headroom: None,
        cpu: 0.0,
        metrics: Vec::new(),
        behavior: None,
        target: None,
    };
    if let Some(Policy::Upstream(spec)) = scaling.map(|s| &s.policy) {
        plan.target = spoken::words(spec).map(|words| words.join(", "));
        return plan;
    }
    let Some(Scaling {
        policy:
            Policy::Hpa {
                targets,
                behavior,
                stabilization,
                tolerance,
                cpu_initialization,
                initial_readiness_delay,
            },
        ..
    }) = scaling
    else {
        return plan;
    };
    plan.behavior.clone_from(behavior);
    if let Some(hpa) = scaling.and_then(|s| wiring::simple_hpa(scenario, s)) {
        let metrics = hpa.spec().metrics;
        plan.metrics = metrics
            .iter()
            .filter_map(|m| serde_json::to_value(m).ok())
            .collect();
    }
    let targets: Vec<String> = targets.iter().map(target).collect();
    let mut words = vec![format!("target: {{{}}}", targets.join(", "))];
    let seconds = |name: &str, is: Duration, default: u64| {
        (is != Duration::from_secs(default)).then(|| format!("{name}: {}ms", is.as_millis()))
    };
    words.extend(seconds("stabilization", *stabilization, 300));
    words.extend(seconds("cpu_initialization", *cpu_initialization, 300));
    words.extend(seconds(
        "initial_readiness_delay",
        *initial_readiness_delay,
        30,
    ));
    if (tolerance.get() - 0.1).abs() > 1e-12 {
        words.push(format!("tolerance: {}", percent(*tolerance)));
    }
    words.extend(behavior.as_ref().map(|b| format!("behavior: {}", flow(b))));
    plan.target = Some(words.join(", "));
    plan
}

fn target(target: &HpaTarget) -> String {
    match target {
        HpaTarget::Cpu(share) => format!("cpu: {}", percent(*share)),
        HpaTarget::Busy(share) => format!("busy: {}", percent(*share)),
        HpaTarget::Requests(rate) => format!("requests: {rate}/s"),
    }
}

/// As a scenario has it, without what binary fractions add.
fn percent(share: Ratio) -> String {
    format!("{}%", (share.get() * 1e8).round() / 1e6)
}

/// JSON as flow YAML, with a space after each colon.
pub(crate) fn flow(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| format!("{name}: {}", flow(value));
            format!(
                "{{{}}}",
                fields.iter().map(field).collect::<Vec<_>>().join(", ")
            )
        }
        Value::Array(items) => {
            format!(
                "[{}]",
                items.iter().map(flow).collect::<Vec<_>>().join(", ")
            )
        }
        other => other.to_string(),
    }
}

/// What a plan costs.
pub(crate) fn cost(scenario: &Scenario, (min, max): (&Sizes, &Sizes), runs: &[Tried]) -> Cost {
    let total = |sizes: &Sizes| sizes.values().sum::<u32>();
    let means: Option<Vec<f64>> = runs
        .iter()
        .map(|t| {
            let minutes = t.run.cost.paid_replica_min?;
            (t.run.about.ran_s > 0.0).then(|| minutes * 60.0 / t.run.about.ran_s)
        })
        .collect();
    let means = means.filter(|means| !means.is_empty());
    let mean_replicas = means.map(|means| means.iter().sum::<f64>() / means.len() as f64);
    let nodes = scenario.nodes.as_ref();
    let nodes = nodes.map(|n| (packed(scenario, n, min), packed(scenario, n, max)));
    let prices = scenario.prices;
    let hour = |replicas: f64, nodes: Option<u32>| -> Option<f64> {
        let by_replica = prices.replica_hour.map(|price| price * replicas);
        let by_node = prices
            .node_hour
            .zip(nodes)
            .map(|(price, n)| price * f64::from(n));
        match (by_replica, by_node) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0.0) + b.unwrap_or(0.0)),
        }
    };
    let low = hour(f64::from(total(min)), nodes.map(|n| n.0));
    let high = hour(f64::from(total(max)), nodes.map(|n| n.1));
    Cost {
        replicas: (total(min), total(max)),
        mean_replicas,
        nodes,
        per_hour: low.zip(high),
        // How many nodes stand between the two is not known to the hundredth: only replicas are.
        worst_hour: prices
            .replica_hour
            .filter(|_| prices.node_hour.is_none())
            .zip(mean_replicas)
            .map(|(price, mean)| price * mean),
    }
}

/// Nodes that so many replicas need: the largest first, each on the first node with room for it.
fn packed(scenario: &Scenario, nodes: &Nodes, sizes: &Sizes) -> u32 {
    let size = |name: &String| -> u64 {
        let cpu = scenario.services.get(name).map_or(0, |s| s.cpu.milli());
        match nodes.size {
            NodeSize::Cpu(_) => u64::try_from(cpu).unwrap_or(0),
            NodeSize::Replicas(_) => 1,
        }
    };
    let room = match nodes.size {
        NodeSize::Cpu(cpu) => u64::try_from(cpu.milli()).unwrap_or(0),
        NodeSize::Replicas(n) => n.into(),
    };
    let mut items: Vec<u64> = sizes
        .iter()
        .flat_map(|(name, n)| std::iter::repeat_n(size(name), *n as usize))
        .collect();
    items.sort_unstable_by(|a, b| b.cmp(a));
    let mut free: Vec<u64> = Vec::new();
    for item in items {
        match free.iter_mut().find(|left| **left >= item) {
            Some(left) => *left -= item,
            None => free.push(room.saturating_sub(item)),
        }
    }
    u32::try_from(free.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario_file;

    fn read(sets: &[&str]) -> Scenario {
        let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).collect();
        let checked = scenario_file::read("flash-sale", &sets);
        checked.unwrap_or_else(|f| panic!("{:#}", f.error)).scenario
    }

    #[test]
    fn what_is_pasted_says_the_same_again() {
        let behavior = "scaling.order.behavior={scaleUp: {stabilizationWindowSeconds: 0, policies: [{type: Pods, value: 8, periodSeconds: 15}]}}";
        let sets = [
            "scaling.order.target={cpu: 33.3%, busy: 70%, requests: 12.5/s}",
            "scaling.order.stabilization=1500ms",
            "scaling.order.tolerance=5%",
            behavior,
        ];
        let scenario = read(&sets);
        let was = &scenario.scaling["order"];
        let plan = policy(&scenario, Some(was));
        let again = format!(
            "scaling.order={{policy: {}, min: {}, max: {}, {}}}",
            plan.policy,
            was.min,
            was.max,
            plan.target.unwrap_or_default()
        );
        assert_eq!(&read(&[&again]).scaling["order"], was, "{again}");
        assert_eq!(plan.metrics.len(), 3);
        assert_eq!(
            plan.metrics[0]["resource"]["target"]["averageUtilization"],
            33
        );
    }

    #[test]
    fn nodes_are_filled_with_the_largest_first() {
        let scenario = read(&[
            "nodes={size: {cpu: 4}, count: 3}",
            "services.order.cpu=3",
            "services.auth.cpu=1",
        ]);
        let nodes = scenario.nodes.clone().expect("it has nodes");
        let sizes = |order, auth| Sizes::from([("order".into(), order), ("auth".into(), auth)]);
        for (order, auth, needed) in [(0, 0, 0), (3, 3, 3), (3, 4, 4), (0, 4, 1), (1, 5, 2)] {
            assert_eq!(packed(&scenario, &nodes, &sizes(order, auth)), needed);
        }
    }

    #[test]
    fn without_prices_nothing_is_said_of_money() {
        let sizes = |n| Sizes::from([("order".to_owned(), n)]);
        let free = cost(&read(&[]), (&sizes(2), &sizes(4)), &[]);
        assert_eq!(
            (free.replicas, free.per_hour, free.nodes),
            ((2, 4), None, None)
        );
        let priced = read(&["prices={replica_hour: 0.5}"]);
        let priced = cost(&priced, (&sizes(2), &sizes(4)), &[]);
        assert_eq!(priced.per_hour, Some((1.0, 2.0)));
        assert_eq!(priced.worst_hour, None, "no run says how many there were");
    }
}

//! One metric of a spec, made ready: what it is called, what it needs, and what it proposes.

use metrics::{NoData, Quantity, Reading};

use super::pods::{Measured, Origin, PodMetric, PodProposal, PodTarget, Room, Startup};
use super::spec::{
    LabelSelector, MetricIdentifier, MetricSpec, MetricTarget, ObjectSource, QuantityText,
};
use super::whole::{external, object};
use super::{HpaController, Metrics, Tolerance};
use crate::{MetricId, Observation, ReplicaUsage, Sample, Wants};

/// A metric, ready to be computed.
#[derive(Clone, Debug)]
pub(super) struct Metric {
    /// Upstream's name for it.
    pub(super) name: String,
    /// Why its selector cannot be used.
    pub(super) bad_selector: Option<String>,
    pub(super) source: Source,
}

#[derive(Clone, Debug)]
pub(super) enum Source {
    Resource {
        name: String,
        container: Option<String>,
        target: Option<PodTarget>,
    },
    Pods {
        name: String,
        id: MetricId,
        target: i64,
    },
    Object {
        name: String,
        at: String,
        id: MetricId,
        target: Option<Whole>,
    },
    External {
        name: String,
        id: MetricId,
        target: Option<Whole>,
    },
    /// Not one of the five, or its block is absent.
    Unknown(String),
}

/// What the whole should be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Whole {
    Value(i64),
    /// Per replica.
    Average(i64),
}

/// Why a metric proposes nothing.
#[derive(Clone, Debug)]
pub(super) struct MetricError {
    /// The word of the condition and the event.
    pub(super) reason: &'static str,
    /// What the event says.
    pub(super) event: String,
    /// What the controller returns.
    pub(super) error: String,
}

/// What a metric proposes, and from what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Proposal {
    pub(super) replicas: i32,
    pub(super) basis: Basis,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Basis {
    Pods {
        of: PodProposal,
        target: PodTarget,
    },
    Value {
        usage: i64,
        target: i64,
        ratio: f64,
        ready: Option<usize>,
    },
    Average {
        usage: i64,
        target: i64,
        replicas: i32,
    },
}

/// What all metrics of a step are computed with.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) seen: &'a Observation,
    /// Custom and external metrics: usually those that were seen.
    pub(super) metrics: &'a Metrics,
    pub(super) cur: i32,
    pub(super) status: i32,
    pub(super) tolerance: Tolerance,
    pub(super) controller: &'a HpaController,
}

impl Metric {
    /// Makes a metric of a spec ready.
    pub(super) fn new(spec: &MetricSpec) -> Self {
        let (name, source, identifier) = known(spec).unwrap_or_else(|| {
            (
                spec.r#type.clone(),
                Source::Unknown(spec.r#type.clone()),
                None,
            )
        });
        let selector = identifier.and_then(|of| of.selector.as_ref());
        Self {
            name,
            bad_selector: selector.and_then(|selector| selector.check().err()),
            source,
        }
    }

    /// Adds what it needs to be shown.
    pub(super) fn want(&self, wants: &mut Wants) {
        wants.replicas = true;
        match &self.source {
            Source::Resource { .. } => wants.usage = true,
            Source::Pods { id, .. } | Source::Object { id, .. } | Source::External { id, .. } => {
                wants.metrics.insert(id.clone());
            }
            Source::Unknown(_) => {}
        }
    }

    pub(super) const fn wakes(&self) -> bool {
        matches!(self.source, Source::Object { .. } | Source::External { .. })
    }

    /// What it proposes.
    pub(super) fn propose(
        &self,
        with: &Context<'_>,
        room: &mut Room,
    ) -> Result<Proposal, MetricError> {
        if let Some(why) = &self.bad_selector {
            return Err(self.unusable(why));
        }
        match &self.source {
            Source::Resource {
                name,
                container,
                target,
            } => resource(name, container.as_deref(), *target, with, room),
            Source::Pods { name, id, target } => pods(name, id, *target, with, room),
            Source::Object {
                name,
                at,
                id,
                target,
            } => object(name, at, id, *target, with),
            Source::External { name, id, target } => external(name, id, *target, with),
            Source::Unknown(kind) => {
                let error = format!("unknown metric source type \"{kind}\"");
                Err(MetricError {
                    reason: "InvalidMetricSourceType",
                    event: error.clone(),
                    error,
                })
            }
        }
    }
}

impl Metric {
    /// What a selector that cannot be used comes to.
    fn unusable(&self, why: &str) -> MetricError {
        let (reason, kind) = match self.source {
            Source::Pods { .. } => ("FailedGetPodsMetric", "pods"),
            Source::Object { .. } => ("FailedGetObjectMetric", "object"),
            _ => ("FailedGetExternalMetric", "external"),
        };
        MetricError {
            reason,
            event: why.to_owned(),
            error: format!("failed to get {kind} metric value: {why}"),
        }
    }
}

/// A metric of one of the five kinds: upstream's name for it, where it comes from, and its identifier if it has one.
fn known(spec: &MetricSpec) -> Option<(String, Source, Option<&MetricIdentifier>)> {
    match spec.r#type.as_str() {
        "Resource" => spec
            .resource
            .as_ref()
            .map(|it| of_resource(&it.name, None, &it.target)),
        "ContainerResource" => spec
            .container_resource
            .as_ref()
            .map(|it| of_resource(&it.name, Some(&it.container), &it.target)),
        "Pods" => spec.pods.as_ref().map(|it| {
            let name = it.metric.name.clone();
            let source = Source::Pods {
                id: MetricId::Pods { name: name.clone() },
                target: milli(it.target.average_value.as_ref()).unwrap_or(0),
                name,
            };
            (
                format!("pods metric {}", it.metric.name),
                source,
                Some(&it.metric),
            )
        }),
        "Object" => spec.object.as_ref().map(of_object),
        "External" => spec.external.as_ref().map(|it| {
            let name = it.metric.name.clone();
            let whole = || milli(it.target.value.as_ref()).map(Whole::Value);
            let source = Source::External {
                id: MetricId::External { name: name.clone() },
                target: milli(it.target.average_value.as_ref())
                    .map(Whole::Average)
                    .or_else(whole),
                name,
            };
            (external_name(&it.metric), source, Some(&it.metric))
        }),
        _ => None,
    }
}

fn of_resource<'a>(
    name: &str,
    container: Option<&String>,
    target: &MetricTarget,
) -> (String, Source, Option<&'a MetricIdentifier>) {
    let target = milli(target.average_value.as_ref())
        .map(PodTarget::Average)
        .or(target.average_utilization.map(PodTarget::Utilization));
    // Upstream names the container in one of the two.
    let how = match (target, container) {
        (Some(PodTarget::Average(_)), _) => " resource",
        (_, Some(_)) => " container resource utilization (percentage of request)",
        (_, None) => " resource utilization (percentage of request)",
    };
    let source = Source::Resource {
        name: name.to_owned(),
        container: container.cloned(),
        target,
    };
    (format!("{name}{how}"), source, None)
}

fn of_object(it: &ObjectSource) -> (String, Source, Option<&MetricIdentifier>) {
    let (object, name) = (&it.described_object, it.metric.name.clone());
    let target = object_target(&it.target);
    let called = match target {
        // So says upstream.
        Some(Whole::Average(_)) => external_name(&it.metric),
        _ => format!("{} metric {name}", object.kind),
    };
    let source = Source::Object {
        at: format!("{} {}", object.kind, object.name),
        id: MetricId::Object {
            kind: object.kind.clone(),
            object: object.name.clone(),
            name: name.clone(),
        },
        target,
        name,
    };
    (called, source, Some(&it.metric))
}

fn milli(text: Option<&QuantityText>) -> Option<i64> {
    text.map(QuantityText::milli)
}

/// An object's target goes by its type, an external metric's by what is there.
fn object_target(target: &MetricTarget) -> Option<Whole> {
    match target.r#type.as_str() {
        "Value" => milli(target.value.as_ref()).map(Whole::Value),
        "AverageValue" => milli(target.average_value.as_ref()).map(Whole::Average),
        _ => None,
    }
}

fn external_name(of: &MetricIdentifier) -> String {
    format!(
        "external metric {}({})",
        of.name,
        selector(of.selector.as_ref())
    )
}

/// A selector as Go prints it.
fn selector(of: Option<&LabelSelector>) -> String {
    let Some(of) = of else {
        return "nil".into();
    };
    let labels: String = of
        .match_labels
        .iter()
        .map(|(k, v)| format!("{k}: {v},"))
        .collect();
    let labels = if labels.is_empty() {
        "map[string]string{}".to_owned()
    } else {
        format!("map[string]string{{{labels}}}")
    };
    let each = of.match_expressions.iter().map(|it| {
        let values = it.values.join(" ");
        format!(
            "LabelSelectorRequirement{{Key:{},Operator:{},Values:[{values}],}},",
            it.key, it.operator
        )
    });
    let expressions: String = each.collect();
    format!(
        "&LabelSelector{{MatchLabels:{labels},MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )
}

/// Why a source gave nothing, in upstream's words.
fn nothing(why: &NoData, api: &str) -> String {
    match why {
        NoData::Empty => format!("no metrics returned from {api}"),
        NoData::Failed(what) | NoData::Unreachable(what) => {
            format!("unable to fetch metrics from {api}: {what}")
        }
        other => format!("unable to fetch metrics from {api}: {other}"),
    }
}

fn resource(
    name: &str,
    container: Option<&str>,
    target: Option<PodTarget>,
    with: &Context<'_>,
    room: &mut Room,
) -> Result<Proposal, MetricError> {
    let reason = match container {
        Some(_) => "FailedGetContainerResourceMetric",
        None => "FailedGetResourceMetric",
    };
    let fail = |event: String| MetricError {
        reason,
        error: match container {
            Some(container) => format!("failed to get {container} container metric value: {event}"),
            None => format!("failed to get {name} resource metric value: {event}"),
        },
        event,
    };
    let Some(target) = target else {
        return Err(fail(
            "invalid resource metric source: neither an average utilization target nor an average value (usage) target was set".into(),
        ));
    };
    let what = match target {
        PodTarget::Utilization(_) => "utilization",
        PodTarget::Average(_) => "usage",
    };
    let usage = usage(name, container, with.seen, &mut room.samples)
        .map_err(|why| fail(format!("failed to get {name} {what}: {why}")))?;
    let startup = if name == "cpu" {
        Startup::Matters {
            cpu_initialization: with.controller.cpu_initialization,
            readiness_delay: with.controller.initial_readiness_delay,
        }
    } else {
        Startup::Ignored
    };
    let metric = PodMetric {
        pods: &with.seen.replicas,
        origin: Origin::Usage(usage),
        target,
        startup,
        resource: name,
        container,
    };
    let of = metric
        .propose(with.seen.at, with.cur, with.tolerance, room)
        .map_err(|why| fail(format!("failed to get {name} {what}: {why}")))?;
    Ok(Proposal {
        replicas: of.replicas,
        basis: Basis::Pods { of, target },
    })
}

/// Finds each pod's use of a resource in what was measured. A pod of which a container was not measured has none.
fn usage<'a>(
    name: &str,
    container: Option<&str>,
    seen: &'a Observation,
    samples: &mut Vec<Measured>,
) -> Result<&'a [ReplicaUsage], String> {
    let all = match &seen.usage {
        Reading::Value { value, .. } if value.is_empty() => Err(nothing(&NoData::Empty, RESOURCES)),
        Reading::Value { value, .. } => Ok(value),
        Reading::NoData(why) => Err(nothing(why, RESOURCES)),
    }
    .map_err(|why| format!("unable to get metrics for resource {name}: {why}"))?;
    samples.clear();
    for (place, of) in all.iter().enumerate() {
        // A container is there once.
        let most = container.map_or(usize::MAX, |_| 1);
        let mut counted = of
            .containers
            .iter()
            .filter(|c| container.is_none_or(|wanted| wanted == c.name))
            .take(most)
            .map(|c| c.usage.get(name).copied().map(Quantity::milli));
        let sum = counted.try_fold((0_i64, 0_u32), |(sum, n), used| {
            Some((sum.saturating_add(used?), n + 1))
        });
        if let Some((milli, 1..)) = sum {
            samples.push(Measured { place, milli });
        }
    }
    Ok(all)
}

const RESOURCES: &str = "resource metrics API";
pub(super) const CUSTOM: &str = "custom metrics API";
pub(super) const EXTERNAL: &str = "external metrics API";

/// The series of a metric; none is an error.
pub(super) fn series<'a>(
    id: &MetricId,
    api: &str,
    metrics: &'a Metrics,
) -> Result<&'a [Sample], String> {
    match metrics.get(id) {
        Some(Reading::Value { value, .. }) if !value.is_empty() => Ok(value),
        Some(Reading::Value { .. }) => Err(nothing(&NoData::Empty, api)),
        Some(Reading::NoData(why)) => Err(nothing(why, api)),
        None => Err(nothing(&NoData::NotAsked, api)),
    }
}

fn pods(
    name: &str,
    id: &MetricId,
    target: i64,
    with: &Context<'_>,
    room: &mut Room,
) -> Result<Proposal, MetricError> {
    let fail = |event: String| MetricError {
        reason: "FailedGetPodsMetric",
        error: format!("failed to get pods metric value: {event}"),
        event,
    };
    let series = series(id, CUSTOM, with.metrics)
        .map_err(|why| fail(format!("unable to get metric {name}: {why}")))?;
    let samples = series.iter().enumerate().map(|(place, sample)| Measured {
        place,
        milli: sample.value.milli(),
    });
    room.samples.clear();
    room.samples.extend(samples);
    let target = PodTarget::Average(target);
    let metric = PodMetric {
        pods: &with.seen.replicas,
        origin: Origin::Series(series),
        target,
        startup: Startup::Ignored,
        resource: "",
        container: None,
    };
    let of = metric
        .propose(with.seen.at, with.cur, with.tolerance, room)
        .map_err(fail)?;
    Ok(Proposal {
        replicas: of.replicas,
        basis: Basis::Pods { of, target },
    })
}

//! The words that stand for one of a few things, and the parts that are read in a way of their own.

use std::borrow::Cow;

use metrics::{GateLevel, GatePer};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::format::{CalendarFile, ScalingEntry, ScalingFile, StepMap, StepsFile};
use super::mistake::Found;
use super::tree::{Key, Kind, Node};
use super::units::{OneOf, Word};
use super::written::{At, Field, List, NAME_PATTERN, Written, check_name, entries};
use crate::{ArrivalProcess, Balance, Begin, Unit, Waiting, WorkMode};

/// A policy's name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum PolicyName {
    Static,
    Schedule,
    PerRequest,
    Hpa,
    Reactive,
    Foresight,
    Kpa,
    Keda,
    Step,
    TargetTracking,
}

/// How a window averages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Aggregation {
    Linear,
    Weighted,
}

/// What a target is of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Per {
    Replica,
    Service,
}

/// What stands in for a datapoint that is missing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct AlarmMissing(pub(crate) scaler::AwsMissing);

/// How the replicas of a fallback meet those that are there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct FallbackBehavior(pub(crate) scaler::KedaFallbackBehavior);

/// A metric that the worlds have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct MetricName(pub(crate) &'static str);

/// A discipline's name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum DisciplineName {
    Fifo,
    Sharing,
}

/// What of the nodes is lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Lost {
    Node,
    Zone,
}

/// Which of several rules wins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct SelectPolicy(pub(crate) &'static str);

/// What a rule counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct RuleType(pub(crate) &'static str);

/// What is done on missing data.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum MissingData {
    Hold,
    Upstream,
}

macro_rules! words {
    ($($type:ty, $what:literal: $($word:literal => $value:expr),+;)*) => { $(
        impl Word for $type {
            const WHAT: &'static str = $what;
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, $value)),+];
        }
    )* };
}

words! {
    Unit, "a unit of traffic": "journeys" => Self::Journeys, "requests" => Self::Requests, "shoppers" => Self::Shoppers;
    ArrivalProcess, "a kind of arrivals": "poisson" => Self::Poisson, "even" => Self::Even, "recorded" => Self::Recorded;
    Begin, "a beginning": "stationary" => Self::Stationary, "empty" => Self::Empty;
    WorkMode, "a way of working": "paced" => Self::Paced, "burn" => Self::Burn;
    Balance, "a way of balancing": "power_of_two" => Self::PowerOfTwo, "round_robin" => Self::RoundRobin, "least_connections" => Self::LeastConnections, "random" => Self::Random;
    Waiting, "a place to wait": "replica" => Self::Replica, "gateway" => Self::Gateway;
    DisciplineName, "a discipline": "fifo" => Self::Fifo, "sharing" => Self::Sharing;
    Lost, "something that can be lost": "node" => Self::Node, "zone" => Self::Zone;
    PolicyName, "a policy": "static" => Self::Static, "schedule" => Self::Schedule, "per_request" => Self::PerRequest, "hpa" => Self::Hpa, "reactive" => Self::Reactive,
        "foresight" => Self::Foresight, "kpa" => Self::Kpa, "keda" => Self::Keda, "step" => Self::Step, "target_tracking" => Self::TargetTracking;
    AlarmMissing, "a way with missing datapoints": "missing" => Self(scaler::AwsMissing::Missing), "ignore" => Self(scaler::AwsMissing::Ignore),
        "breaching" => Self(scaler::AwsMissing::Breaching), "not_breaching" => Self(scaler::AwsMissing::NotBreaching);
    Aggregation, "a way of averaging": "linear" => Self::Linear, "weighted" => Self::Weighted;
    Per, "something that a target is for": "replica" => Self::Replica, "service" => Self::Service;
    FallbackBehavior, "a behavior of a fallback": "static" => Self(scaler::KedaFallbackBehavior::Static),
        "current_replicas" => Self(scaler::KedaFallbackBehavior::CurrentReplicas),
        "current_replicas_if_higher" => Self(scaler::KedaFallbackBehavior::CurrentReplicasIfHigher),
        "current_replicas_if_lower" => Self(scaler::KedaFallbackBehavior::CurrentReplicasIfLower),
        "scaling_modifiers" => Self(scaler::KedaFallbackBehavior::ScalingModifiers);
    MetricName, "a metric of a scenario": "requests" => Self("requests"), "concurrency" => Self("concurrency"), "queue" => Self("queue"), "busy" => Self("busy"), "none" => Self(LEFT_OUT);
    SelectPolicy, "a choice of policy": "Max" => Self("Max"), "Min" => Self("Min"), "Disabled" => Self("Disabled");
    RuleType, "a type of scaling policy": "Pods" => Self("Pods"), "Percent" => Self("Percent");
    GatePer, "a span for a gate": "run" => Self::Run, "phase" => Self::Phase, "page" => Self::Page;
    MissingData, "a way with missing data": "hold" => Self::Hold, "upstream" => Self::Upstream;
    GateLevel, "a level": "error" => Self::Error, "warn" => Self::Warn;
}

/// Stands for a metric of a manifest that is left out.
pub(crate) const LEFT_OUT: &str = "none";

/// Which metrics of the worlds a manifest's metrics are, by the manifest's names.
#[derive(Clone, Debug, Default)]
pub(crate) struct MetricNames(pub(crate) Vec<(Key, MetricName)>);

impl Written for MetricNames {
    fn read(node: &Node, found: &mut Found) -> Option<Self> {
        let entries = entries(node, "names", found)?;
        let read = entries.iter().filter_map(|(key, node)| {
            let word = OneOf::<MetricName>::read(node, found)?;
            Some((key.clone(), word.0))
        });
        Some(Self(read.collect()))
    }
}

impl JsonSchema for MetricNames {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "MetricNames".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "additionalProperties": generator.subschema_for::<OneOf<MetricName>>(),
        })
    }
}

impl Written for ScalingFile {
    fn read(node: &Node, found: &mut Found) -> Option<Self> {
        let mut file = Self::default();
        for (order, (key, node)) in entries(node, "services", found)?.iter().enumerate() {
            if key.name == "calendar" {
                file.calendar = Field::<List<CalendarFile>>::read(node, order, found);
                continue;
            }
            check_name(&key.name, key.at, found);
            if let Some(value) = ScalingEntry::read(node, found) {
                file.services.push((
                    key.clone(),
                    At {
                        value,
                        at: node.at,
                        order,
                    },
                ));
            }
        }
        Some(file)
    }
}

impl JsonSchema for ScalingFile {
    fn schema_name() -> Cow<'static, str> {
        "ScalingFile".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "How services scale, by service, and what is known beforehand.",
            "propertyNames": {"pattern": NAME_PATTERN},
            "properties": {"calendar": generator.subschema_for::<List<CalendarFile>>()},
            "additionalProperties": generator.subschema_for::<ScalingEntry>(),
        })
    }
}

impl Written for StepsFile {
    fn read(node: &Node, found: &mut Found) -> Option<Self> {
        match &node.kind {
            Kind::Map(_) => StepMap::read(node, found).map(|steps| Self(vec![steps])),
            _ => List::<StepMap>::read(node, found)
                .map(|list| Self(list.0.into_iter().map(|step| step.value).collect())),
        }
    }
}

impl JsonSchema for StepsFile {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "StepsFile".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [generator.subschema_for::<List<StepMap>>(), generator.subschema_for::<StepMap>()]})
    }
}

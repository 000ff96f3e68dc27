//! How services scale, on what readings, and what is known beforehand.

#![allow(non_snake_case)] // Fields of `behavior` are called as in Kubernetes.

use super::super::tree::Key;
use super::super::units::{
    Count, FileName, Multiple, Name, Number, OneOf, Part, Rate, Share, Time,
};
use super::super::words;
use super::super::written::{At, Field, List, written};

written! {
    /// How often there is a decision, and on what readings.
    ControlFile, "control" {
        /// Between two decisions. Range: 200ms to 366d. Default: 15s.
        period: may Time,
        /// How readings come about.
        scrape: may ScrapeFile,
    }

    /// How readings come about.
    ScrapeFile, "a scrape" {
        /// Between two readings of the same replica. Range: above 0s to 366d. Default: 15s.
        interval: may Time,
        /// The span that a reading averages over. Range: above 0s to 366d. Default: 30s.
        window: may Time,
        /// How old a reading is when it can be seen. Default: 1s.
        lag: may Time,
    }

    /// How a service scales.
    ScalingEntry, "scaling" {
        /// `static`, `schedule`, `per_request` (a replica for each request that is there, as functions-as-a-service do),
        /// `foresight` (our own), `reactive` (the same without history) or `hpa`. Default: `foresight`.
        policy: may OneOf<words::PolicyName>,
        /// The fewest replicas. Range: 0 to 10000, for `hpa`, `foresight` and `reactive` from 1. Default: those of the start.
        min: may Count,
        /// The most replicas. Range: 1 to 10000.
        max: may Count,
        /// For `hpa`: what it holds; of several the largest proposal wins.
        target: may TargetFile,
        /// For `hpa`: `spec.behavior` of `autoscaling/v2`.
        behavior: may BehaviorFile,
        /// For `hpa`: how long a lower proposal waits. Default: 5m.
        stabilization: may Time,
        /// For `hpa`: how far from the target nothing is done. Default: 10%.
        tolerance: may Share,
        /// For `hpa`: how long a new replica's CPU is looked at with care. Default: 5m.
        cpu_initialization: may Time,
        /// For `hpa`: how long a replica that was never ready is left out. Default: 30s.
        initial_readiness_delay: may Time,
        /// For `foresight` and `reactive`: the share of requests that may be slow. Range: 0.0001% to 50%. Default: what the SLO leaves.
        budget: may Share,
        /// For `schedule`: replicas from each instant on.
        schedule: may List<ScheduleFile>,
        /// A HorizontalPodAutoscaler manifest, in the scenario's folder, instead of policy, min, max, target and behavior.
        file: may FileName,
    }

    /// What an HPA holds.
    TargetFile, "a target" {
        /// Mean CPU ÷ request: `70%`.
        cpu: may Part,
        /// Mean slots held ÷ slots: `70%`.
        busy: may Part,
        /// Mean requests per replica: `50/s`.
        requests: may Rate,
    }

    /// From an instant on, so many replicas.
    ScheduleFile, "an entry of a schedule" {
        /// When.
        at: need Time,
        /// How many from then on.
        replicas: need Count,
    }

    /// `spec.behavior` of `autoscaling/v2`.
    BehaviorFile, "behavior" {
        /// How it goes up.
        scaleUp: may RulesFile,
        /// How it goes down.
        scaleDown: may RulesFile,
    }

    /// Rules of one direction.
    RulesFile, "scaling rules" {
        /// How long the gentlest proposal wins, in seconds. Range: 0 to 3600.
        stabilizationWindowSeconds: may Count,
        /// `Max`, `Min` or `Disabled`.
        selectPolicy: may OneOf<words::SelectPolicy>,
        /// How much may change, and in what time.
        policies: may List<RuleFile>,
        /// How far from the target nothing is done, in this direction.
        tolerance: may Number,
    }

    /// How much may change in what time.
    RuleFile, "a scaling policy" {
        /// `Pods` or `Percent`.
        r#type: need OneOf<words::RuleType>,
        /// That many. Range: 1 to 1000000.
        value: need Count,
        /// In so many seconds. Range: 1 to 1800.
        periodSeconds: need Count,
    }

    /// What is known beforehand.
    CalendarFile, "a calendar event" {
        /// When.
        at: need Time,
        /// Whose load. Default: that of all services.
        service: may Name,
        /// How many times the usual load: `6x`.
        expect: need Multiple,
        /// How uncertain that is, as a share of it. Default: 0%.
        spread: may Share,
        /// How long it lasts, if that is known.
        r#for: may Time,
    }
}

/// How services scale, and what is known beforehand.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScalingFile {
    pub(crate) calendar: Field<List<CalendarFile>>,
    pub(crate) services: Vec<(Key, At<ScalingEntry>)>,
}

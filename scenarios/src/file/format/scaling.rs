//! How services scale, on what readings, and what is known beforehand.

#![allow(non_snake_case)] // Fields of `behavior` are called as in Kubernetes.

use super::super::tree::Key;
use super::super::units::{
    AmountOf, AtMost, Count, FileName, Flag, Multiple, Name, Number, OneOf, Part, Rate, Share,
    Text, Time,
};
use super::super::words;
use super::super::written::{At, Field, Form, List, written};

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
        /// `foresight` (our own), `reactive` (the same without history), `hpa`, `kpa` (Knative's), `keda`, or AWS's `step` and
        /// `target_tracking` (both approximate). Default: `foresight`.
        policy: may OneOf<words::PolicyName>,
        /// The fewest replicas. Range: 0 to 10000, for `hpa`, `foresight` and `reactive` from 1. Default: those of the start.
        min: may Count,
        /// The most replicas. Range: 1 to 10000.
        max: may Count,
        /// For `hpa`: what it holds; of several the largest proposal wins. For `kpa`: `concurrency` (short: a number) or
        /// `requests`, of which a replica should have the share `utilization`; by default its `slots`, or else 100. For
        /// `target_tracking`: what it holds. For `step`: one metric, and the value that its steps are counted from.
        target: may Form<Number, TargetFile>,
        /// For `hpa` and `keda`: `spec.behavior` of `autoscaling/v2`.
        behavior: may BehaviorFile,
        /// For `hpa` and `keda`: how long a lower proposal waits. Default: 5m.
        stabilization: may Time,
        /// For `hpa` and `keda`: how far from the target nothing is done. Default: 10%.
        tolerance: may Share,
        /// For `hpa` and `keda`: how long a new replica's CPU is looked at with care. Default: 5m.
        cpu_initialization: may Time,
        /// For `hpa` and `keda`: how long a replica that was never ready is left out. Default: 30s.
        initial_readiness_delay: may Time,
        /// For `foresight` and `reactive`: the share of requests that may be slow. Range: 0.0001% to 50%. Default: what the SLO leaves.
        budget: may Share,
        /// For `foresight` and `reactive`: how long a lower number waits. Range: 0s to 10m. Default: as long as half of the replicas take to start, at least 1m.
        hold: may Time,
        /// For `foresight`: what it knows of the days before the start. Default: nothing, and it is as `reactive` until two days are over.
        history: may HistoryFile,
        /// For `schedule`: replicas from each instant on.
        schedule: may List<ScheduleFile>,
        /// For `kpa`: the share of its target that a replica should have. Range: 1% to 100%. Default: 70%.
        utilization: may Share,
        /// For `kpa`: the span of the average that usually counts. Range: 6s to 1h. Default: 1m.
        window: may Time,
        /// For `kpa`: the share of `window` whose average may start a panic. Range: 1% to 100%. Default: 10%.
        panic_window: may Share,
        /// For `kpa`: how full the ready replicas must be by that average. Range: 110% to 1000%. Default: 200%.
        panic_threshold: may Part,
        /// For `kpa`: requests beyond the load that there should be room for, before the gateway sends them straight on;
        /// or `unlimited`. Default: 211.
        burst_capacity: may AtMost,
        /// For `kpa`: replicas that it begins with. Range: 1 to 10000. Default: 1.
        initial_scale: may Count,
        /// For `kpa`: the fewest replicas, if there are any. Range: 2 to 10000. Default: `min`.
        activation_scale: may Count,
        /// For `kpa`: how long a lower number waits, in whole seconds. Range: 0s to 1h. Default: 0s.
        scale_down_delay: may Time,
        /// For `kpa`: how long the last replica stays when it may go. Range: 0s to 1h. Default: 0s.
        pod_retention: may Time,
        /// For `kpa`: how long the gateway is in the path of requests before the last replica goes. Range: above 0s to 366d.
        /// Default: 30s.
        grace_period: may Time,
        /// For `kpa`: how the windows average: `linear` or `weighted` (newer readings weigh more). Default: `linear`.
        aggregation: may OneOf<words::Aggregation>,
        /// For `kpa`: at most so many times the ready replicas at once. Range: above 1x to 1000000x. Default: 1000x.
        max_up_rate: may Multiple,
        /// For `kpa`: at least the ready replicas ÷ this. Range: above 1x to 1000000x. Default: 2x.
        max_down_rate: may Multiple,
        /// For `kpa`: how long the first replicas may take before it gives up. Range: above 0s to 366d. Default: 10m.
        progress_deadline: may Time,
        /// For `keda`: what it scales on.
        triggers: may List<TriggerFile>,
        /// For `keda`: between two looks at whether there is anything to do at all. Range: 1s to 366d. Default: 30s.
        polling: may Time,
        /// For `keda`: how long after the last activity it goes to `idle`, or else to none. Default: 5m.
        cooldown: may Time,
        /// For `keda`: how long after the start it may do so, if there never was activity. Default: 0s.
        initial_cooldown: may Time,
        /// For `keda`: replicas without activity, fewer than `min`. Default: `min`.
        idle: may Count,
        /// For `keda`: one number made of the triggers.
        modifiers: may ModifiersFile,
        /// For `keda`: what is done when triggers fail. Default: nothing.
        fallback: may FallbackFile,
        /// For `keda`: what its annotations stop or force.
        annotations: may AnnotationsFile,
        /// For `step`: what is done how far from the target. Default: from the target on `add: 10%`, 20% above it `add: 30%`,
        /// 20% below it `remove: 10%`, 40% below it `remove: 30%`.
        steps: may List<ScalingStepFile>,
        /// For `step`: when its alarms go off.
        alarm: may AlarmFile,
        /// For `step`: the fewest replicas that a percentage changes. Range: 1 to 10000. Default: 1.
        min_adjustment: may Count,
        /// For `step` and `target_tracking`: how long after a scale-out only a larger one goes on, less what was added. Default: 5m.
        scale_out_cooldown: may Time,
        /// For `step` and `target_tracking`: how long after a scale-in no other follows; a scale-out ends it. Default: 5m.
        scale_in_cooldown: may Time,
        /// For `target_tracking`: it never scales in. Default: `false`.
        disable_scale_in: may Flag,
        /// A manifest in the scenario's folder, instead of all that it says: an HPA of `autoscaling/v2`, a `ScaledObject` of
        /// KEDA, or a Knative service with its annotations.
        file: may FileName,
        /// With `file`: which of a scenario's metrics the manifest's metrics are, by their names (a KEDA trigger's is its
        /// `name`, or else as in `s0-prometheus`); `none` leaves a metric out, such as `memory`.
        metrics: may words::MetricNames,
    }

    /// What a policy knows of the days before the start: either `days` or `file`.
    HistoryFile, "a history" {
        /// So many days in which the curves went on backwards: days, waves and pulses that come again did so then, a trace was what
        /// its file says before the part that is played, and on days before that what its first day was. What comes once was not
        /// there. Range: 2 to 7.
        days: may Count,
        /// Or the service's own requests: CSV with the columns `timestamp_s` and `requests`, plain or gzip, in the scenario's folder.
        /// Its end is the start.
        file: may FileName,
    }

    /// What an autoscaler holds.
    TargetFile, "a target" {
        /// Mean CPU ÷ request: `70%`.
        cpu: may Part,
        /// Mean slots held ÷ slots: `70%`.
        busy: may Part,
        /// Mean requests per replica: `50/s`.
        requests: may Rate,
        /// For `kpa`, `step` and `target_tracking`: requests in a replica, waiting or worked on: `70`.
        concurrency: may Number,
    }

    /// What step scaling does from a distance from the target on, up to where the next step begins.
    ScalingStepFile, "a step" {
        /// From so far above the target on, as a share of it: `20%`. AWS counts in the metric's own unit: its bound ÷ the target.
        above: may Part,
        /// From so far below the target down.
        below: may Share,
        /// Above: so many replicas more, `3`, or per cent of those that there are, `10%`.
        add: may AmountOf,
        /// Below: so many fewer.
        remove: may AmountOf,
        /// So many replicas altogether. Range: 0 to 4294967295.
        set: may Count,
    }

    /// When the alarms of step scaling go off.
    AlarmFile, "an alarm" {
        /// How long a datapoint is: the mean of what was read in that time. Default: 1m, or the control period if that is longer.
        period: may Time,
        /// How many datapoints are looked at. Range: 1 to 60. Default: 3.
        periods: may Count,
        /// How many of them must be beyond the threshold. Default: all.
        datapoints: may Count,
        /// What a datapoint that is missing stands for. Default: `missing`.
        missing: may OneOf<words::AlarmMissing>,
    }

    /// Something that KEDA scales on. Exactly one of `requests`, `concurrency`, `queue`, `cpu`, `cron`.
    TriggerFile, "a trigger" {
        /// Its name, for `modifiers`.
        name: may Name,
        /// Requests that come per second.
        requests: may Rate,
        /// Requests that are there, waiting or worked on.
        concurrency: may Number,
        /// Requests that wait for a slot.
        queue: may Number,
        /// Mean CPU ÷ request: `70%`. It gives no activity.
        cpu: may Part,
        /// Replicas by the clock.
        cron: may CronFile,
        /// Above it, there is activity. Default: 0.
        activation: may Number,
        /// Whether the target is for each `replica`, or for the whole `service`. Default: `replica`.
        per: may OneOf<words::Per>,
        /// Whether the HPA is given what the last poll read. Default: `false`.
        cached: may Flag,
    }

    /// Replicas by the clock, from each start to the next end.
    CronFile, "a cron trigger" {
        /// When it begins: minute, hour, day of month, month, day of week, as in `0 8 * * 1-5`.
        start: need Text,
        /// When it ends.
        end: need Text,
        /// How many in between. Range: 1 to 10000.
        replicas: need Count,
        /// The time zone. Default: that of `starts`.
        timezone: may Text,
    }

    /// One number made of several triggers.
    ModifiersFile, "modifiers" {
        /// A formula over the triggers' names: arithmetic, comparison, `?:`, `??`, `min`, `max`, `avg`, `sum`, `count`.
        formula: need Text,
        /// What it should be. Above 0.
        target: need Number,
        /// Above it, there is activity. Default: 0.
        activation: may Number,
        /// Whether the target is for each `replica`, or for the whole `service`. Default: `replica`.
        per: may OneOf<words::Per>,
    }

    /// What KEDA does when triggers fail.
    FallbackFile, "a fallback" {
        /// More failures than this in a row.
        failures: need Count,
        /// So many replicas then. Range: 0 to 10000.
        replicas: need Count,
        /// How they meet those that are there. Default: `static`.
        behavior: may OneOf<words::FallbackBehavior>,
    }

    /// What KEDA's annotations stop or force.
    AnnotationsFile, "annotations" {
        /// Nothing is done any more. Default: `false`.
        paused: may Flag,
        /// So many replicas, and then nothing is done any more. Range: 0 to 10000.
        paused_replicas: may Count,
        /// It never goes down. Default: `false`.
        paused_scale_in: may Flag,
        /// It never goes up. Default: `false`.
        paused_scale_out: may Flag,
        /// It is active whatever the triggers say. Default: `false`.
        force_activation: may Flag,
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

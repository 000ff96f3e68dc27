//! A scenario file as written.
//!
//! Each part is declared once; from the declaration come its reader and its JSON Schema. The texts here are what an
//! editor shows.

mod engine;
mod gateway;
mod journeys;
mod scaling;
mod services;
mod traffic;

use super::units::{Count, Flag, Line, Multiple, Name, Number, OneOf, Seed, Share, Text, Time};
use super::words;
use super::written::{List, Named, written};
pub(crate) use engine::{CommandForm, EngineFile, RemoteFile, WorkloadFile};
pub(crate) use gateway::{BalanceForm, GatewayFile, NetworkFile};
pub(crate) use journeys::{ExtractFile, JourneyFile, NumberFile, OnFailureFile, PageFile};
pub(crate) use scaling::{
    AlarmFile, BehaviorFile, CalendarFile, ControlFile, CronFile, HistoryFile, RulesFile,
    ScalingEntry, ScalingFile, ScalingStepFile, ScheduleFile, TargetFile, TriggerFile,
};
pub(crate) use services::{
    CallForm, CallMap, OperationFile, ServiceFile, Spread, SpreadMap, StepMap, StepsFile,
    WarmUpFile,
};
pub(crate) use traffic::{
    DiurnalFile, FlashFile, PulseFile, RampFile, RateFile, SineFile, StepFile, TraceFile,
    TrafficFile,
};

written! {
    /// A scenario: what the shop is made of, who visits it and when, what breaks, how it scales, and what good means.
    ScenarioFile, "a scenario" {
        /// The version of this language. Range: 1 to 1.
        version: need Count,
        /// Its name: letters, digits, `.`, `_`, `-`.
        name: need Name,
        /// What it is about, in a sentence.
        about: may Line,
        /// The instant of its start, with its zone: `2026-11-27T11:50[Europe/Paris]`. Default: 2026-01-05T00:00[UTC].
        starts: may Text,
        /// How long it lasts. Range: 1s to 366d.
        duration: need Time,
        /// The seed of all its luck. Default: 1.
        seed: may Seed,
        /// Who comes, and when.
        traffic: need TrafficFile,
        /// What shoppers do, by name.
        journeys: need Named<JourneyFile>,
        /// What the shop is made of, by name. Without it the scenario is for `--target`.
        services: may Named<ServiceFile>,
        /// What stands before the services.
        gateway: may GatewayFile,
        /// What lies between the gateway and the services. Default: nothing that takes time.
        network: may NetworkFile,
        /// What replicas run on. Default: there is always room.
        nodes: may NodesFile,
        /// What things cost, for the report. Default: nothing is said of money.
        prices: may PricesFile,
        /// How often there is a decision, and on what readings.
        control: may ControlFile,
        /// How services scale, by service; one that is not here keeps its replicas. `calendar` is what is known beforehand.
        scaling: may ScalingFile,
        /// What breaks.
        faults: may List<FaultFile>,
        /// What good means for one page. Default: within 300ms for 99% of pages.
        slo: may SloFile,
        /// What must hold at the end.
        gates: may List<GateFile>,
        /// Named spans. Default: made from the edges of the curves.
        phases: may List<PhaseFile>,
    }

    /// What breaks, and when. Exactly one kind.
    FaultFile, "a fault" {
        /// When.
        at: need Time,
        /// How long it lasts. Needed by all but `kill` and `bad_deploy`, which happen at once, and `lose`: nodes that are
        /// lost without it never come back.
        r#for: may Spread,
        /// It comes again and again until the end of the run: so long after it was over. Default: it comes once.
        every: may Spread,
        /// Replicas of this service end without a word; or `registry`, or `gateway`.
        kill: may Name,
        /// Replicas of this service work slower by `factor`.
        slow: may Name,
        /// Waiting of this service takes longer by `factor`.
        slow_wait: may Name,
        /// Replicas of this service answer 500, in the `share` of their answers.
        fail: may Name,
        /// Replicas of this service stand still, and go on where they were when it is over.
        freeze: may Name,
        /// Replicas of this service accept and never answer.
        hang: may Name,
        /// All replicas of this service are replaced, one by one, by ones that are slower by `factor` and fail in a `share`.
        bad_deploy: may Name,
        /// Replicas of this service stop renewing their lease, but live.
        lose_lease: may Name,
        /// `node` (with `nodes`: how many) or `zone` (with `zone`: which): gone, with the replicas on it.
        lose: may OneOf<words::Lost>,
        /// No metrics are to be had: `true`.
        no_metrics: may Flag,
        /// How many replicas. Range: at least 1. Default: 1 for `kill` and `lose_lease`, otherwise all.
        replicas: may Count,
        /// For `lose: node`: how many nodes. Range: at least 1. Default: 1.
        nodes: may Count,
        /// For `lose: zone`: which, counted from 0. Default: one at random.
        zone: may Count,
        /// How many times slower.
        factor: may Multiple,
        /// The share of answers.
        share: may Share,
    }

    /// The nodes that replicas run on. A replica starts on a node with room for it; if there is none, a node is added.
    NodesFile, "nodes" {
        /// What fits on one: `{cpu: 4}`, counted by the services' `cpu`, or `{replicas: 8}`.
        size: need NodeSizeFile,
        /// How many there are at the start. Range: 1 to 10000.
        count: need Count,
        /// How many there may be. Range: 1 to 10000. Default: `count`.
        max: may Count,
        /// From the order for a node to its readiness. Default: {median: 90s, p90: 150s}.
        provisioning: may Spread,
        /// In how many zones they stand, one after the other. Range: 1 to 100. Default: 1.
        zones: may Count,
    }

    /// What fits on a node. Exactly one.
    NodeSizeFile, "the size of a node" {
        /// Cores: `4`, `3500m`.
        cpu: may Text,
        /// Replicas of whatever services. Range: 1 to 10000.
        replicas: may Count,
    }

    /// What things cost, in whatever money you think in.
    PricesFile, "prices" {
        /// A replica for an hour.
        replica_hour: may Number,
        /// A node for an hour.
        node_hour: may Number,
    }

    /// What good means for one page: `within` with `share`, or short `p99: 300ms`.
    SloFile, "an slo" {
        /// A page is a miss if it takes longer, or is not served. Default: 300ms. Range: above 0s to 366d.
        within: may Time,
        /// The share of pages that must not be misses. Default: 99%.
        share: may Share,
        /// Short for `within` this, `share: 90%`.
        p90: may Time,
        /// Short for `within` this, `share: 95%`.
        p95: may Time,
        /// Short for `within` this, `share: 99%`.
        p99: may Time,
    }

    /// Something that must hold at the end.
    GateFile, "a gate" {
        /// `misses`, `errors`, `p50`, `p95`, `p99`, `p99.9`, `cost`, `time_above_limit` or `throughput`.
        metric: need Text,
        /// It must be below this: a share, a time, or replica-minutes.
        below: may Text,
        /// It must be at least this: a rate.
        above: may Text,
        /// Over what: the `run`, each `phase` or each `page`; the worst decides. Default: `run`.
        per: may OneOf<metrics::GatePer>,
        /// What a failure means: `error` or `warn`. Default: `error`.
        level: may OneOf<metrics::GateLevel>,
    }

    /// A named span: from here to the next.
    PhaseFile, "a phase" {
        /// Its name.
        name: need Name,
        /// When it begins. The first begins at 0s.
        from: need Time,
    }
}

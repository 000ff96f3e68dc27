//! A scenario file as written.
//!
//! Each part is declared once; from the declaration come its reader and its JSON Schema. The texts here are what an
//! editor shows.

#![allow(non_snake_case)] // Fields of `behavior` are called as in Kubernetes.

use super::units::{
    Count, FileName, Flag, Line, Multiple, Name, Number, OneOf, Part, Rate, Seed, Share, Text, Time,
};
use super::words;
use super::written::{Boxed, Form, Json, List, Named, written};

/// A duration's distribution: one time, or a mapping.
pub(crate) type Spread = Form<Time, SpreadMap>;
/// A call: `service.operation`, or a mapping.
pub(crate) type CallForm = Form<Text, CallMap>;

written! {
    /// A scenario: what the shop is made of, who visits it and when, what breaks, how it scales, and what good means.
    ScenarioFile, "a scenario" {
        /// The version of this language: 1.
        version: need Count,
        /// Its name: letters, digits, `.`, `_`, `-`.
        name: need Name,
        /// What it is about, in a sentence.
        about: may Line,
        /// The instant of its start, with its zone: `2026-11-27T11:50[Europe/Paris]`. Default: 2026-01-05T00:00[UTC].
        starts: may Text,
        /// How long it lasts.
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

    /// Who comes, and when.
    TrafficFile, "traffic" {
        /// What an arrival is: `journeys` (shoppers, the default), `requests` (exactly the curve's request rate),
        /// `shoppers` (a fixed crowd, for comparison only).
        unit: may OneOf<crate::Unit>,
        /// How arrivals are drawn around the rate: `poisson` (default), `even`, `recorded`.
        arrivals: may OneOf<crate::ArrivalProcess>,
        /// Who is inside at the start: `stationary` (those who came before, the default) or `empty`.
        begin: may OneOf<crate::Begin>,
        /// The rate: the sum of these curves.
        rate: may List<RateFile>,
        /// For `requests` and `shoppers`: how many shoppers make up the standing crowd. Default: 1000.
        crowd: may Count,
    }

    /// One term of the rate: exactly one curve; perhaps scaled, shifted, or for one journey only.
    RateFile, "a rate" {
        /// Always the same.
        constant: may ConstantFile,
        /// From one rate to another, then on at that.
        ramp: may RampFile,
        /// From each instant on another rate.
        steps: may List<StepFile>,
        /// A day, and a week of days.
        diurnal: may DiurnalFile,
        /// A crowd that comes at once and stays away slowly.
        flash: may FlashFile,
        /// Again and again.
        pulse: may PulseFile,
        /// A recorded trace.
        trace: may TraceFile,
        /// Several curves, added.
        sum: may List<Boxed<RateFile>>,
        /// Times this: `2x`.
        scale: may Multiple,
        /// Later by this.
        shift: may Time,
        /// Whose arrivals they are. Default: of all journeys, by their weights.
        journey: may Name,
    }

    /// Always the same.
    ConstantFile, "a constant" {
        /// That much: `12/s`.
        rate: need Rate,
        /// Whose arrivals they are.
        journey: may Name,
    }

    /// From one rate to another, then on at that.
    RampFile, "a ramp" {
        /// The rate before and at the beginning.
        from: need Rate,
        /// The rate at the end and after.
        to: need Rate,
        /// When it begins. Default: at the start.
        at: may Time,
        /// How long it takes. Default: to the end.
        over: may Time,
        /// Or until when.
        until: may Time,
        /// Whose arrivals they are.
        journey: may Name,
    }

    /// From an instant on another rate.
    StepFile, "a step of a rate" {
        /// When.
        at: need Time,
        /// How much from then on.
        rate: need Rate,
    }

    /// A day, and a week of days.
    DiurnalFile, "a diurnal" {
        /// The mean of a day. Either this with `amplitude`, or `peak` and `trough`.
        mean: may Rate,
        /// How far the peak is above the mean, as a share of it: `60%`.
        amplitude: may Share,
        /// The highest rate.
        peak: may Rate,
        /// The lowest rate.
        trough: may Rate,
        /// The time of day of the peak, in the zone of `starts`: `20:30`. Default: 20:00.
        peak_at: may Text,
        /// Seven factors, from Monday to Sunday: `[1, 1, 1, 1, 1.1, 1.3, 1.2]`.
        week: may List<Multiple>,
        /// Whose arrivals they are.
        journey: may Name,
    }

    /// A crowd that comes at once and stays away slowly.
    FlashFile, "a flash" {
        /// When it begins.
        at: need Time,
        /// How much it adds at its height.
        peak: need Rate,
        /// How long it rises. Default: 30s.
        rise: may Time,
        /// How long it stays. Default: 2m.
        hold: may Time,
        /// The time in which it falls to a twentieth, ever more slowly. Default: 4m.
        decay: may Time,
        /// Whose arrivals they are.
        journey: may Name,
    }

    /// Again and again.
    PulseFile, "a pulse" {
        /// From one to the next.
        every: need Time,
        /// How long each lasts.
        width: need Time,
        /// How much it adds.
        height: need Rate,
        /// When the first begins. Default: at the start.
        at: may Time,
        /// Whose arrivals they are.
        journey: may Name,
    }

    /// A recorded trace: CSV with the columns `timestamp_s` and `requests`, plain or gzip.
    TraceFile, "a trace" {
        /// The file, in the scenario's folder.
        file: need FileName,
        /// Where to begin in it. Default: at its start.
        from: may Time,
        /// How much of it. Default: as long as the scenario lasts.
        r#for: may Time,
        /// Or up to where.
        to: may Time,
        /// Scaled so that this is its mean.
        mean: may Rate,
        /// Or times this.
        scale: may Multiple,
        /// Whose arrivals they are.
        journey: may Name,
    }

    /// What a kind of shopper does: a walk from page to page.
    JourneyFile, "a journey" {
        /// Its share among the journeys, relative to the others'. Default: 1.
        weight: may Number,
        /// The page it starts on, or pages with their chances.
        start: need Form<Name, Named<Share>>,
        /// How much session lengths differ: `{cv: 1.5}`. Default: as the chances alone make them.
        length: may LengthFile,
        /// What each shopper begins with, by name: a text, or `{count: 500, skew: 1.1}`.
        variables: may Named<Form<Text, NumberFile>>,
        /// Its pages, by name.
        pages: need Named<PageFile>,
    }

    /// How much session lengths differ.
    LengthFile, "a length" {
        /// The coefficient of variation of the factor that each shopper draws.
        cv: need Number,
    }

    /// A whole number from 1 to `count`.
    NumberFile, "a variable" {
        /// How many there are.
        count: need Count,
        /// How much the first are preferred: the k-th has weight 1 ÷ k^skew. Default: 0, all alike.
        skew: may Number,
    }

    /// One page of a journey. Exactly one of `get`, `post`, `put`, `delete`.
    PageFile, "a page" {
        /// Its path; `{name}` stands for a variable.
        get: may Text,
        /// Its path, if it changes something.
        post: may Text,
        /// Its path, if it replaces something.
        put: may Text,
        /// Its path, if it removes something.
        delete: may Text,
        /// Its JSON body: a mapping, or a text; `{name}` stands for a variable.
        body: may Form<Text, Json>,
        /// Headers beyond the usual ones; `{name}` stands for a variable.
        headers: may Named<Text>,
        /// What a shopper thinks after the answer, before the next page.
        think: may Spread,
        /// Where the shopper goes next, each page with its chance; what is missing to 1 leaves.
        next: may Named<Share>,
        /// What is taken from its answer, by variable: a JSON pointer (`*`: any element), or `{header: Name}`.
        extract: may Named<Form<Text, ExtractFile>>,
        /// What the shopper does when it fails. Default: leaves.
        on_failure: may OnFailureFile,
    }

    /// Where a value stands in an answer. Exactly one.
    ExtractFile, "an extract" {
        /// In the JSON body, at this pointer; a `*` stands for any element.
        json: may Text,
        /// In this header.
        header: may Name,
    }

    /// What a shopper does when a page fails.
    OnFailureFile, "on_failure" {
        /// How many times the page is asked for again. Default: 0.
        retry: may Count,
        /// How long the shopper waits before each. Default: 2s.
        after: may Time,
        /// Whether the shopper goes on after the last try, as if all were well. Default: false.
        go_on: may Flag,
    }

    /// A service and its replicas.
    ServiceFile, "a service" {
        /// Replicas at the start; if scaling's `min` is higher, that many. Default: 1.
        replicas: may Count,
        /// Requests that a replica works on at once. Default: 2.
        slots: may Count,
        /// Requests that wait for a slot; one more is answered 503. Default: 64.
        queue: may Count,
        /// From a replica's start to its readiness. Default: {median: 10s, p90: 15s}.
        start_up: may Spread,
        /// The limit of its own time, without the calls it makes. Default: 250ms.
        limit: may Time,
        /// CPU that a replica asks for: `2`, `500m`. Default: one per slot.
        cpu: may Text,
        /// `paced` (a slot is held for as long as the draw says, the default) or `burn` (CPU time is spent).
        work: may OneOf<crate::WorkMode>,
        /// How long a stopped replica may take to finish what it has. Default: 10s.
        drain: may Time,
        /// What it can do, by name.
        operations: need Named<OperationFile>,
    }

    /// One thing that a service can do.
    OperationFile, "an operation" {
        /// How it is reached from outside: `GET /product/{id}`. The shop's own operations have theirs already.
        route: may Text,
        /// What it does, in order: `[work: {mean: 20ms, cv: 0.8}, call: auth.verify, wait: 5ms]`.
        r#do: need StepsFile,
    }

    /// Steps of an operation, in the order in which they are written.
    StepMap, "a step" {
        /// The slot and the CPU are busy.
        work: may Spread,
        /// The slot is busy, the CPU is not.
        wait: may Spread,
        /// Another service is asked.
        call: may CallForm,
        /// Several are asked at once.
        all: may List<CallForm>,
    }

    /// A call to another service.
    CallMap, "a call" {
        /// `service.operation`.
        to: need Text,
        /// Its time limit. Default: the gateway's.
        timeout: may Time,
        /// How many times it may be tried again. Default: 0.
        retries: may Count,
    }

    /// A distribution of a duration. One of: `mean` with `cv`, `median` with `p90` or `p99`, `exponential`, `from`.
    SpreadMap, "a distribution" {
        /// Its mean. With `cv` it is log-normal.
        mean: may Time,
        /// Its standard deviation ÷ its mean; 0: always the mean.
        cv: may Number,
        /// Its median. With `p90` or `p99` it is log-normal.
        median: may Time,
        /// Nine of ten are at most this.
        p90: may Time,
        /// Ninety-nine of a hundred are at most this.
        p99: may Time,
        /// Exponential, with this mean.
        exponential: may Time,
        /// One of the times in this file: CSV, a duration (or seconds) a line.
        from: may FileName,
    }

    /// What stands before the services. All calls go through it, between services too.
    GatewayFile, "a gateway" {
        /// How a replica is chosen: `power_of_two` (default), `round_robin`, `least_connections`.
        balance: may OneOf<crate::Balance>,
        /// The time limit of a page, and of a call without its own. Default: 10s.
        time_limit: may Time,
        /// How many retries there may be.
        retries: may RetriesFile,
        /// When a service is left alone.
        breaker: may BreakerFile,
        /// How many requests to one service may be in flight.
        bulkhead: may BulkheadFile,
        /// When a replica is left alone.
        ejection: may EjectionFile,
        /// How replicas are asked whether they are well.
        health: may HealthFile,
    }

    /// How many retries there may be.
    RetriesFile, "a retry budget" {
        /// Retries that each request earns. Default: 10%.
        ratio: may Share,
        /// Retries that are always there. Default: 3/s.
        floor: may Rate,
    }

    /// When a service is left alone.
    BreakerFile, "a breaker" {
        /// The share of failures that opens it. Default: 50%.
        failures: may Share,
        /// How many answers it takes to judge. Default: 10.
        least: may Count,
        /// The span that is judged. Default: 10s.
        window: may Time,
        /// How long it stays open before one request may try. Default: 5s.
        open: may Time,
    }

    /// How many requests to one service may be in flight.
    BulkheadFile, "a bulkhead" {
        /// That many. Default: 2000.
        in_flight: may Count,
    }

    /// When a replica is left alone.
    EjectionFile, "an ejection" {
        /// After so many failures in a row. Default: 5.
        consecutive: may Count,
        /// For so long, times the ejections in a row. Default: 10s.
        time: may Time,
        /// At most this share of a service's replicas. Default: 50%.
        most: may Share,
    }

    /// How replicas are asked whether they are well.
    HealthFile, "a health check" {
        /// How often. Default: 500ms.
        interval: may Time,
        /// How long an answer may take. Default: 500ms.
        timeout: may Time,
        /// How many bad answers in a row make it unwell. Default: 2.
        unwell: may Count,
    }

    /// How often there is a decision, and on what readings.
    ControlFile, "control" {
        /// Between two decisions. Default: 15s.
        period: may Time,
        /// How readings come about.
        scrape: may ScrapeFile,
    }

    /// How readings come about.
    ScrapeFile, "a scrape" {
        /// Between two readings of the same replica. Default: 15s.
        interval: may Time,
        /// The span that a reading averages over. Default: 30s.
        window: may Time,
        /// How old a reading is when it can be seen. Default: 1s.
        lag: may Time,
    }

    /// How a service scales.
    ScalingEntry, "scaling" {
        /// `static`, `schedule` or `hpa`.
        policy: may OneOf<words::PolicyName>,
        /// The fewest replicas. Default: those of the start.
        min: may Count,
        /// The most replicas.
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
        /// How long the gentlest proposal wins, in seconds: 0 to 3600.
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
        /// That many.
        value: need Count,
        /// In so many seconds: 1 to 1800.
        periodSeconds: need Count,
    }

    /// What is known beforehand.
    CalendarFile, "a calendar event" {
        /// When.
        at: need Time,
        /// How many times the usual load: `6x`.
        expect: need Multiple,
        /// How uncertain that is, as a share of it. Default: 0%.
        spread: may Share,
        /// How long it lasts, if that is known.
        r#for: may Time,
    }

    /// What breaks, and when. Exactly one kind.
    FaultFile, "a fault" {
        /// When.
        at: need Time,
        /// How long it lasts.
        r#for: may Time,
        /// Replicas of this service end without a word; or `registry`, or `gateway`.
        kill: may Name,
        /// Replicas of this service work slower by `factor`.
        slow: may Name,
        /// Waiting of this service takes longer by `factor`.
        slow_wait: may Name,
        /// Replicas of this service answer 500, in the `share` of their answers.
        fail: may Name,
        /// Replicas of this service accept and never answer.
        hang: may Name,
        /// All replicas of this service are replaced, one by one, by ones that are slower by `factor` and fail in a `share`.
        bad_deploy: may Name,
        /// Replicas of this service stop renewing their lease, but live.
        lose_lease: may Name,
        /// No metrics are to be had: `true`.
        no_metrics: may Flag,
        /// How many replicas. Default: 1 for `kill` and `lose_lease`, otherwise all.
        replicas: may Count,
        /// How many times slower.
        factor: may Multiple,
        /// The share of answers.
        share: may Share,
    }

    /// What good means for one page: `within` with `share`, or short `p99: 300ms`.
    SloFile, "an slo" {
        /// A page is a miss if it takes longer, or is not served.
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
        /// Over what: `run` (default), `phase` or `page`; the worst decides.
        per: may OneOf<metrics::GatePer>,
        /// What a failure means: `error` (default) or `warn`.
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

/// How services scale, and what is known beforehand.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScalingFile {
    pub(crate) calendar: super::written::Field<List<CalendarFile>>,
    pub(crate) services: Vec<(super::tree::Key, super::written::At<ScalingEntry>)>,
}

/// Steps in the order in which they are written.
#[derive(Clone, Debug, Default)]
pub(crate) struct StepsFile(pub(crate) Vec<StepMap>);

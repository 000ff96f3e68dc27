//! What the shop is made of.

use super::super::units::{AtMost, Count, FileName, Number, OneOf, Share, Text, Time};
use super::super::words;
use super::super::written::{Form, List, Named, written};
use super::BalanceForm;

/// A duration's distribution: one time, or a mapping.
pub(crate) type Spread = Form<Time, SpreadMap>;
/// A call: `service.operation`, or a mapping.
pub(crate) type CallForm = Form<Text, CallMap>;

written! {
    /// A service and its replicas.
    ServiceFile, "a service" {
        /// Replicas at the start; if scaling's `min` is higher, that many. Range: 0 to 10000. Default: 1.
        replicas: may Count,
        /// Requests that a replica works on at once: a number, or `unlimited`. Range: 1 to 10000, or `unlimited`.
        /// Default: 2; with `discipline: sharing`, unlimited.
        slots: may AtMost,
        /// Requests that wait for a slot: a number (one more is answered 503), or `unlimited`. Range: 0 to 1000000, or
        /// `unlimited`. Default: 64.
        queue: may AtMost,
        /// Where they wait: `replica` (each in the one chosen for it) or `gateway` (all in one queue, from which
        /// the next free slot of any replica takes the first). Default: `replica`.
        waiting: may OneOf<crate::Waiting>,
        /// How work shares a replica's processor: `fifo` (each request in a slot works at full speed) or
        /// `sharing` (all requests in service share the `cores`). Default: `fifo`.
        discipline: may OneOf<words::DisciplineName>,
        /// For `sharing`: how many cores a replica has; `0.5` is half a one. Range: above 0 to 10000. Default: 1.
        cores: may Number,
        /// For `sharing`: what working side by side costs. Default: nothing.
        contention: may ContentionFile,
        /// How long a request waits for a slot before it leaves, counted as timed out. Default: until its time limit.
        patience: may Spread,
        /// From a replica's start to its readiness. Default: {median: 10s, p90: 15s}.
        start_up: may Spread,
        /// How much slower a replica works when it has just become ready. Default: not at all.
        warm_up: may WarmUpFile,
        /// The limit of its own time, without the calls it makes. Range: above 0s to 366d. Default: 250ms.
        limit: may Time,
        /// CPU that a replica asks for: `2`, `500m`. Default: one per slot; with `discipline: sharing`, its cores.
        cpu: may Text,
        /// `paced` (a slot is held for as long as the draw says) or `burn` (CPU time is spent). Default: `paced`.
        work: may OneOf<crate::WorkMode>,
        /// How long a stopped replica may take to finish what it has. Default: 10s.
        drain: may Time,
        /// How a replica is chosen. Default: as the gateway's `balance` says.
        balance: may BalanceForm,
        /// What it can do, by name.
        operations: need Named<OperationFile>,
    }

    /// What working side by side costs, after the Universal Scalability Law: n requests on c cores get
    /// min(n, c) ÷ (1 + alpha · (n − 1) + beta · n · (n − 1)) seconds of work done a second.
    ContentionFile, "a contention" {
        /// The share of work that only one can do at a time. Range: 0 to 1. Default: 0.
        alpha: may Number,
        /// What keeping each other informed costs, per pair. Range: 0 to 1. Default: 0.
        beta: may Number,
    }

    /// How much slower a replica works when it has just become ready.
    WarmUpFile, "a warm-up" {
        /// How long it takes to full speed, from readiness. Range: above 0s to 366d.
        r#for: need Time,
        /// The speed at first, as a share of full speed; from there it grows evenly. `0.5`: work takes twice as long at
        /// first. Range: above 0% to 100%.
        from: need Share,
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
        /// Its time limit. Range: above 0s to 366d. Default: the gateway's.
        timeout: may Time,
        /// How many times it may be tried again. Range: 0 to 10. Default: 0.
        retries: may Count,
    }

    /// A distribution of a duration. One of: `mean` with `cv`, `median` with `p90` or `p99`, `exponential`, `from`.
    SpreadMap, "a distribution" {
        /// Its mean. With `cv` it is log-normal.
        mean: may Time,
        /// Its standard deviation ÷ its mean; 0: always the mean. Range: 0 to 100.
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
}

/// Steps in the order in which they are written.
#[derive(Clone, Debug, Default)]
pub(crate) struct StepsFile(pub(crate) Vec<StepMap>);

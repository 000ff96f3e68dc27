//! An engine file as written.

use super::super::units::{Count, Line, Name, OneOf, Text, Time};
use super::super::words;
use super::super::written::{Form, List, Named, written};
use super::{ScalingFile, SloFile};

/// A command: a text for the shell, or a program and its arguments.
pub(crate) type CommandForm = Form<Text, List<Text>>;

written! {
    /// What the engine drives: workloads, each with where its readings come from, what scales it, and by which policy.
    EngineFile, "an engine" {
        /// The version of this language. Range: 1 to 1.
        version: need Count,
        /// Its name: letters, digits, `.`, `_`, `-`.
        name: need Name,
        /// What it is about, in a sentence.
        about: may Line,
        /// What schedules and calendars count from, with its zone: `2026-11-27T11:50[Europe/Paris]`.
        starts: may Text,
        /// Between two decisions. Range: 1s to 1d. Default: 15s.
        period: may Time,
        /// What is driven, by name.
        workloads: need Named<WorkloadFile>,
        /// How each workload scales, as in a scenario. `calendar` is what is known beforehand.
        scaling: need ScalingFile,
        /// What good means, for policies with a budget. Default: within 300ms for 99% of requests.
        slo: may SloFile,
    }

    /// A workload.
    WorkloadFile, "a workload" {
        /// Where its readings come from. Without it only a policy that needs none can decide.
        source: may RemoteFile,
        /// What scales it.
        target: need RemoteFile,
        /// On missing, stale or thin data: `hold` never goes down, `upstream` does what the policy's original does.
        /// Default: hold.
        no_data: may OneOf<words::MissingData>,
        /// Requests that a replica works on at once, for `reactive`.
        slots: may Count,
        /// What is slower is slow, for `reactive`. Default: 250ms.
        limit: may Time,
    }

    /// Something that answers in JSON. Exactly one of `command` and `url`.
    RemoteFile, "what answers" {
        /// A program and its arguments, `[./scale.sh, web]`; or a text, which a shell runs.
        command: may CommandForm,
        /// Where to ask by HTTP: `http://127.0.0.1:9000/web`.
        url: may Text,
        /// The URL's host once more, if it is not on this machine.
        host: may Text,
        /// How long an answer may take. Range: 100ms to 1h. Default: 5s.
        deadline: may Time,
    }
}

//! Anything that scales: sources and targets that are commands or URLs, asked and answering in JSON.
//!
//! The contract is docs/reference/external.md. Whatever goes wrong is a reading without data or a failed write with its
//! reason: never a crash, never a zero.

mod command;
mod http;
pub(crate) mod leash;

use std::collections::BTreeSet;
use std::time::Duration;

use metrics::{NoData, Reading, Replicas, Timestamp};
use reports::words;
use scaler::{
    MetricId, MetricsSource, Observation, Scale, ScaleTarget, Shown, ShownScale, Version, Wants,
    WriteOutcome,
};
use scenarios::{Means, Remote};
use serde::{Deserialize, Serialize};

/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 4 << 20;
/// How much of an error's own words is told, in characters.
const TOLD: usize = 200;

/// Why there is no answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Unanswered {
    /// It could not be asked, or did not answer in time.
    Unreachable(String),
    /// It answered that it failed, or with something that is no answer.
    Failed(String),
    /// It answered that somebody else wrote meanwhile.
    Lost,
}

impl Unanswered {
    fn why(self) -> String {
        match self {
            Self::Unreachable(why) | Self::Failed(why) => why,
            Self::Lost => "someone else had written meanwhile".into(),
        }
    }

    fn no_data(self) -> NoData {
        match self {
            Self::Unreachable(why) => NoData::Unreachable(why),
            other => NoData::Failed(other.why()),
        }
    }
}

/// What is asked.
#[derive(Debug, Serialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Request<'a> {
    /// What there is to see.
    Observe {
        workload: &'a str,
        at: String,
        wants: ShownWants<'a>,
    },
    /// What the target says of itself.
    Read { workload: &'a str, at: String },
    /// Have so many replicas, unless someone else wrote since `version`.
    Write {
        workload: &'a str,
        at: String,
        replicas: Replicas,
        version: &'a str,
    },
}

/// What a policy needs to be shown, in the words of an observation.
#[derive(Debug, Serialize)]
pub(crate) struct ShownWants<'a> {
    /// Between two looks, in seconds.
    period: f64,
    replicas: bool,
    usage: bool,
    traffic: bool,
    metrics: &'a BTreeSet<MetricId>,
    samples: &'a BTreeSet<MetricId>,
}

impl<'a> ShownWants<'a> {
    fn of(wants: &'a Wants) -> Self {
        Self {
            period: wants.period.as_secs_f64(),
            replicas: wants.replicas,
            usage: wants.usage,
            traffic: wants.traffic,
            metrics: &wants.metrics,
            samples: &wants.samples,
        }
    }
}

/// Somebody to ask, for one workload.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    workload: String,
    remote: Remote,
}

impl Asked {
    pub(crate) fn new(workload: &str, remote: Remote) -> Self {
        Self {
            workload: workload.to_owned(),
            remote,
        }
    }

    /// The answer's bytes, within the deadline.
    async fn ask(&self, request: &Request<'_>) -> Result<Vec<u8>, Unanswered> {
        let deadline = self.remote.deadline;
        let json = serde_json::to_vec(request).map_err(|e| Unanswered::Failed(e.to_string()))?;
        match &self.remote.by {
            Means::Command(words) => command::ask(words, json, deadline).await,
            Means::Url { url, host } => {
                let asked = http::ask(url, host.as_deref(), request, json);
                let answer = tokio::time::timeout(deadline, asked).await;
                answer.unwrap_or_else(|_| Err(late(deadline)))
            }
        }
    }

    async fn read_scale(&self, now: Timestamp) -> Result<Scale, Unanswered> {
        let request = Request::Read {
            workload: &self.workload,
            at: instant(now),
        };
        let answer = self.ask(&request).await?;
        let scale: ShownScale = parsed(&answer)?;
        Ok(scale.scale())
    }

    async fn look(&self, now: Timestamp, wants: &Wants) -> Result<Observation, Unanswered> {
        let request = Request::Observe {
            workload: &self.workload,
            at: instant(now),
            wants: ShownWants::of(wants),
        };
        let answer = self.ask(&request).await?;
        let mut json: serde_json::Value = parsed(&answer)?;
        let Some(fields) = json.as_object_mut() else {
            return Err(Unanswered::Failed("the answer is no JSON object".into()));
        };
        fields.entry("at").or_insert_with(|| instant(now).into());
        let shown: Shown = serde_json::from_value(json).map_err(|e| no_answer(&e))?;
        Ok(shown.observation())
    }
}

/// What a target says to a write, if it says anything.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    outcome: WriteOutcome,
}

impl ScaleTarget for Asked {
    async fn read(&mut self, now: Timestamp) -> Reading<Scale> {
        match self.read_scale(now).await {
            Ok(scale) => Reading::now(scale, now),
            Err(why) => Reading::NoData(why.no_data()),
        }
    }

    async fn write(&mut self, now: Timestamp, replicas: Replicas, seen: Version) -> WriteOutcome {
        let request = Request::Write {
            workload: &self.workload,
            at: instant(now),
            replicas,
            version: &seen.0,
        };
        let answer = match self.ask(&request).await {
            Ok(answer) => answer,
            Err(Unanswered::Lost) => return WriteOutcome::Lost,
            Err(why) => return WriteOutcome::Failed(why.why()),
        };
        if answer.trim_ascii().is_empty() {
            return WriteOutcome::Written;
        }
        match parsed::<Written>(&answer) {
            Ok(written) => written.outcome,
            Err(why) => WriteOutcome::Failed(why.why()),
        }
    }
}

/// Where a workload's readings come from; nothing for one whose policy needs none.
#[derive(Clone, Debug)]
pub(crate) struct Source(pub(crate) Option<Asked>);

impl MetricsSource for Source {
    async fn observe(&mut self, now: Timestamp, wants: &Wants) -> Observation {
        let Some(asked) = &self.0 else {
            return Observation::default();
        };
        match asked.look(now, wants).await {
            Ok(mut seen) => {
                answered(&mut seen, wants, &NoData::Empty);
                seen
            }
            Err(why) => {
                let mut seen = Observation::default();
                answered(&mut seen, wants, &why.no_data());
                seen
            }
        }
    }
}

/// What was wanted and did not come has its reason: it is not as if nobody had asked.
fn answered(seen: &mut Observation, wants: &Wants, why: &NoData) {
    fn fill<T>(reading: &mut Reading<T>, why: &NoData) {
        if matches!(reading, Reading::NoData(NoData::NotAsked)) {
            *reading = Reading::NoData(why.clone());
        }
    }
    for id in &wants.metrics {
        fill(seen.metrics.entry(id.clone()).or_default(), why);
    }
    if wants.usage {
        fill(&mut seen.usage, why);
    }
    if wants.traffic {
        fill(&mut seen.traffic.offered, why);
    }
    for id in &wants.samples {
        if !seen.samples.iter().any(|sample| sample.metric == *id) {
            fill(seen.metrics.entry(id.clone()).or_default(), why);
        }
    }
}

fn instant(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_nanosecond(i128::from(at.as_nanos()));
    at.unwrap_or_default().to_string()
}

fn parsed<T: for<'de> Deserialize<'de>>(answer: &[u8]) -> Result<T, Unanswered> {
    serde_json::from_slice(answer).map_err(|e| no_answer(&e))
}

fn no_answer(error: &serde_json::Error) -> Unanswered {
    Unanswered::Failed(told(&format!("the answer is not as it should be: {error}")))
}

fn late(deadline: Duration) -> Unanswered {
    let deadline = words::seconds(deadline.as_secs_f64());
    Unanswered::Unreachable(format!("no answer within {deadline}"))
}

fn too_long() -> Unanswered {
    let most = LONGEST_ANSWER >> 20;
    Unanswered::Failed(format!("the answer is longer than {most} MiB"))
}

/// Somebody else's words: without what moves a cursor, and not too many.
fn told(text: &str) -> String {
    words::cut(words::terminal(&text.replace('\n', " ")).trim(), TOLD)
}

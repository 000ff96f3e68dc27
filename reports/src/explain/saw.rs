//! What a policy was shown, in a few figures.

use metrics::{NoData, Quantity, Reading};
use scaler::{MetricId, Observation, Phase, ReadyState, Term};

use crate::record::{Record, speed};
use crate::words::{percent, plural, rate, seconds};

/// The most metrics that are told one by one.
const MOST: usize = 8;

/// The figures, with the reason for each that is missing although it was asked for.
pub(super) fn terms(seen: &Observation, record: &Record) -> Vec<Term> {
    let mut terms = vec![term("replicas", replicas(seen))];
    let telling = Telling {
        seen,
        speed: speed(&record.header),
        period: record.header.period,
    };
    let t = &seen.traffic;
    let rps = |value: &metrics::Rps| format!("{} req/s", rate(value.get()));
    for (name, reading) in [
        ("offered", &t.offered),
        ("served", &t.served),
        ("failed", &t.failed),
        ("shed", &t.shed),
        ("slow", &t.slow),
    ] {
        terms.extend(telling.reading(name, reading, rps));
    }
    terms.extend(telling.reading("queued", &t.queued, |n| rate(*n)));
    terms.extend(telling.reading("in flight", &t.in_flight, |n| rate(*n)));
    terms.extend(telling.reading("busy", &t.busy, |share| {
        format!("{} of slots", percent(share.get()))
    }));
    terms.extend(telling.reading("usage", &seen.usage, |list| {
        let cpu = list.iter().flat_map(|of| &of.containers);
        let milli: i64 = cpu
            .filter_map(|container| container.usage.get("cpu"))
            .map(|cpu| cpu.milli())
            .fold(0, i64::saturating_add);
        format!(
            "CPU {} over {}",
            Quantity::from_milli(milli),
            plural(list.len() as u64, "replica")
        )
    }));
    for (id, reading) in seen.metrics.iter().take(MOST) {
        terms.extend(telling.reading(&id.to_string(), reading, |samples| {
            let sum = samples.iter().map(|sample| sample.value.milli());
            let sum = sum.fold(0, i64::saturating_add);
            // As people write it, and not in thousandths; slots held are a share.
            let is_share = matches!(id, MetricId::Pods { name } if name == "busy");
            let quantity = |milli: i64| match milli as f64 / 1000.0 {
                share if is_share => percent(share),
                value => value.to_string(),
            };
            match (samples.len(), id) {
                (0, _) => "no series".into(),
                (1, _) => quantity(sum),
                (many, MetricId::Pods { .. }) => {
                    format!(
                        "mean {} over {}",
                        quantity(sum / many as i64),
                        plural(many as u64, "replica")
                    )
                }
                (many, _) => format!("{} over {many} series", quantity(sum)),
            }
        }));
    }
    terms
}

/// `6 asked for: 5 ready, 1 starting`.
fn replicas(seen: &Observation) -> String {
    let asked = match &seen.scale {
        Reading::Value { value, .. } => format!("{} asked for", value.spec),
        Reading::NoData(why) => format!("the scale could not be read ({why})"),
    };
    if seen.replicas.is_empty() {
        return match seen.scale.value() {
            Some(scale) if scale.status != scale.spec => {
                format!("{asked}, {} there", scale.status)
            }
            _ => asked,
        };
    }
    let alive = |r: &&scaler::ReplicaObservation| {
        matches!(r.phase, Phase::Running | Phase::Pending | Phase::Unknown) && !r.deleting
    };
    let is_ready = |r: &&scaler::ReplicaObservation| r.ready.state == ReadyState::True;
    let there = seen.replicas.iter().filter(alive).count();
    let ready = seen.replicas.iter().filter(alive).filter(is_ready).count();
    let ending = seen.replicas.iter().filter(|r| r.deleting).count();
    let mut parts = vec![format!("{ready} ready")];
    if there > ready {
        parts.push(format!("{} not ready", there - ready));
    }
    if ending > 0 {
        parts.push(format!("{ending} ending"));
    }
    format!("{asked}: {}", parts.join(", "))
}

struct Telling<'a> {
    seen: &'a Observation,
    speed: f64,
    period: std::time::Duration,
}

impl Telling<'_> {
    /// Nothing for what nobody asked for. An age beyond a period is told, and so is a window that was not wholly seen.
    fn reading<T>(
        &self,
        name: &str,
        reading: &Reading<T>,
        text: impl Fn(&T) -> String,
    ) -> Option<Term> {
        match reading {
            Reading::NoData(NoData::NotAsked) => None,
            Reading::NoData(why) => Some(term(name, format!("no data: {why}"))),
            Reading::Value {
                value,
                at,
                coverage,
                ..
            } => {
                let mut said = text(value);
                let age = self.seen.at.since(*at);
                if age > self.period {
                    said += &format!(", {} old", seconds(age.as_secs_f64() * self.speed));
                }
                if coverage.get() < 1.0 {
                    said += &format!(", {} of it seen", percent(coverage.get()));
                }
                Some(term(name, said))
            }
        }
    }
}

fn term(name: &str, value: String) -> Term {
    Term {
        name: name.into(),
        value,
    }
}

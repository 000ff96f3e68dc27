//! Whether what must hold did hold.

use metrics::{Bound, Gate, GateLevel, GateMetric, GatePer, Quantile};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::analysis::{Analysis, Group};
use crate::record::{Ending, Record, World};
use crate::words;

/// How a gate came out.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It held.
    Pass,
    /// It did not, and that is only said.
    Warn,
    /// It did not.
    Fail,
    /// There are too few samples, or no data, to say.
    Inconclusive,
}

/// What a value is counted in.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Milliseconds of latency.
    Ms,
    /// Seconds of scenario time.
    S,
    /// A share, 1 being all.
    Share,
    /// Replica-minutes.
    ReplicaMin,
    /// Requests per second.
    Rps,
    /// How many.
    Count,
}

/// One gate, judged.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct GateResult {
    /// How it was written.
    pub gate: String,
    /// How it came out.
    pub outcome: Outcome,
    /// What was measured, where it was worst.
    pub value: Option<f64>,
    /// The bound.
    pub limit: f64,
    /// What both are counted in.
    pub unit: Unit,
    /// (limit − value) ÷ limit, turned round where more is better; negative where it does not hold.
    pub margin: Option<f64>,
    /// Where it was worst, or over what it was judged: `phase rise, worst at 5:20`.
    pub place: String,
    /// Why it is inconclusive, if it is.
    pub why: Option<String>,
}

/// How the run came out.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All gates held.
    Passed,
    /// All gates held but some that only warn.
    PassedWithWarnings,
    /// A gate did not hold, or the audit found something.
    Failed,
    /// The load was not delivered as promised, or there are too few samples: nothing can be said.
    Invalid,
    /// The run was stopped or cut off before its end.
    Interrupted,
}

impl Verdict {
    /// The exit code that says it: 0, 1, 3 or 130.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Passed | Self::PassedWithWarnings => 0,
            Self::Failed => 1,
            Self::Invalid => 3,
            Self::Interrupted => 130,
        }
    }

    /// Its word, in capitals.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed | Self::PassedWithWarnings => "PASSED",
            Self::Failed => "FAILED",
            Self::Invalid => "INVALID",
            Self::Interrupted => "INTERRUPTED",
        }
    }
}

/// Judges all gates of the scenario, and the audit if there was something to audit.
#[must_use]
pub fn judge(gates: &[Gate], run: &Analysis) -> Vec<GateResult> {
    let mut results: Vec<GateResult> = gates.iter().map(|gate| judge_one(gate, run)).collect();
    if let Some(audit) = run.audit.as_ref().filter(|audit| !audit.of_nothing()) {
        let found = audit.violation_count.max(audit.violations.len() as u64);
        results.push(GateResult {
            gate: "audit: orders there and charged once".into(),
            outcome: if found == 0 {
                Outcome::Pass
            } else {
                Outcome::Fail
            },
            value: Some(found as f64),
            limit: 1.0,
            unit: Unit::Count,
            margin: None,
            place: audit
                .violations
                .first()
                .map_or_else(|| audit.orders(), Clone::clone),
            why: None,
        });
    }
    results
}

/// What one gate is judged on.
struct Measured {
    value: Option<f64>,
    place: String,
    /// Why the value cannot prove that the gate holds, if it cannot.
    doubt: Option<String>,
}

fn judge_one(gate: &Gate, run: &Analysis) -> GateResult {
    let unit = match gate.metric {
        GateMetric::Latency(_) => Unit::Ms,
        GateMetric::TimeAboveLimit => Unit::S,
        GateMetric::Misses | GateMetric::Errors => Unit::Share,
        GateMetric::Cost => Unit::ReplicaMin,
        GateMetric::Throughput => Unit::Rps,
    };
    let limit = match (gate.bound, unit) {
        (Bound::Time(time), Unit::Ms) => Some(time.as_secs_f64() * 1e3),
        (Bound::Time(time), Unit::S) => Some(time.as_secs_f64()),
        (Bound::Share(share) | Bound::Number(share), Unit::Share) => Some(share),
        (Bound::Number(number), Unit::ReplicaMin | Unit::Rps) => Some(number),
        _ => None,
    };
    let Some(limit) = limit.filter(|l| l.is_finite()) else {
        let doubt = Some("its bound is not in the unit of its metric".to_owned());
        let measured = Measured {
            value: None,
            place: String::new(),
            doubt,
        };
        return result(gate, unit, 0.0, measured);
    };
    let mut measured = match gate.metric {
        GateMetric::Latency(q) => latency(gate.per, q, limit, run),
        GateMetric::Misses => share(gate.per, limit, run, |g| g.counts.misses()),
        GateMetric::Errors => share(gate.per, limit, run, |g| g.counts.errors()),
        GateMetric::Cost => cost(run),
        GateMetric::TimeAboveLimit => time_above(run),
        GateMetric::Throughput => throughput(gate.per, run),
    };
    if run.about.world == World::Planned {
        measured.doubt = Some(PLANNED.to_owned());
    }
    result(gate, unit, limit, measured)
}

/// Why a planner's result proves nothing.
pub(crate) const PLANNED: &str =
    "planned in rough strokes: it may hold, and only a simulation can show it";

fn result(gate: &Gate, unit: Unit, limit: f64, measured: Measured) -> GateResult {
    let more_is_better = gate.metric == GateMetric::Throughput;
    let value = measured.value.filter(|v| v.is_finite());
    let holds = value.map(|v| {
        if more_is_better {
            v >= limit
        } else {
            v < limit
        }
    });
    // What is over the limit is over it, however few the samples; what is under it must be shown to be.
    let outcome = match (holds, &measured.doubt, gate.level) {
        (Some(false), _, GateLevel::Error) => Outcome::Fail,
        (Some(false), _, GateLevel::Warn) => Outcome::Warn,
        (Some(true), None, _) => Outcome::Pass,
        _ => Outcome::Inconclusive,
    };
    let margin = value.filter(|_| limit > 0.0).map(|v| {
        let margin = (limit - v) / limit;
        if more_is_better { -margin } else { margin }
    });
    let no_data = || "there is no data".to_owned();
    GateResult {
        gate: gate.text.clone(),
        outcome,
        value,
        limit,
        unit,
        margin,
        place: measured.place,
        why: (outcome == Outcome::Inconclusive).then(|| measured.doubt.unwrap_or_else(no_data)),
    }
}

/// What a gate is judged over, with the word for one of it.
fn groups(per: GatePer, run: &Analysis) -> (&'static str, Vec<Group>) {
    match per {
        GatePer::Run => ("", vec![run.total.clone()]),
        GatePer::Phase => ("phase ", run.phases.clone()),
        GatePer::Page => ("page ", run.pages.clone()),
    }
}

fn latency(per: GatePer, q: Quantile, limit: f64, run: &Analysis) -> Measured {
    let (word, mut groups) = groups(per, run);
    if per == GatePer::Phase {
        groups = Group::join_short(&groups, q);
    }
    let certain = |g: &Group| g.certain_ms(q);
    let worst = groups
        .iter()
        .filter_map(|g| Some((g, certain(g)?)))
        .max_by(|a, b| a.1.total_cmp(&b.1));
    let short: Vec<&Group> = groups.iter().filter(|g| certain(g).is_none()).collect();
    let doubt = short.iter().min_by_key(|g| g.samples()).map(|g| {
        format!(
            "{} needs {} requests, {word}{} has {}: run longer, or judge a lower percentile",
            words::quantile(q.get()),
            words::count(q.samples_needed()),
            g.name,
            words::count(g.samples())
        )
    });
    let place = worst.map_or_else(String::new, |(group, value)| {
        let at = worst_step(group, run);
        let when = at.map(|at| format!("worst at {}", words::clock(at)));
        let named = (per != GatePer::Run).then(|| format!("{word}{}", group.name));
        let parts = [
            named,
            when.filter(|_| value >= limit || per != GatePer::Page),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    });
    Measured {
        value: worst.map(|(_, value)| value),
        place,
        doubt,
    }
}

/// When p99 was highest inside a group's span.
fn worst_step(group: &Group, run: &Analysis) -> Option<f64> {
    run.percentiles
        .iter()
        .filter(|s| s.to_s > group.from_s + 1e-6 && s.from_s < group.to_s - 1e-6)
        .filter_map(|s| Some((s.from_s, s.p99_ms?)))
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(at, _)| at.max(group.from_s))
}

fn share(per: GatePer, limit: f64, run: &Analysis, of: fn(&Group) -> u64) -> Measured {
    let (word, groups) = groups(per, run);
    let seen = || groups.iter().filter(|g| g.counts.offered > 0);
    let value = |g: &Group| of(g) as f64 / g.counts.offered as f64;
    let worst = seen().max_by(|a, b| value(a).total_cmp(&value(b)));
    // With fewer than 1 ÷ limit requests, not even one may be missed: none missed proves nothing.
    let few = seen().find(|g| (g.counts.offered as f64) * limit < 1.0 - 1e-9);
    Measured {
        value: worst.map(value),
        place: worst.map_or_else(String::new, |g| {
            let named = if per == GatePer::Run {
                String::new()
            } else {
                format!("{word}{}: ", g.name)
            };
            let (n, all) = (
                words::count(of(g)),
                words::plural(g.counts.offered, "request"),
            );
            format!("{named}{n} of {all}")
        }),
        doubt: few.map(|g| {
            format!(
                "a share below {} needs {} requests, {}{} has {}",
                words::percent(limit),
                words::count((1.0 / limit.max(1e-12)).ceil() as u64),
                word,
                if per == GatePer::Run {
                    "the run"
                } else {
                    &g.name
                },
                words::count(g.counts.offered)
            )
        }),
    }
}

fn cost(run: &Analysis) -> Measured {
    let covered = run.cost.covered;
    Measured {
        value: run.cost.paid_replica_min,
        place: words::plural(run.cost.services.len() as u64, "service"),
        doubt: (covered < 0.95).then(|| {
            format!(
                "replicas are known for {} of the run only",
                words::percent(covered)
            )
        }),
    }
}

fn time_above(run: &Analysis) -> Measured {
    let longest = run
        .breaches
        .iter()
        .max_by(|a, b| (a.to_s - a.from_s).total_cmp(&(b.to_s - b.from_s)));
    let place = match longest {
        None => "never left it".to_owned(),
        Some(b) if b.recovered => format!(
            "from {} to {}",
            words::clock(b.from_s),
            words::clock(b.to_s)
        ),
        Some(b) => format!("from {} to the end", words::clock(b.from_s)),
    };
    Measured {
        value: (!run.percentiles.is_empty()).then(|| longest.map_or(0.0, |b| b.to_s - b.from_s)),
        place,
        doubt: None,
    }
}

fn throughput(per: GatePer, run: &Analysis) -> Measured {
    let (word, groups) = groups(per, run);
    let rate = |g: &Group| {
        let span = (g.to_s - g.from_s) / run.about.speed;
        (span > 0.0).then(|| g.counts.served as f64 / span)
    };
    let worst = groups
        .iter()
        .filter_map(|g| Some((g, rate(g)?)))
        .min_by(|a, b| a.1.total_cmp(&b.1));
    Measured {
        value: worst.map(|(_, rate)| rate),
        place: worst.map_or_else(String::new, |(g, _)| match per {
            GatePer::Run => "mean of the run".to_owned(),
            _ => format!("{word}{}", g.name),
        }),
        doubt: None,
    }
}

/// The verdict over all gates.
///
/// A run that was stopped is interrupted. What the audit found fails any other, whatever the load was. Without
/// the promised load nothing else can be said; then a failed gate decides, then an inconclusive one.
#[must_use]
pub fn verdict(record: &Record, run: &Analysis) -> Verdict {
    let any = |outcome| run.gates.iter().any(|g| g.outcome == outcome);
    let violated = record
        .audit
        .as_ref()
        .is_some_and(|a| a.violation_count > 0 || !a.violations.is_empty());
    match record.end.as_ref().map(|e| &e.how) {
        None | Some(Ending::Interrupted) => Verdict::Interrupted,
        _ if violated => Verdict::Failed,
        Some(Ending::Failed(_)) => Verdict::Invalid,
        _ if !run.honesty.objections.is_empty() => Verdict::Invalid,
        _ if any(Outcome::Fail) => Verdict::Failed,
        _ if any(Outcome::Inconclusive) => Verdict::Invalid,
        _ if run.about.world == World::Planned => Verdict::Invalid,
        _ if any(Outcome::Warn) => Verdict::PassedWithWarnings,
        _ => Verdict::Passed,
    }
}

impl GateResult {
    /// Its value as people read it.
    #[must_use]
    pub fn value_text(&self) -> String {
        self.value
            .map_or_else(|| words::NONE.to_owned(), |v| self.unit.text(v))
    }

    /// Its margin as people read it: `margin 29 %`, `4.3× the limit`, `short by 12 %`.
    #[must_use]
    pub fn margin_text(&self) -> String {
        match (self.outcome, self.margin) {
            (Outcome::Inconclusive, _) if self.why.as_deref() == Some(PLANNED) => {
                "planned only".to_owned()
            }
            (Outcome::Inconclusive, _) => "too little data".to_owned(),
            (_, None) => String::new(),
            (Outcome::Pass, Some(margin)) => format!("margin {}", words::percent(margin)),
            (_, Some(margin)) if self.unit == Unit::Rps => {
                format!("short by {}", words::percent(-margin))
            }
            // "4.3×" is the value in limits.
            (_, Some(margin)) if margin <= -1.0 => format!("{:.1}× the limit", 1.0 - margin),
            (_, Some(margin)) => format!("over by {}", words::percent(-margin)),
        }
    }
}

impl Unit {
    /// A value of this unit as people read it.
    #[must_use]
    pub fn text(self, value: f64) -> String {
        match self {
            Self::Ms => words::ms(value),
            Self::S => words::seconds(value),
            Self::Share => words::percent(value),
            Self::ReplicaMin => words::rate(value),
            Self::Rps => format!("{} req/s", words::rate(value)),
            Self::Count => words::count(value.max(0.0) as u64),
        }
    }
}

impl Outcome {
    /// Its word, in capitals.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
            Self::Inconclusive => "????",
        }
    }
}

#[cfg(test)]
mod tests;

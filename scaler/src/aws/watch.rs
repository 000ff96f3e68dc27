//! One scaling policy of AWS's: a metric, its alarms, and how many replicas they ask for.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::alarm::{AwsAlarm, Points, State};
use super::metric::AwsMetric;
use super::step::{AwsStep, inward, outward};
use crate::figures::RoundedUp;

/// The alarm above a target: three minutes of three. AWS makes these alarms itself; their numbers are those that it shows.
pub(super) const ABOVE: AwsAlarm = AwsAlarm::all_of(3);
/// The alarm below it: fifteen of fifteen.
pub(super) const BELOW: AwsAlarm = AwsAlarm::all_of(15);
/// That alarm's threshold, as a share of the target.
const LOW: f64 = 0.9;

/// What is watched, and what follows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Watch {
    pub(super) metric: AwsMetric,
    pub(super) rule: Rule,
}

/// What follows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Rule {
    Steps {
        alarm: AwsAlarm,
        out: Vec<AwsStep>,
        down: Vec<AwsStep>,
        magnitude: u32,
    },
    Track {
        target: f64,
        down: bool,
    },
}

/// What must not be forgotten of it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub(super) struct Watched {
    pub(super) points: Points,
    pub(super) above: State,
    pub(super) below: State,
}

/// What one policy asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Asks {
    /// At least so many, and why.
    Out(u32, Why),
    /// So many are enough, and why.
    In(u32, Why),
    /// As many as there are.
    Stay,
    /// It never asks for fewer, and does not ask for more: what the others say holds.
    Abstain,
    /// Nobody knows.
    Unknown,
}

/// Why it asks for so many: a metric's value, and what follows from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Why {
    metric: AwsMetric,
    value: f64,
    /// The replicas it goes from.
    of: u32,
    by: By,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum By {
    Step(AwsStep),
    Target(f64),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            metric, value, of, ..
        } = *self;
        write!(f, "{} {}", metric.word(), metric.shown(value))?;
        match self.by {
            By::Step(step) => {
                write!(f, ": the step at {} ", metric.shown(step.at))?;
                step.adjustment.words(f, of)?;
                f.write_str(":")
            }
            By::Target(target) => write!(
                f,
                " against a target of {}: {}",
                metric.shown(target),
                RoundedUp(of.into(), value / target)
            ),
        }
    }
}

impl Watch {
    /// How many datapoints must be kept.
    pub(super) fn kept(&self) -> usize {
        match &self.rule {
            Rule::Steps { alarm, .. } => alarm.kept(),
            Rule::Track { .. } => BELOW.kept(),
        }
    }

    /// Its alarms: the threshold of each, if it has it, and when it goes off.
    pub(super) fn alarms(&self) -> [(Option<f64>, AwsAlarm); 2] {
        match &self.rule {
            Rule::Steps {
                alarm, out, down, ..
            } => [
                (out.first().map(|step| step.at), *alarm),
                (down.first().map(|step| step.at), *alarm),
            ],
            Rule::Track { target, down } => [
                (Some(*target), ABOVE),
                (down.then_some(target * LOW), BELOW),
            ],
        }
    }

    /// Sets the alarms, now that a datapoint is complete.
    pub(super) fn evaluate(&self, watched: &mut Watched) {
        let [(above, out), (below, down)] = self.alarms();
        // A target must be exceeded; steps begin at their threshold.
        let strict = matches!(self.rule, Rule::Track { .. });
        let over = |v: f64, at: f64| if strict { v > at } else { v >= at };
        let under = |v: f64, at: f64| if strict { v < at } else { v <= at };
        let points = &watched.points;
        let state =
            |at: Option<f64>, alarm: AwsAlarm, before, breaches: &dyn Fn(f64, f64) -> bool| {
                at.map_or(State::Ok, |at| {
                    alarm.state(points.iter().map(|p| p.map(|v| breaches(v, at))), before)
                })
            };
        let states = (
            state(above, out, watched.above, &over),
            state(below, down, watched.below, &under),
        );
        (watched.above, watched.below) = states;
    }

    /// What it asks for with `current` replicas, of which `base` were there before the scale-out that still counts.
    pub(super) fn asks(&self, watched: &Watched, current: u32, base: u32) -> Asks {
        // CloudWatch may call it an alarm by datapoints of a while ago; nothing is known of now.
        let Some(value) = watched.points.newest() else {
            return Asks::Unknown;
        };
        let asks = match &self.rule {
            Rule::Steps {
                out,
                down,
                magnitude,
                ..
            } => self.by_steps(watched, value, (out, down, *magnitude), (current, base)),
            Rule::Track { target, .. } => self.by_target(watched, value, *target, (current, base)),
        };
        if asks == Asks::Stay && matches!(self.rule, Rule::Track { down: false, .. }) {
            return Asks::Abstain;
        }
        asks
    }

    fn by_steps(
        &self,
        watched: &Watched,
        value: f64,
        (out, down, magnitude): (&[AwsStep], &[AwsStep], u32),
        (current, base): (u32, u32),
    ) -> Asks {
        let why = |step: &AwsStep, of: u32| Why {
            metric: self.metric,
            value,
            of,
            by: By::Step(*step),
        };
        if watched.above == State::Alarm
            && let Some(step) = outward(out, value)
        {
            return Asks::Out(step.adjustment.of(base, magnitude), why(step, base));
        }
        if watched.below == State::Alarm
            && let Some(step) = inward(down, value)
        {
            let to = step.adjustment.of(current, magnitude);
            return Asks::In(to, why(step, current));
        }
        Asks::Stay
    }

    fn by_target(
        &self,
        watched: &Watched,
        value: f64,
        target: f64,
        (current, base): (u32, u32),
    ) -> Asks {
        let needed = |of: u32| (f64::from(of) * value / target).ceil() as u32;
        let why = |of: u32| Why {
            metric: self.metric,
            value,
            of,
            by: By::Target(target),
        };
        if watched.above == State::Alarm && value > target {
            return Asks::Out(needed(base), why(base));
        }
        if watched.below == State::Alarm && value < target * LOW {
            return Asks::In(needed(current), why(current));
        }
        Asks::Stay
    }
}

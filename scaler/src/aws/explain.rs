//! From what the alarms ask for to a number, in words and terms.

use std::fmt;

use metrics::{Replicas, Timestamp};

use super::Aws;
use super::alarm::State;
use super::watch::{Asks, Watch, Watched, Why};
use crate::Reason;

/// All that a decision rests on.
pub(super) struct Seen<'a> {
    pub(super) aws: &'a Aws,
    pub(super) now: Timestamp,
    pub(super) current: u32,
    /// Replicas before the scale-out that still counts.
    pub(super) base: u32,
    pub(super) asked: &'a [Asks],
}

impl Seen<'_> {
    /// How many there should be, and why; nothing: nobody knows.
    ///
    /// The policy that asks for most wins. Replicas go only if every policy that may scale in says so.
    pub(super) fn decide(&self, reason: &mut Reason) -> Option<u32> {
        let to = self.number(reason);
        self.add_terms(reason);
        to
    }

    fn number(&self, reason: &mut Reason) -> Option<u32> {
        let outs = self.asked.iter().filter_map(|asks| match asks {
            Asks::Out(n, why) => Some((*n, why)),
            _ => None,
        });
        if let Some((n, why)) = outs.max_by_key(|(n, _)| *n) {
            return Some(self.out(n, why, reason));
        }
        if self.asked.contains(&Asks::Unknown) {
            let what =
                format_args!("no data for a whole period: nothing is done on insufficient data");
            reason.say("no_data", what);
            return None;
        }
        let ins = self.asked.iter().filter_map(|asks| match asks {
            Asks::In(n, why) => Some((*n, why)),
            _ => None,
        });
        let most = ins.max_by_key(|(n, _)| *n);
        match most.filter(|_| !self.asked.contains(&Asks::Stay)) {
            Some((n, why)) => Some(self.inward(n, why, reason)),
            None => {
                let all = Calm(self);
                reason.say(
                    "alarm",
                    format_args!("{all}: no alarm that changes anything"),
                );
                reason.wanted = Some(Replicas(self.current));
                Some(self.current)
            }
        }
    }

    fn out(&self, n: u32, why: &Why, reason: &mut Reason) -> u32 {
        acting(reason, "scale_out", n, why);
        // It never takes any away, but what was added within the cooldown is part of what it asks for.
        let mut to = n.max(self.current);
        if n <= self.current && self.base < self.current {
            let added = self.current - self.base;
            reason.go_on(format_args!(
                "; {added} were added within the cooldown already"
            ));
            clip(reason, "cooldown", n, to);
        }
        self.bound(reason, &mut to);
        // Above the maximum a scale-out does nothing.
        to.max(self.current)
    }

    fn inward(&self, n: u32, why: &Why, reason: &mut Reason) -> u32 {
        acting(reason, "scale_in", n, why);
        let mut to = n.min(self.current);
        if let Some(until) = self.aws.no_in_until().filter(|until| self.now < *until) {
            let left = until.since(self.now).as_secs_f64().ceil();
            reason.go_on(format_args!("; the cooldown lasts {left} s more"));
            clip(reason, "cooldown", to, self.current);
            to = self.current;
        }
        self.bound(reason, &mut to);
        to
    }

    fn bound(&self, reason: &mut Reason, to: &mut u32) {
        let (min, max) = (self.aws.target.min.get(), self.aws.target.max.get());
        if *to < min {
            clip(reason, "min", *to, min);
            *to = min;
        } else if *to > max {
            clip(reason, "max", *to, max);
            *to = max;
        }
    }

    fn each(&self) -> impl Iterator<Item = (&Watch, &Watched)> {
        self.aws.watches.iter().zip(&self.aws.memory.watched)
    }

    fn add_terms(&self, reason: &mut Reason) {
        for (watch, watched) in self.each() {
            let word = watch.metric.word();
            match watched.points.newest() {
                Some(value) => reason.rest_on(
                    format_args!("{word}"),
                    format_args!("{}", watch.metric.shown(value)),
                ),
                None => reason.rest_on(format_args!("{word}"), format_args!("no data")),
            }
            let states = [("above", watched.above), ("below", watched.below)];
            for ((side, state), (at, alarm)) in states.into_iter().zip(watch.alarms()) {
                let Some(at) = at else { continue };
                let known = watched.points.known(alarm.periods);
                reason.rest_on(
                    format_args!("{word} alarm {side}"),
                    format_args!(
                        "{}, goes off at {} of {} datapoints {side} {}; {known} known",
                        self::word(state),
                        alarm.datapoints,
                        alarm.periods,
                        watch.metric.shown(at),
                    ),
                );
            }
        }
        reason.rest_on(
            format_args!("approximate"),
            format_args!("after AWS's documents, not its code"),
        );
    }
}

fn acting(reason: &mut Reason, because: &'static str, n: u32, why: &Why) {
    let ending = if n == 1 { "" } else { "s" };
    reason.say(because, format_args!("{why} {n} replica{ending}"));
    reason.wanted = Some(Replicas(n));
}

/// What is, while no alarm asks for anything.
struct Calm<'a>(&'a Seen<'a>);

impl fmt::Display for Calm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (watch, watched)) in self.0.each().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{} ", watch.metric.word())?;
            match watched.points.newest() {
                Some(value) => write!(f, "{}", watch.metric.shown(value))?,
                None => f.write_str("unknown")?,
            }
        }
        Ok(())
    }
}

const fn word(state: State) -> &'static str {
    match state {
        State::Unknown => "INSUFFICIENT_DATA",
        State::Ok => "OK",
        State::Alarm => "ALARM",
    }
}

fn clip(reason: &mut Reason, by: &'static str, from: u32, to: u32) {
    if from != to {
        reason.clip(by, Replicas(from), Replicas(to));
    }
}

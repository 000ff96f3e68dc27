//! From what the alarms ask for to a number, in words and terms.

use metrics::{Replicas, Timestamp};

use super::Aws;
use super::alarm::State;
use super::watch::{Asks, Watch, Watched};
use crate::{Clip, Reason, Term};

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
    pub(super) fn decide(&self) -> (Option<u32>, Reason) {
        let outs = self.asked.iter().filter_map(|asks| match asks {
            Asks::Out(n, why) => Some((*n, why)),
            _ => None,
        });
        if let Some((n, why)) = outs.max_by_key(|(n, _)| *n) {
            return self.out(n, why);
        }
        if self.asked.contains(&Asks::Unknown) {
            let what = "no data for a whole period: nothing is done on insufficient data";
            return (None, self.with_terms(Reason::new("no_data", what)));
        }
        let ins = self.asked.iter().filter_map(|asks| match asks {
            Asks::In(n, why) => Some((*n, why)),
            _ => None,
        });
        let most = ins.max_by_key(|(n, _)| *n);
        match most.filter(|_| !self.asked.contains(&Asks::Stay)) {
            Some((n, why)) => self.inward(n, why),
            None => {
                let mut reason = Reason::new("alarm", self.calm());
                reason.wanted = Some(Replicas(self.current));
                (Some(self.current), self.with_terms(reason))
            }
        }
    }

    fn out(&self, n: u32, why: &str) -> (Option<u32>, Reason) {
        let mut reason = self.acting("scale_out", n, why);
        // It never takes any away, but what was added within the cooldown is part of what it asks for.
        let mut to = n.max(self.current);
        if n <= self.current && self.base < self.current {
            let added = self.current - self.base;
            reason.sentence += &format!("; {added} were added within the cooldown already");
            clip(&mut reason, "cooldown", n, to);
        }
        self.bound(&mut reason, &mut to);
        // Above the maximum a scale-out does nothing.
        (Some(to.max(self.current)), self.with_terms(reason))
    }

    fn inward(&self, n: u32, why: &str) -> (Option<u32>, Reason) {
        let mut reason = self.acting("scale_in", n, why);
        let mut to = n.min(self.current);
        if let Some(until) = self.aws.no_in_until().filter(|until| self.now < *until) {
            let left = until.since(self.now).as_secs_f64().ceil();
            reason.sentence += &format!("; the cooldown lasts {left} s more");
            clip(&mut reason, "cooldown", to, self.current);
            to = self.current;
        }
        self.bound(&mut reason, &mut to);
        (Some(to), self.with_terms(reason))
    }

    fn acting(&self, because: &str, n: u32, why: &str) -> Reason {
        let words = Replicas(n).in_words();
        let mut reason = Reason::new(because, format!("{why} {words}"));
        reason.wanted = Some(Replicas(n));
        reason
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

    /// What is, while no alarm asks for anything.
    fn calm(&self) -> String {
        let each = self.aws.watches.iter().zip(&self.aws.memory.watched);
        let one = |(watch, watched): (&Watch, &Watched)| {
            let value = watched.points.newest();
            let value = value.map_or("unknown".into(), |v| watch.metric.shown(v));
            format!("{} {value}", watch.metric.word())
        };
        let all: Vec<String> = each.map(one).collect();
        format!("{}: no alarm that changes anything", all.join(", "))
    }

    fn with_terms(&self, mut reason: Reason) -> Reason {
        for (watch, watched) in self.aws.watches.iter().zip(&self.aws.memory.watched) {
            let value = watched.points.newest();
            let value = value.map_or("no data".into(), |v| watch.metric.shown(v));
            reason.terms.push(term(watch.metric.word(), value));
            let states = [("above", watched.above), ("below", watched.below)];
            for ((side, state), (at, alarm)) in states.into_iter().zip(watch.alarms()) {
                let Some(at) = at else { continue };
                let known = watched.points.known(alarm.periods);
                let value = format!(
                    "{}, goes off at {} of {} datapoints {side} {}; {known} known",
                    word(state),
                    alarm.datapoints,
                    alarm.periods,
                    watch.metric.shown(at),
                );
                reason.terms.push(term(
                    &format!("{} alarm {side}", watch.metric.word()),
                    value,
                ));
            }
        }
        let what = "after AWS's documents, not its code";
        reason.terms.push(term("approximate", what.into()));
        reason
    }
}

const fn word(state: State) -> &'static str {
    match state {
        State::Unknown => "INSUFFICIENT_DATA",
        State::Ok => "OK",
        State::Alarm => "ALARM",
    }
}

fn clip(reason: &mut Reason, by: &str, from: u32, to: u32) {
    if from != to {
        reason.clips.push(Clip {
            by: by.to_owned(),
            from: Replicas(from),
            to: Replicas(to),
        });
    }
}

fn term(name: &str, value: String) -> Term {
    Term {
        name: name.to_owned(),
        value,
    }
}

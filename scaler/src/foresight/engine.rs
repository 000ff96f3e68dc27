//! The one engine of our own policies: with a forecast it is [`Foresight`](super::Foresight), without one
//! [`Reactive`](super::Reactive).

use std::sync::Arc;

use metrics::{Replicas, Timestamp};
use serde::{Deserialize, Serialize};

use super::calendar;
use super::choice::{self, Choice, Rules};
use super::curve::{self, Curve, Prior};
use super::envelope;
use super::explain::Found;
use super::forecast::{Forecast, Purpose, World};
use super::inputs::Inputs;
use super::memory::Memory;
use super::outlook::{self, Outlook};
use super::plan::{self, Case, Terms};
use super::recent::{FURTHEST, SLOT};
use super::{History, ReactiveSpec};
use crate::decision::Pad;
use crate::fixed;
use crate::{
    Decision, Observation, PolicyState, Reason, Status, Trust, Verdict, Wants, WriteOutcome,
};

/// Samples after which half of the residuals is forgotten: 6 h.
const HALF_LIFE: f64 = 1440.0;
/// The formula's curve is made anew when what a replica can take has moved by this share.
const MOVED: f64 = 0.1;
/// Failures above this share say nothing of what replicas can take: to fail is quick.
const FAILING: f64 = 0.05;
/// Nothing is learned about utilisation for so long after an overload, in seconds.
const AFTERMATH: f64 = 60.0;
/// If nothing is known of the load for so long, in seconds, the usual one is taken for it.
const UNSEEN: f64 = 60.0;

/// Scales with what it learned.
#[derive(Clone, Debug)]
pub(super) struct Engine {
    /// The state's kind.
    kind: &'static str,
    spec: ReactiveSpec,
    wants: Wants,
    trust: Trust,
    memory: Memory,
    forecast: Option<Box<Forecast>>,
    /// The formula's curve for [`Memory::prior_at`], and the price that follows from it.
    prior: Option<(Prior, f64)>,
    told: fixed::Memory,
    /// The rules that are switched off, for the question what would have been without them.
    waived: envelope::Waived,
    reasons: Pad,
}

/// What is saved: the checkpoint has all that safety needs, the history can be rebuilt.
#[derive(Serialize)]
struct Saving<'a> {
    checkpoint: &'a Memory,
    told: &'a fixed::Memory,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<&'a Forecast>,
}

#[derive(Deserialize)]
struct Saved {
    checkpoint: Memory,
    told: fixed::Memory,
    #[serde(default)]
    history: Option<Box<Forecast>>,
}

impl Engine {
    pub(super) fn new(kind: &'static str, spec: ReactiveSpec, forecast: Option<Forecast>) -> Self {
        let wants = Wants {
            period: spec.period,
            replicas: true,
            traffic: true,
            ..Wants::default()
        };
        let trust = Trust {
            max_age: 3 * spec.period,
            ..Trust::default()
        };
        Self {
            kind,
            spec,
            wants,
            trust,
            memory: Memory::default(),
            forecast: forecast.map(Box::new),
            prior: None,
            told: fixed::Memory::default(),
            waived: envelope::Waived::default(),
            reasons: Pad::default(),
        }
    }

    pub(super) const fn wants(&self) -> &Wants {
        &self.wants
    }

    fn period(&self) -> f64 {
        self.spec.period.as_secs_f64() * self.spec.clock.speed
    }

    fn purpose(&self, age: f64) -> Purpose {
        let full_rate = self.memory.full_rate.rate().unwrap_or(0.0);
        Purpose {
            ahead: choice::ahead(&self.memory, age, self.period()),
            shift: outlook::shift(&self.memory, full_rate).max(1e-6),
            between: ((self.period() / SLOT - 1e-6).ceil() as i64 - 1).clamp(0, 240),
        }
    }

    /// Learns from the days before, of which no decision was asked.
    pub(super) fn remember(&mut self, history: &History) {
        for seconds in &history.start_ups {
            self.memory.starts.add(seconds.as_secs_f64());
        }
        let Some(mut forecast) = self.forecast.take() else {
            return;
        };
        let end = self.spec.clock.seconds(history.until);
        let (count, clock) = (history.rates.len() as f64, self.spec.clock);
        for (place, rate) in history.rates.iter().enumerate() {
            let now = end - SLOT * (count - place as f64);
            let Some(rate) = rate.filter(|rate| (0.0..=1e12).contains(rate)) else {
                continue;
            };
            let purpose = self.purpose(0.0);
            forecast.advance(now, purpose);
            forecast.go_through();
            let masked = calendar::is_masked(&self.spec.events, &clock, now);
            forecast.learn(now, rate, masked);
            self.memory.peaks.learn(now, rate);
        }
        forecast.learn_all(self.purpose(0.0));
        self.forecast = Some(forecast);
    }

    /// Learns what a replica can take, then chooses.
    fn choose(&mut self, inputs: &Inputs, fresh: Option<f64>) -> Choice {
        if let (Some(dt), Some(done), Some(busy)) = (fresh, inputs.done, inputs.busy)
            && let Some(replicas) = inputs.read_of(self.spec.slots)
            && inputs.failed.is_none_or(|share| share <= FAILING)
        {
            self.memory.full_rate.learn(done, busy, replicas, dt);
        }
        if fresh.is_some() {
            let purpose = self.purpose(inputs.age);
            if let Some(forecast) = &mut self.forecast {
                forecast.advance(inputs.now, purpose);
            }
        }
        // Without any load it does not matter what a replica could take.
        let idle = inputs.rate.is_some_and(|rate| rate <= 0.0).then_some(1.0);
        let full_rate = self.memory.full_rate.rate().or(idle);
        self.know(full_rate);
        let max = self.spec.max.get();
        let rules = Rules {
            min: self.spec.min.get().min(max),
            max,
            period: self.period(),
            events: &self.spec.events,
            clock: &self.spec.clock,
            hold: self
                .spec
                .hold
                .map(|hold| hold.as_secs_f64() * self.spec.clock.speed),
            patience: choice::patience(self.spec.limit),
            waived: self.waived,
        };
        let (Some(full_rate), Some((prior, price))) = (full_rate, &self.prior) else {
            let because = if inputs.rate.is_some() {
                "learning"
            } else {
                "no_data"
            };
            return Choice::keep(because, inputs, &rules);
        };
        let terms = Terms {
            curve: &Curve::new(prior, &self.memory.seen),
            full_rate,
            price: self.spec.price.unwrap_or_else(|| {
                price * self.memory.start.factor() * self.memory.budget.factor()
            }),
        };
        let forecast = self.forecast.as_deref();
        let Some(rate) = inputs.rate else {
            let unseen = forecast.and_then(|f| f.unseen(inputs.now));
            return blind(unseen, inputs, &self.memory, &terms, &rules);
        };
        let outlook = Outlook::of(forecast, inputs.now, rate, &self.memory, full_rate);
        choice::choose(inputs, rate, &mut self.memory, &terms, outlook, &rules)
    }

    /// Goes through the last days in thought, a slice at a time, for the price to begin with. A price that was given needs none.
    fn replay(&mut self, inputs: &Inputs) {
        let slots = |seconds: f64| ((seconds / SLOT).ceil() as usize).clamp(1, FURTHEST);
        let start = slots(self.memory.starts.quantile(0.5) + inputs.age.max(0.0));
        let hold = slots(self.hold());
        let (memory, spec) = (&mut self.memory, &self.spec);
        let (Some(forecast), Some((prior, price))) = (&mut self.forecast, &self.prior) else {
            return;
        };
        let Some(full_rate) = memory.full_rate.rate().filter(|_| spec.price.is_none()) else {
            return;
        };
        if !forecast.is_replaying() {
            if memory.start.is_due(inputs.now) && forecast.can_replay() {
                forecast.begin_replay(start, hold);
            }
            return;
        }
        let margins = forecast.margins();
        let world = World {
            terms: Terms {
                curve: &Curve::new(prior, &memory.seen),
                full_rate,
                price: *price,
            },
            limit: spec.limit.as_secs_f64(),
            budget: spec.budget.get(),
            min: spec.min.get(),
            max: spec.max.get(),
            highest: outlook::highest(memory),
            followed: margins.is_some(),
            offsets: margins.unwrap_or_else(|| memory.residuals.offsets()),
        };
        if let Some(factor) = forecast.go_on_replaying(&world) {
            let moved = memory.start.take(inputs.now, factor);
            memory.budget.begin_anew(moved);
        }
    }

    /// How long a lower number waits, in seconds.
    fn hold(&self) -> f64 {
        let given = self.spec.hold;
        let given = given.map(|hold| hold.as_secs_f64() * self.spec.clock.speed);
        envelope::usual_hold(given, &self.memory)
    }

    /// Makes the formula's curve, if the one that is there is for replicas that take much more or less.
    fn know(&mut self, full_rate: Option<f64>) {
        let Some(full_rate) = full_rate else { return };
        let near = |at: &f64| (full_rate / at - 1.0).abs() <= MOVED;
        let made_for = self.memory.prior_at.filter(near);
        if self.prior.is_none() || made_for.is_none() {
            let at = made_for.unwrap_or(full_rate);
            self.memory.prior_at = Some(at);
            self.prior = Some(beforehand(&self.spec, at));
        }
    }

    /// What is known only after the choice, so that more load never means fewer replicas.
    fn learn(&mut self, inputs: &Inputs, choice: &Choice, dt: f64, at: Timestamp) {
        let memory = &mut self.memory;
        let (now, clock, events) = (inputs.now, &self.spec.clock, &self.spec.events);
        memory.read = Some((inputs.read.min(at), now));
        let Some(rate) = inputs.rate else { return };
        memory.peaks.learn(now, rate);
        let usual = memory.recent.mean(now, choice::SURGE_HOLDS).unwrap_or(rate);
        memory
            .lessons
            .learn(events, clock, now, usual, &memory.base);
        memory
            .base
            .learn(events, clock, now, usual, &memory.lessons);
        let masked = calendar::is_masked(events, clock, now);
        if let Some(forecast) = &mut self.forecast {
            forecast.learn(now, rate, masked);
        }
        learn_residual(memory, inputs, choice, masked);
        let (Some(slow), true) = (inputs.slow, choice.full_rate > 0.0) else {
            return;
        };
        let utilisation = rate / (f64::from(inputs.ready.max(1)) * choice.full_rate);
        if utilisation > 0.97 || inputs.wait > choice::patience(self.spec.limit) {
            memory.overload_at = now;
        }
        if let Some((prior, _)) = &self.prior
            && inputs.is_settled()
            && now - memory.overload_at >= AFTERMATH
        {
            memory.seen.learn(prior, utilisation, slow, rate * dt, dt);
        }
        if inputs.spec < self.spec.max.get() {
            let budget = self.spec.budget.get();
            let fewer = choice.slow_with_fewer;
            let lowest = memory.start.lowest();
            memory.budget.learn(rate, slow, budget, dt, (fewer, lowest));
        }
    }

    pub(super) fn decide(&mut self, seen: &Observation) -> Decision {
        let mut reason = self.reasons.page();
        let target = self
            .decide_for(seen, Arc::make_mut(&mut reason))
            .map(Replicas);
        self.told.see(seen, target);
        self.reasons.keep(&reason);
        Decision {
            verdict: target.map_or(Verdict::Hold, Verdict::Scale),
            reason,
            next: seen.at + self.wants.period,
        }
    }

    fn decide_for(&mut self, seen: &Observation, reason: &mut Reason) -> Option<u32> {
        let Some(inputs) = Inputs::of(seen, &self.wants, &self.trust, &self.spec.clock) else {
            let what = format_args!("the scale could not be read: nothing is changed");
            reason.say("no_data", what);
            return None;
        };
        self.memory.starts.learn(seen, &self.spec.clock);
        self.memory.asked.push(inputs.now, inputs.spec);
        let last = self.memory.read;
        let newer = last.is_none_or(|(read, now)| inputs.read > read && inputs.now > now);
        let fresh = (newer && inputs.doubt.is_none())
            .then(|| last.map_or(0.0, |(_, now)| (inputs.now - now).clamp(0.0, 60.0)));
        let choice = self.choose(&inputs, fresh);
        let standing = self.forecast.as_ref().map(|forecast| forecast.standing());
        if let Some(dt) = fresh {
            self.learn(&inputs, &choice, dt, seen.at);
            self.replay(&inputs);
        }
        self.memory.decided = choice.target.map(|n| (inputs.now, n));
        tried(&mut self.memory, &inputs, &choice);
        let start = &self.memory.start;
        let found = Found {
            choice,
            inputs,
            factor: start.is_known().then(|| start.factor()),
            used: self.memory.budget.used(),
            standing,
        };
        found.tell(reason);
        choice.target
    }

    pub(super) fn waive(&mut self, rule: &str) {
        self.waived.add(rule);
        match rule {
            "min" => self.spec.min = Replicas::ZERO,
            "max" => self.spec.max = self.spec.max.max(envelope::WITHOUT_MAX),
            _ => {}
        }
    }

    pub(super) fn settle(&mut self, outcome: &WriteOutcome) -> Status {
        if let (WriteOutcome::Written, Some((now, n))) = (outcome, self.memory.decided) {
            self.memory.asked.push(now, n);
        }
        self.told.settle(outcome)
    }

    pub(super) fn save(&self) -> PolicyState {
        let saving = Saving {
            checkpoint: &self.memory,
            told: &self.told,
            history: self.forecast.as_deref(),
        };
        PolicyState::of(self.kind, &saving)
    }

    pub(super) fn restore(&mut self, state: &PolicyState) -> Result<(), String> {
        let saved: Saved = state.read(self.kind)?;
        let history = saved.history.filter(|_| self.forecast.is_some());
        if !saved.checkpoint.is_sound() || history.as_ref().is_some_and(|h| !h.is_sound()) {
            return Err(format!(
                "the saved state of `{}` is damaged: a value is out of its range",
                self.kind
            ));
        }
        self.prior = saved
            .checkpoint
            .prior_at
            .map(|at| beforehand(&self.spec, at));
        self.memory = saved.checkpoint;
        self.told = saved.told;
        // A state without its history is taken with the history that is there.
        if history.is_some() {
            self.forecast = history;
        }
        Ok(())
    }
}

/// The formula's curve for replicas that take so much, and the price at which the budget would just be used.
fn beforehand(spec: &ReactiveSpec, full_rate: f64) -> (Prior, f64) {
    let prior = Prior::of_slots(spec.slots.max(1), full_rate, spec.limit);
    let curve = Curve::new(&prior, &curve::Seen::default());
    let price = plan::implied_price(&curve, full_rate, spec.budget.get());
    (prior, price)
}

/// Without a reading of the load: what there is stays, or, after a while, goes up to what the usual load needs.
fn blind(
    unseen: Option<f64>,
    inputs: &Inputs,
    memory: &Memory,
    terms: &Terms<'_>,
    rules: &Rules<'_>,
) -> Choice {
    let mut choice = Choice::keep("no_data", inputs, rules);
    let since = memory.read.map_or(0.0, |(_, read)| inputs.now - read);
    let Some(rate) = unseen.filter(|_| since > UNSEEN) else {
        return choice;
    };
    let usual = terms.replicas(&[Case { weight: 1.0, rate }], rules.max);
    let (_, most) = memory.asked.limits(inputs.now, inputs.spec);
    let target = usual.min(most).min(rules.max).max(rules.min);
    if target > inputs.spec && choice.target.is_none() {
        choice.because = "usual";
        choice.for_usual = Some((rate, usual));
        choice.target = Some(choice.clip("rate", usual, target));
    }
    choice
}

/// What becomes of a number. Before it is known what a replica takes, a load is no number of replicas.
fn tried(memory: &mut Memory, inputs: &Inputs, choice: &Choice) {
    let is_known = inputs.doubt.is_none() && choice.full_rate > 0.0;
    let Some(n) = choice.target.filter(|_| is_known) else {
        return;
    };
    let mut load = choice.load;
    if n > inputs.spec {
        load = load.max(inputs.rate.unwrap_or(0.0) / choice.full_rate);
    }
    memory
        .tried
        .learn(inputs.now, load, (inputs.spec, n), choice.because);
}

/// How far the load went beyond what it was, within the lead.
fn learn_residual(memory: &mut Memory, inputs: &Inputs, choice: &Choice, masked: bool) {
    let (Some(rate), Some(_)) = (inputs.rate, choice.wanted) else {
        return;
    };
    let shift = outlook::shift(memory, choice.full_rate);
    let log = |rate: f64| libm::log(rate + shift);
    let expected = (!masked).then(|| log(rate));
    if memory.recent.push(inputs.now, rate, expected) && !masked {
        let ahead = (choice.ahead / SLOT) as usize;
        if let Some(by) = memory.recent.surprise(ahead, log) {
            memory.residuals.learn(by, HALF_LIFE);
        }
    }
}

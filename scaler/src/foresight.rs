//! Our own policies. They put a price on a slow request, learn what a replica can take, and buy replicas until the next
//! one would save less than it costs.
//!
//! [`Reactive`] knows what is there: the load, how far it strayed lately within the time that replicas take to start, who
//! waits, and events that the operator announced. It is made of small parts, each tested alone and each visible in the
//! reason: what a replica can take (`full_rate`), who is slow at which utilisation (`curve`), how far the load strays
//! (`residuals`), the number that is worth its cost (`plan`), announced events (`calendar`), what keeps a number from
//! falling (`holds`), and the price that keeps misses within their budget (`budget`).
//!
//! None of it goes down on no data, stale readings or thin ones, and none of it learns from them.

mod budget;
mod calendar;
mod choice;
mod clock;
mod curve;
mod explain;
mod full_rate;
mod holds;
mod inputs;
mod memory;
mod plan;
mod recent;
mod residuals;
mod start_up;

use std::time::Duration;

use metrics::{Ratio, Replicas, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use calendar::ExpectedEvent;
pub use clock::Clock;

use crate::fixed;
use crate::{
    Decision, Observation, Policy, PolicyState, Reason, Status, Trust, Verdict, Wants, WriteOutcome,
};
use choice::{Choice, Rules};
use curve::{Curve, Prior};
use inputs::Inputs;
use memory::Memory;

/// The state's kind.
const KIND: &str = "reactive/1";
/// Samples after which half of the residuals is forgotten: 6 h.
const HALF_LIFE: f64 = 1440.0;
/// The formula's curve is made anew when what a replica can take has moved by this share.
const MOVED: f64 = 0.1;
/// Failures above this share say nothing of what replicas can take: to fail is quick.
const FAILING: f64 = 0.05;
/// Nothing is learned about utilisation for so long after an overload, in seconds.
const AFTERMATH: f64 = 60.0;

/// The parameters of [`Reactive`].
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ReactiveSpec {
    /// The fewest replicas.
    pub min: Replicas,
    /// The most replicas.
    pub max: Replicas,
    /// Between two decisions.
    pub period: Duration,
    /// Requests that a replica works on at once; at least 1.
    pub slots: u32,
    /// What is slower is slow.
    pub limit: Duration,
    /// The share of requests that may be slow.
    pub budget: Ratio,
    /// What is known beforehand.
    #[serde(default)]
    pub events: Vec<ExpectedEvent>,
    /// The time it counts in.
    #[serde(default)]
    pub clock: Clock,
}

/// Scales to what is there, with the margin and the price that it learned.
#[derive(Clone, Debug)]
pub struct Reactive {
    spec: ReactiveSpec,
    wants: Wants,
    trust: Trust,
    memory: Memory,
    /// The formula's curve for [`Memory::prior_at`], and the price that follows from it.
    prior: Option<(Prior, f64)>,
    told: fixed::Memory,
    /// The rule that is switched off, for the question what would have been without it.
    waived: Option<&'static str>,
}

/// What is saved.
#[derive(Deserialize, Serialize)]
struct Saved {
    checkpoint: Memory,
    told: fixed::Memory,
}

impl Reactive {
    /// With these parameters. Bounds that contradict each other mean `max`.
    #[must_use]
    pub fn new(spec: ReactiveSpec) -> Self {
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
            spec,
            wants,
            trust,
            memory: Memory::default(),
            prior: None,
            told: fixed::Memory::default(),
            waived: None,
        }
    }

    /// Learns what a replica can take, then chooses.
    fn choose(&mut self, inputs: &Inputs, fresh: Option<f64>) -> Choice {
        let memory = &mut self.memory;
        if let (Some(dt), Some(done), Some(busy)) = (fresh, inputs.done, inputs.busy)
            && inputs.is_settled()
            && inputs.failed.is_none_or(|share| share <= FAILING)
        {
            memory
                .full_rate
                .learn(done, busy, f64::from(inputs.ready), dt);
        }
        let max = self.spec.max.get();
        let rules = Rules {
            min: self.spec.min.get().min(max),
            max,
            period: self.spec.period.as_secs_f64() * self.spec.clock.speed,
            events: &self.spec.events,
            clock: &self.spec.clock,
            waived: self.waived,
        };
        let Some(rate) = inputs.rate else {
            return Choice::keep("no_data", inputs, &rules);
        };
        // Without any load it does not matter what a replica could take.
        let idle = (rate <= 0.0).then_some(1.0);
        let Some(full_rate) = memory.full_rate.rate().or(idle) else {
            return Choice::keep("learning", inputs, &rules);
        };
        let known = memory
            .prior_at
            .filter(|at| (full_rate / at - 1.0).abs() <= MOVED);
        let made_for = known.unwrap_or(full_rate);
        memory.prior_at = Some(made_for);
        if known.is_none() {
            self.prior = None;
        }
        let spec = &self.spec;
        let (prior, price) = self.prior.get_or_insert_with(|| beforehand(spec, made_for));
        let curve = Curve::new(prior, &memory.seen);
        let price = *price * memory.budget.factor();
        choice::choose(inputs, rate, memory, &curve, (full_rate, price), &rules)
    }

    /// What is known only after the choice, so that more load never means fewer replicas.
    fn learn(&mut self, inputs: &Inputs, choice: &Choice, dt: f64, at: Timestamp) {
        let memory = &mut self.memory;
        let (now, clock) = (inputs.now, &self.spec.clock);
        memory.read = Some((inputs.read.min(at), now));
        let Some(rate) = inputs.rate else { return };
        memory.learn_peak(now, rate);
        let usual = memory.recent.mean(now, choice::SURGE_HOLDS).unwrap_or(rate);
        memory.base.learn(&self.spec.events, clock, now, usual);
        let masked = calendar::is_masked(&self.spec.events, clock, now);
        let expected = (choice.wanted.is_some() && !masked).then_some(choice.expected);
        if memory.recent.push(now, rate, expected) && choice.wanted.is_some() && !masked {
            let shift = choice.shift;
            let ahead = (choice.ahead / recent::SLOT) as usize;
            if let Some(by) = memory
                .recent
                .surprise(ahead, |rate| libm::log(rate + shift))
            {
                memory.residuals.learn(by, HALF_LIFE);
            }
        }
        let (Some(slow), true) = (inputs.slow, choice.full_rate > 0.0) else {
            return;
        };
        let utilisation = rate / (f64::from(inputs.ready.max(1)) * choice.full_rate);
        if utilisation > 0.97 || inputs.wait > choice::WAIT {
            memory.overload_at = now;
        }
        if inputs.is_settled() && now - memory.overload_at >= AFTERMATH {
            memory.seen.learn(utilisation, slow, rate * dt, dt);
        }
        if inputs.spec < self.spec.max.get() {
            memory.budget.learn(rate, slow, self.spec.budget.get(), dt);
        }
    }
}

/// The formula's curve for replicas that take so much, and the price at which the budget would just be used.
fn beforehand(spec: &ReactiveSpec, full_rate: f64) -> (Prior, f64) {
    let prior = Prior::of_slots(spec.slots.max(1), full_rate, spec.limit);
    let curve = Curve::new(&prior, &curve::Seen::default());
    let price = plan::implied_price(&curve, full_rate, spec.budget.get());
    (prior, price)
}

impl Policy for Reactive {
    fn wants(&self) -> &Wants {
        &self.wants
    }

    fn decide(&mut self, seen: &Observation) -> Decision {
        let next = seen.at + self.wants.period;
        let Some(inputs) = Inputs::of(seen, &self.wants, &self.trust, &self.spec.clock) else {
            self.told.see(seen, None);
            return Decision {
                verdict: Verdict::Hold,
                reason: Reason::new("no_data", "the scale could not be read: nothing is changed"),
                next,
            };
        };
        self.memory.starts.learn(seen, &self.spec.clock);
        self.memory.asked.push(inputs.now, inputs.spec);
        let last = self.memory.read;
        let newer = last.is_none_or(|(read, now)| inputs.read > read && inputs.now > now);
        let fresh = (newer && inputs.doubt.is_none())
            .then(|| last.map_or(0.0, |(_, now)| (inputs.now - now).clamp(0.0, 60.0)));
        let choice = self.choose(&inputs, fresh);
        if let Some(dt) = fresh {
            self.learn(&inputs, &choice, dt, seen.at);
        }
        self.memory.decided = choice.target.map(|n| (inputs.now, n));
        let target = choice.target.map(Replicas);
        self.told.see(seen, target);
        Decision {
            verdict: target.map_or(Verdict::Hold, Verdict::Scale),
            reason: explain::reason(&choice, &inputs, &self.memory),
            next,
        }
    }

    fn settle(&mut self, outcome: &WriteOutcome) -> Status {
        if let (WriteOutcome::Written, Some((now, n))) = (outcome, self.memory.decided) {
            self.memory.asked.push(now, n);
        }
        self.told.settle(outcome)
    }

    fn save(&self) -> PolicyState {
        let saved = Saved {
            checkpoint: self.memory.clone(),
            told: self.told.clone(),
        };
        PolicyState::of(KIND, &saved)
    }

    fn restore(&mut self, state: &PolicyState) -> Result<(), String> {
        let saved: Saved = state.read(KIND)?;
        if !saved.checkpoint.is_sound() {
            return Err(format!(
                "the saved state of `{KIND}` is damaged: a value is out of its range"
            ));
        }
        self.prior = saved
            .checkpoint
            .prior_at
            .map(|at| beforehand(&self.spec, at));
        self.memory = saved.checkpoint;
        self.told = saved.told;
        Ok(())
    }

    fn rules(&self) -> Vec<&'static str> {
        choice::RULES.to_vec()
    }

    fn waive(&mut self, rule: &str) {
        self.waived = choice::RULES.iter().find(|known| **known == rule).copied();
        match rule {
            "min" => self.spec.min = Replicas::ZERO,
            "max" => self.spec.max = self.spec.max.max(choice::WITHOUT_MAX),
            _ => {}
        }
    }
}

//! From what was seen and what is remembered to a number: pure, and without allocating.

use metrics::Replicas;

use super::calendar::{self, ExpectedEvent};
use super::clock::Clock;
use super::curve::Curve;
use super::inputs::Inputs;
use super::memory::Memory;
use super::plan::{Case, Terms};
use super::recent::{FURTHEST, SLOT};
use super::residuals::CELLS;

/// A load that grows by this factor against the last 90 seconds is a surge.
const SURGE: f64 = 1.3;
/// How long a surge counts, and the mean it is compared with, in seconds.
pub(super) const SURGE_HOLDS: f64 = 90.0;
/// A rate that differs by less than this share of a replica's full rate is noise.
const NOISE: f64 = 0.25;
/// Within so many seconds those who wait are to be served.
const DRAIN: f64 = 30.0;
/// A request that waits less is not behind, in seconds.
pub(super) const WAIT: f64 = 0.05;
/// No load beyond this multiple of the highest of the last days is planned for, but at least this much more in log load
/// than there is.
const CAP: (f64, f64) = (1.5, 0.2);
/// What is expected may ask for so many times what is needed now, or for so many replicas.
const BOUND: (u32, u32) = (3, 4);
/// A lower number waits at least so long, in seconds, and at most so long.
const HOLD: (f64, f64) = (60.0, 600.0);

/// What may clip the number, in the order in which it applies.
pub(super) const RULES: &[&str] = &["hold", "rate", "max", "min", "no_data", "starting", "event"];
/// Where a search without a maximum ends.
pub(super) const WITHOUT_MAX: Replicas = Replicas(10_000);

/// What stays the same from decision to decision.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'a> {
    pub(super) min: u32,
    pub(super) max: u32,
    /// Between two decisions, in seconds.
    pub(super) period: f64,
    pub(super) events: &'a [ExpectedEvent],
    pub(super) clock: &'a Clock,
    /// A rule of [`RULES`] that is switched off, if one is.
    pub(super) waived: Option<&'static str>,
}

/// Something that changed the number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Clipped {
    pub(super) by: &'static str,
    pub(super) from: u32,
    pub(super) to: u32,
}

/// A number, and what it rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Choice {
    /// Have so many; nothing: leave it.
    pub(super) target: Option<u32>,
    pub(super) because: &'static str,
    pub(super) wanted: Option<u32>,
    pub(super) for_now: u32,
    pub(super) for_expected: u32,
    pub(super) for_event: Option<u32>,
    pub(super) for_backlog: u32,
    pub(super) surge: bool,
    pub(super) hold: f64,
    /// The rate that is expected with 98 %, within `ahead` seconds.
    pub(super) high: f64,
    pub(super) ahead: f64,
    /// The log load that is expected before any surprise, and the shift of the logarithm.
    pub(super) expected: f64,
    pub(super) shift: f64,
    pub(super) full_rate: f64,
    pub(super) price: f64,
    /// At the number: the share that is expected to be slow, and what one more would save, in replicas.
    pub(super) slow: f64,
    pub(super) saves: f64,
    clips: [Clipped; 5],
    clipped: usize,
    waived: Option<&'static str>,
}

impl Choice {
    pub(super) fn clips(&self) -> &[Clipped] {
        &self.clips[..self.clipped]
    }

    fn clip(&mut self, by: &'static str, from: u32, to: u32) -> u32 {
        if self.waived == Some(by) {
            return from;
        }
        if from != to && self.clipped < self.clips.len() {
            self.clips[self.clipped] = Clipped { by, from, to };
            self.clipped += 1;
        }
        to
    }

    /// The number that is left as it is, because nothing better is known; only the bounds are kept.
    pub(super) fn keep(because: &'static str, inputs: &Inputs, rules: &Rules<'_>) -> Self {
        let mut choice = Self {
            because,
            waived: rules.waived,
            ..Self::default()
        };
        let spec = inputs.spec;
        if spec < rules.min {
            choice.target = Some(choice.clip("min", spec, rules.min));
        } else if spec > rules.max && inputs.doubt.is_none() {
            choice.target = Some(choice.clip("max", spec, rules.max));
        }
        choice
    }
}

/// How many slots are looked ahead: until what is ordered with the next decision is ready.
pub(super) fn ahead(memory: &Memory, age: f64, period: f64) -> usize {
    let lead = memory.starts.quantile(0.9) + age.max(0.0) + period;
    ((lead / SLOT).ceil().max(1.0) as usize).min(FURTHEST)
}

/// The number for this instant. `expected` gives the log load to come from the rate and the log's shift.
pub(super) fn choose(
    inputs: &Inputs,
    rate: f64,
    memory: &mut Memory,
    curve: &Curve,
    terms: (f64, f64),
    rules: &Rules<'_>,
) -> Choice {
    let (full_rate, price) = terms;
    let terms = Terms {
        curve,
        full_rate,
        price,
    };
    let slots = ahead(memory, inputs.age, rules.period);
    let mut choice = Choice {
        ahead: slots as f64 * SLOT,
        full_rate,
        price,
        waived: rules.waived,
        ..Choice::default()
    };
    now(&mut choice, inputs, rate, memory, &terms, rules.max);
    expected(&mut choice, rate, memory, &terms, rules.max);
    let lead = 1.1 * memory.starts.quantile(0.9) + 2.0 * inputs.age.max(0.0) + rules.period;
    let event = memory
        .base
        .rate(rules.events, rules.clock, inputs.now, lead);
    choice.for_event = event.map(|rate| terms.replicas(&[Case { weight: 1.0, rate }], rules.max));
    let wanted = wanted(&mut choice);
    hold(&mut choice, wanted, inputs, memory, rules);
    if let Some(target) = choice.target {
        let case = [Case { weight: 1.0, rate }];
        choice.slow = terms.missed(&case, target);
        choice.saves = terms.saved(&case, target) * price;
    }
    choice
}

/// What the load that is there needs, those who wait included.
fn now(
    choice: &mut Choice,
    inputs: &Inputs,
    rate: f64,
    memory: &mut Memory,
    terms: &Terms<'_>,
    max: u32,
) {
    let before = memory.recent.mean(inputs.now, SURGE_HOLDS);
    let grown = before.map_or(1.0, |before| rate / before.max(NOISE * terms.full_rate));
    let surge =
        before.is_some_and(|before| rate - before > NOISE * terms.full_rate) && grown > SURGE;
    if surge && inputs.doubt.is_none() {
        memory.surge_until = memory.surge_until.max(inputs.now + SURGE_HOLDS);
    }
    let rate = if surge {
        rate * grown.sqrt().min(SURGE)
    } else {
        rate
    };
    choice.surge = surge;
    let n = terms.replicas(&[Case { weight: 1.0, rate }], max);
    if inputs.wait > WAIT {
        let behind = (inputs.wait * f64::from(inputs.ready) / DRAIN).ceil();
        choice.for_backlog = (behind as u32).min(inputs.ready);
    }
    choice.for_now = n;
}

/// What may come until the next order is ready, weighed by how likely it is.
fn expected(choice: &mut Choice, rate: f64, memory: &Memory, terms: &Terms<'_>, max: u32) {
    let peak = memory.peak();
    let shift = (NOISE * terms.full_rate).max(0.05 * peak);
    let log = |rate: f64| libm::log(rate + shift);
    let point = log(rate);
    let highest = log(CAP.0 * peak).max(point + CAP.1);
    let offsets = memory.residuals.offsets();
    let cases: [Case; CELLS] = std::array::from_fn(|i| {
        let (offset, weight) = offsets[i];
        let rate = (libm::exp((point + offset).min(highest)) - shift).max(0.0);
        Case { weight, rate }
    });
    let bound = BOUND.1.max(choice.for_now.saturating_mul(BOUND.0));
    choice.for_expected = terms.replicas(&cases, max).min(bound);
    choice.expected = point;
    choice.shift = shift;
    choice.high = cases[11].rate;
}

/// The highest of all that is needed, and whose it is.
fn wanted(choice: &mut Choice) -> u32 {
    let for_now = choice.for_now.saturating_add(choice.for_backlog);
    let wanted = for_now
        .max(choice.for_expected)
        .max(choice.for_event.unwrap_or(0));
    choice.because = if choice.for_event == Some(wanted) && wanted > for_now {
        "event"
    } else if choice.for_expected == wanted && wanted > for_now {
        "expected"
    } else if choice.for_backlog > 0 {
        "backlog"
    } else if choice.surge {
        "surge"
    } else {
        "load"
    };
    choice.wanted = Some(wanted);
    wanted
}

/// What is left of it after what was wanted lately, what may not be trusted, and how fast it may go.
fn hold(choice: &mut Choice, wanted: u32, inputs: &Inputs, memory: &mut Memory, rules: &Rules<'_>) {
    let (now, spec) = (inputs.now, inputs.spec);
    let surge = now < memory.surge_until;
    let window = memory.starts.quantile(0.5).clamp(HOLD.0, HOLD.1);
    choice.hold = if surge {
        window.max(SURGE_HOLDS)
    } else {
        window
    };
    if memory.wanted.is_empty() {
        // Nobody knows why there are as many as there are: they get the same time as a wish.
        memory.wanted.push(now, spec, HOLD.1);
    }
    memory.wanted.push(now, wanted, HOLD.1);
    let held = memory
        .wanted
        .highest(now, choice.hold)
        .min(spec.max(wanted));
    let mut target = choice.clip("hold", wanted, held.max(wanted));
    let (least, most) = memory.asked.limits(now, spec);
    if !choice.surge {
        let most = most.max(choice.for_event.unwrap_or(0));
        target = choice.clip("rate", target, target.min(most));
    }
    target = choice.clip("max", target, target.min(rules.max));
    target = choice.clip("min", target, target.max(rules.min));
    if target >= spec {
        choice.target = Some(target);
        return;
    }
    let applies = |rule: &'static str| rules.waived != Some(rule);
    let stay = if inputs.doubt.is_some() && applies("no_data") {
        Some("no_data")
    } else if applies("starting")
        && inputs.unready * 5 > inputs.ready + inputs.unready
        && spec <= rules.max
    {
        Some("starting")
    } else if applies("event")
        && calendar::is_near(rules.events, rules.clock, now)
        && spec <= rules.max
    {
        Some("event")
    } else {
        None
    };
    if let Some(by) = stay {
        choice.clip(by, target, spec);
        return;
    }
    let slowly = target.max(least).min(rules.max);
    choice.target = Some(choice.clip("rate", target, slowly));
}

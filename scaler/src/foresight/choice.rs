//! From what was seen and what is remembered to a number: pure, and without allocating.

use std::time::Duration;

use super::calendar::ExpectedEvent;
use super::clock::Clock;
use super::envelope::{self, Waived};
use super::inputs::Inputs;
use super::memory::Memory;
use super::outlook::{NOISE, Outlook};
use super::plan::{Case, Terms};
use super::recent::{FURTHEST, SLOT};

/// A load that grows by this factor against the last 90 seconds is a surge.
const SURGE: f64 = 1.3;
/// How long a surge counts, and the mean it is compared with, in seconds.
pub(super) const SURGE_HOLDS: f64 = 90.0;
/// Within so many seconds those who wait are to be served.
const DRAIN: f64 = 30.0;
/// A request that waits less is not behind: in seconds, or as a share of what is slow, if that is more.
const WAIT: (f64, f64) = (0.05, 0.1);
/// A lower number must be worth its cost at a price so many times as high: what lies on the line between two numbers would
/// else go to and fro.
const MARGIN: f64 = 1.05;
/// What is expected may ask for so many times what is needed now, or for so many replicas.
const BOUND: (u32, u32) = (3, 4);
/// What stays the same from decision to decision.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'a> {
    pub(super) min: u32,
    pub(super) max: u32,
    /// Between two decisions, in seconds.
    pub(super) period: f64,
    pub(super) events: &'a [ExpectedEvent],
    pub(super) clock: &'a Clock,
    /// How long a lower number waits, in seconds; nothing: as long as replicas take to start.
    pub(super) hold: Option<f64>,
    /// How long a request waits before it is behind, in seconds.
    pub(super) patience: f64,
    /// What is switched off.
    pub(super) waived: Waived,
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
    /// With a jump that comes day by day.
    pub(super) for_jump: Option<u32>,
    /// For a load that is gone, and waited for.
    pub(super) for_return: Option<u32>,
    /// For a load that is not known: the usual one, and what it needs.
    pub(super) for_usual: Option<(f64, u32)>,
    /// For an announced event: what it is planned to bring, and what that needs.
    pub(super) event: Option<f64>,
    pub(super) for_event: Option<u32>,
    pub(super) for_backlog: u32,
    /// What is needed at a somewhat higher price, if a lower number is wanted than there is.
    pub(super) careful: u32,
    /// The rate that is planned for while the load grows fast.
    pub(super) surge: Option<f64>,
    pub(super) hold: f64,
    /// The rate that is expected with 98 %, within `ahead` seconds.
    pub(super) high: f64,
    pub(super) ahead: f64,
    /// What may come.
    pub(super) outlook: Option<Outlook>,
    pub(super) full_rate: f64,
    /// The load of the last minutes, in replicas that it holds.
    pub(super) load: f64,
    pub(super) price: f64,
    /// With the number that is wanted, of what it is planned for.
    pub(super) left: Left,
    /// At the number: the share that is expected to be slow, and what one more would save, in replicas.
    pub(super) slow: f64,
    pub(super) saves: f64,
    /// The share that would be slow with one fewer than there are; 1 if that is held back for calm.
    pub(super) slow_with_fewer: f64,
    clips: [Clipped; 7],
    clipped: usize,
    waived: Waived,
}

/// What is expected to be slow with a number of replicas.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Left {
    /// The share of the requests.
    pub(super) slow: f64,
    /// What one more replica would save, in replicas: 1 or more only if no more may be asked for.
    pub(super) saves: f64,
}

impl Choice {
    pub(super) fn clips(&self) -> &[Clipped] {
        &self.clips[..self.clipped]
    }

    pub(super) fn clip(&mut self, by: &'static str, from: u32, to: u32) -> u32 {
        if self.waived.has(by) {
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

/// How long a request waits, in seconds, before it is behind; what takes longer than `limit` is slow.
pub(super) fn patience(limit: Duration) -> f64 {
    WAIT.0.max(WAIT.1 * limit.as_secs_f64())
}

/// How many slots are looked ahead: until what is ordered with the next decision is ready.
pub(super) fn ahead(memory: &Memory, age: f64, period: f64) -> usize {
    let lead = memory.starts.quantile(0.9) + age.max(0.0) + period;
    ((lead / SLOT).ceil().max(1.0) as usize).min(FURTHEST)
}

/// The number for this instant.
pub(super) fn choose(
    inputs: &Inputs,
    rate: f64,
    memory: &mut Memory,
    terms: &Terms<'_>,
    outlook: Outlook,
    rules: &Rules<'_>,
) -> Choice {
    let slots = ahead(memory, inputs.age, rules.period);
    let mut choice = Choice {
        ahead: slots as f64 * SLOT,
        outlook: Some(outlook),
        full_rate: terms.full_rate,
        price: terms.price,
        waived: rules.waived,
        ..Choice::default()
    };
    now(&mut choice, inputs, rate, memory, terms, rules);
    expected(&mut choice, &outlook, terms, rules.max);
    let for_one =
        |rate: f64| terms.replicas_near(&[Case { weight: 1.0, rate }], rules.max, inputs.spec);
    choice.for_return = outlook.waited_for.map(for_one);
    let lead = 1.1 * memory.starts.quantile(0.9) + 2.0 * inputs.age.max(0.0) + rules.period;
    let (now, lessons) = (inputs.now, &memory.lessons);
    let event = memory
        .base
        .rate(rules.events, rules.clock, now, lead, lessons);
    choice.event = event;
    choice.for_event = event.map(for_one);
    let wanted = wanted(&mut choice);
    choice.left = left(&choice, &outlook, rate, terms);
    if wanted < inputs.spec {
        choice.careful = careful(&choice, &outlook, rate, terms, rules.max);
    }
    // What came before counts, so that a higher reading never means fewer.
    let load = memory.recent.mean(now, SURGE_HOLDS).unwrap_or(rate);
    choice.load = load / terms.full_rate;
    envelope::apply(&mut choice, wanted, inputs, memory, rules);
    let case = [Case { weight: 1.0, rate }];
    choice.slow_with_fewer = if choice.clips().first().is_some_and(|clip| clip.by == "calm") {
        1.0
    } else {
        terms.missed(&case, inputs.spec.saturating_sub(1))
    };
    if let Some(target) = choice.target {
        choice.slow = terms.missed(&case, target);
        choice.saves = terms.saved(&case, target) * terms.price;
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
    rules: &Rules<'_>,
) {
    let before = memory.recent.mean(inputs.now, SURGE_HOLDS);
    let grown = before.map_or(1.0, |before| rate / before.max(NOISE * terms.full_rate));
    let surge =
        before.is_some_and(|before| rate - before > NOISE * terms.full_rate) && grown > SURGE;
    if surge && inputs.doubt.is_none() {
        memory.surge_until = memory.surge_until.max(inputs.now + SURGE_HOLDS);
    }
    choice.surge = surge.then(|| rate * grown.sqrt().min(SURGE));
    let rate = choice.surge.unwrap_or(rate);
    let n = terms.replicas(&[Case { weight: 1.0, rate }], rules.max);
    if inputs.wait > rules.patience {
        let behind = (inputs.wait * f64::from(inputs.ready) / DRAIN).ceil();
        choice.for_backlog = (behind as u32).min(inputs.ready);
    }
    choice.for_now = n;
}

/// What may come until the next order is ready, weighed by how likely it is.
fn expected(choice: &mut Choice, outlook: &Outlook, terms: &Terms<'_>, max: u32) {
    let bound = BOUND.1.max(choice.for_now.saturating_mul(BOUND.0));
    let near = choice.for_now;
    choice.for_expected = terms.replicas_near(&outlook.cases(), max, near).min(bound);
    let with_jump = |jump| {
        terms
            .replicas_near(&outlook.with_jump(jump), max, near)
            .min(bound)
    };
    choice.for_jump = outlook.jump.map(with_jump);
}

/// What is expected to be slow of what the wanted number is planned for. Those who wait already are not of it.
fn left(choice: &Choice, outlook: &Outlook, rate: f64, terms: &Terms<'_>) -> Left {
    let of = |cases: &[Case], n: u32| Left {
        slow: terms.missed(cases, n),
        saves: terms.saved(cases, n) * terms.price,
    };
    let one = |rate: f64, n: u32| of(&[Case { weight: 1.0, rate }], n);
    let n = choice.wanted.unwrap_or(choice.for_now);
    match (choice.because, outlook.jump) {
        ("expected", _) => of(&outlook.cases(), n),
        ("recurring", Some(jump)) => of(&outlook.with_jump(jump), n),
        ("event", _) => one(choice.event.unwrap_or(rate), n),
        ("return", _) => one(outlook.waited_for.unwrap_or(rate), n),
        _ => one(choice.surge.unwrap_or(rate), choice.for_now),
    }
}

/// What the load and what may come need at a somewhat higher price.
fn careful(choice: &Choice, outlook: &Outlook, rate: f64, terms: &Terms<'_>, max: u32) -> u32 {
    let terms = Terms {
        price: terms.price * MARGIN,
        ..*terms
    };
    let bound = BOUND.1.max(choice.for_now.saturating_mul(BOUND.0));
    let expected = terms.replicas_near(&outlook.cases(), max, choice.for_expected);
    let now = terms.replicas_near(&[Case { weight: 1.0, rate }], max, choice.for_now);
    expected.min(bound).max(now)
}

/// The highest of all that is needed, and whose it is.
fn wanted(choice: &mut Choice) -> u32 {
    let for_now = choice.for_now.saturating_add(choice.for_backlog);
    // In this order they are named.
    let reasons = [
        ("event", choice.for_event.unwrap_or(0)),
        ("expected", choice.for_expected),
        ("recurring", choice.for_jump.unwrap_or(0)),
        ("return", choice.for_return.unwrap_or(0)),
    ];
    let highest = reasons.iter().map(|(_, n)| *n).fold(for_now, u32::max);
    let named = reasons.iter().find(|(_, n)| *n == highest && *n > for_now);
    choice.because = match named {
        Some((name, _)) => name,
        None if choice.for_backlog > 0 => "backlog",
        None if choice.surge.is_some() => "surge",
        None => "load",
    };
    choice.wanted = Some(highest);
    highest
}

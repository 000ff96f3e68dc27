//! What keeps a wanted number safe, in the one order in which it is done.
//!
//! 1. calm: not down to a number that is barely enough, or that turned out to be too few under this load;
//! 2. hold: not below what was wanted lately;
//! 3. rate: not up by more than twice or ten in a quarter of a minute, unless the load surges or an event is announced;
//! 4. max, and 5. min;
//! 6. not down at all on readings that cannot be trusted, while many replicas are not ready, or shortly before an event;
//! 7. rate: not down by more than a tenth in a quarter of a minute.

use metrics::Replicas;

use super::calendar;
use super::choice::{Choice, Rules, SURGE_HOLDS};
use super::inputs::Inputs;
use super::memory::Memory;

/// What may clip the number, in the order in which it applies.
pub(super) const RULES: &[&str] = &[
    "calm", "hold", "rate", "max", "min", "no_data", "starting", "event",
];
/// Where a search without a maximum ends.
pub(super) const WITHOUT_MAX: Replicas = Replicas(10_000);
/// A lower number waits at least so long, in seconds, and at most so long.
const HOLD: (f64, f64) = (60.0, 600.0);

/// Which of the [`RULES`] are switched off, a bit each, for the question what would have been without them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Waived(u8);

impl Waived {
    /// Switches one off; one that is not there is ignored.
    pub(super) fn add(&mut self, rule: &str) {
        self.0 |= Self::bit(rule);
    }

    pub(super) fn has(self, rule: &str) -> bool {
        self.0 & Self::bit(rule) != 0
    }

    fn bit(rule: &str) -> u8 {
        let place = RULES.iter().position(|known| *known == rule);
        place.map_or(0, |place| 1 << place)
    }
}

/// Puts what is left of the wanted number into the choice.
pub(super) fn apply(
    choice: &mut Choice,
    wanted: u32,
    inputs: &Inputs,
    memory: &mut Memory,
    rules: &Rules<'_>,
) {
    let (now, spec) = (inputs.now, inputs.spec);
    let tried = memory.tried.least(now, choice.load, spec);
    let least = tried.max(choice.careful).min(spec);
    let calm = choice.clip("calm", wanted, wanted.max(least));
    let mut target = hold(choice, calm, inputs, memory, rules);
    let (least, most) = memory.asked.limits(now, spec);
    if choice.surge.is_none() {
        let most = most.max(choice.for_event.unwrap_or(0));
        target = choice.clip("rate", target, target.min(most));
    }
    target = choice.clip("max", target, target.min(rules.max));
    target = choice.clip("min", target, target.max(rules.min));
    if target < spec {
        if let Some(by) = stays(inputs, rules) {
            choice.clip(by, target, spec);
            return;
        }
        let slowly = target.max(least).min(rules.max);
        target = choice.clip("rate", target, slowly);
    }
    choice.target = Some(target);
}

/// How long a lower number waits, in seconds: what was given, or as long as half of the replicas take to start.
pub(super) fn usual_hold(given: Option<f64>, memory: &Memory) -> f64 {
    let usual = given.unwrap_or_else(|| memory.starts.quantile(0.5).max(HOLD.0));
    usual.clamp(0.0, HOLD.1)
}

/// The highest that was wanted within the hold, but no more than there are.
fn hold(
    choice: &mut Choice,
    wanted: u32,
    inputs: &Inputs,
    memory: &mut Memory,
    rules: &Rules<'_>,
) -> u32 {
    let (now, spec) = (inputs.now, inputs.spec);
    let window = usual_hold(rules.hold, memory);
    choice.hold = if now < memory.surge_until {
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
    choice.clip("hold", wanted, held.max(wanted))
}

/// Why nothing may go down now, if so. Above the most, it may.
fn stays(inputs: &Inputs, rules: &Rules<'_>) -> Option<&'static str> {
    let starting = inputs.unready * 5 > inputs.ready + inputs.unready;
    let near = || calendar::is_near(rules.events, rules.clock, inputs.now);
    let inside = inputs.spec <= rules.max;
    let mut reasons = [
        ("no_data", inputs.doubt.is_some()),
        ("starting", inside && starting),
        ("event", inside && near()),
    ]
    .into_iter();
    reasons
        .find(|(rule, applies)| *applies && !rules.waived.has(rule))
        .map(|(rule, _)| rule)
}

//! A choice in words and terms.

use std::borrow::Cow;
use std::fmt::Write as _;

use metrics::Replicas;

use crate::figures::{Decimals, tenths, whole};
use crate::{Reason, Term};

use super::choice::{Choice, Left};
use super::forecast::Standing;
use super::inputs::Inputs;
use super::outlook::Outlook;

/// Text that is written into room enough, so that it is not moved while it grows.
macro_rules! text {
    ($room:literal, $($part:tt)*) => {{
        let mut text = String::with_capacity($room);
        // Nothing is refused by a string.
        let _written = write!(text, $($part)*);
        text
    }};
}

/// What a choice rests on.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(super) choice: Choice,
    pub(super) inputs: Inputs,
    /// What the price is multiplied by for what the last days say, if they said anything.
    pub(super) factor: Option<f64>,
    /// The share that was slow lately.
    pub(super) used: Option<f64>,
    pub(super) standing: Option<Standing>,
}

impl Found {
    /// Puts it into `reason`.
    pub(super) fn tell(self, reason: &mut Reason) {
        reason.because = Cow::Borrowed(self.choice.because);
        reason.wanted = self.choice.wanted.map(Replicas);
        for clip in self.choice.clips() {
            reason.clip(clip.by, Replicas(clip.from), Replicas(clip.to));
        }
        reason.ours(self);
    }

    /// Why the number is what it is.
    pub(crate) fn sentence(&self) -> String {
        sentence(&self.choice, &self.inputs)
    }

    /// What that rests on.
    pub(crate) fn terms(&self) -> Vec<Term> {
        let mut terms = Vec::new();
        if self.choice.wanted.is_some() {
            terms = self.known();
            terms.extend(self.standing.iter().flat_map(trust));
        }
        if let Some((name, why)) = &self.inputs.doubt {
            terms.push(term(name, why.clone()));
        }
        terms
    }
}

fn sentence(choice: &Choice, inputs: &Inputs) -> String {
    let full_rate = tenths(choice.full_rate);
    let (Some(wanted), Some(outlook)) = (choice.wanted, &choice.outlook) else {
        return without_load(choice, inputs);
    };
    let now = inputs.rate.unwrap_or(0.0);
    let (rate, ahead) = (tenths(now), whole(choice.ahead));
    let n = if choice.because == "backlog" {
        choice.for_now
    } else {
        wanted
    };
    let each = text!(
        160,
        "each replica takes {full_rate} at most: with {} {}",
        Replicas(n).in_words(),
        left(&choice.left)
    );
    match choice.because {
        "expected" => text!(
            256,
            "up to {} req/s expected within {ahead} s (98 %), {each}",
            tenths(outlook.high())
        ),
        "recurring" => text!(
            256,
            "on most days the load jumps at about this time, now to {} req/s within {ahead} s; {each}",
            tenths(outlook.jump.unwrap_or(now))
        ),
        "return" => text!(
            320,
            "{rate} req/s, less than half of what is usual now: such a drop is an outage, after which all come back at once, and \
             those whom it kept away with them, {} req/s; {each}",
            tenths(outlook.waited_for.unwrap_or(now))
        ),
        "event" => text!(
            256,
            "an event is expected to bring {} req/s, {each}",
            tenths(choice.event.unwrap_or(now))
        ),
        "backlog" => text!(
            320,
            "{}, {each}; with {} s of waiting to be worked off: {n} + {} = {}",
            load(choice, now),
            tenths(inputs.wait),
            choice.for_backlog,
            Replicas(wanted).in_words()
        ),
        _ => text!(256, "{}, {each}", load(choice, now)),
    }
}

/// The load that is there, and what is planned for if it grows fast.
fn load(choice: &Choice, now: f64) -> String {
    match choice.surge {
        Some(planned) => text!(
            80,
            "{} req/s and growing fast, so {} are planned for",
            tenths(now),
            tenths(planned)
        ),
        None => text!(40, "{} req/s", tenths(now)),
    }
}

/// Less than this part of a replica is nothing saved.
const NOTHING: f64 = 0.001;

/// What is slow with the number, and why it is not one more.
fn left(left: &Left) -> String {
    let percent = 100.0 * left.slow;
    let slow = if percent < 0.005 {
        "none".into()
    } else if percent < 9.95 {
        text!(24, "{} %", Decimals(percent, 2))
    } else {
        text!(24, "{} %", whole(percent))
    };
    let more = if left.saves >= 1.0 {
        ", and more may not be asked for"
    } else if left.saves >= NOTHING {
        ", and one more would save less than it costs"
    } else if percent < 0.005 || left.slow >= 0.5 {
        // Where most are slow, one more may save nothing, and many more a lot.
        ""
    } else {
        ", as with any more"
    };
    text!(96, "{slow} would be slow{more}")
}

fn without_load(choice: &Choice, inputs: &Inputs) -> String {
    let why = match (&inputs.doubt, choice.because) {
        (Some((name, why)), "no_data" | "usual") => text!(192, "{name}: {why}"),
        (_, "learning") => "what a replica can take is not known yet".into(),
        (_, _) => "what was offered is not known".into(),
    };
    match choice.for_usual {
        Some((rate, n)) => text!(
            192,
            "{why}; at this time {} req/s are usual: {}",
            tenths(rate),
            Replicas(n).in_words()
        ),
        None => text!(
            192,
            "{why}: it stays at {}",
            Replicas(inputs.spec).in_words()
        ),
    }
}

impl Found {
    fn known(&self) -> Vec<Term> {
        let (choice, inputs) = (&self.choice, &self.inputs);
        let mut terms = Vec::with_capacity(24);
        let replicas = |n: u32| text!(40, "{}", Replicas(n).in_words());
        let now = inputs.rate.unwrap_or(0.0);
        terms.push(term("rate now", text!(40, "{} req/s", tenths(now))));
        if let Some(outlook) = &choice.outlook {
            expectation(&mut terms, outlook, choice.ahead);
        }
        let mut add = |name: &str, value: String| terms.push(term(name, value));
        add(
            "full rate",
            text!(40, "{} req/s a replica", Decimals(choice.full_rate, 2)),
        );
        add(
            "price",
            text!(
                40,
                "{} replica-seconds a slow request",
                Decimals(choice.price, 3)
            ),
        );
        if let Some(factor) = self.factor {
            let share = Decimals(100.0 * factor, 1);
            add(
                "price by the last days",
                text!(40, "{share} % of that of a steady load"),
            );
        }
        add("for the load", replicas(choice.for_now));
        if let Some(rate) = choice.surge {
            add("surge", text!(40, "planned for {} req/s", tenths(rate)));
        }
        add("for what is expected", replicas(choice.for_expected));
        let parts = [
            ("for the daily jump", choice.for_jump),
            ("for the return", choice.for_return),
            ("for the event", choice.for_event),
            (
                "for the backlog",
                Some(choice.for_backlog).filter(|n| *n > 0),
            ),
        ];
        for (name, n) in parts {
            if let Some(n) = n {
                add(name, replicas(n));
            }
        }
        if choice.target.is_some() {
            add(
                "slow at that number",
                text!(40, "{} %", Decimals(100.0 * choice.slow, 4)),
            );
            add(
                "one more saves",
                text!(40, "{} replicas", Decimals(choice.saves.max(0.0), 3)),
            );
        }
        add("hold", text!(40, "{} s", whole(choice.hold)));
        if let Some(used) = self.used {
            add("slow lately", text!(40, "{} %", Decimals(100.0 * used, 4)));
        }
        terms
    }
}

/// What may come.
fn expectation(terms: &mut Vec<Term>, outlook: &Outlook, ahead: f64) {
    let within = |rate: f64| text!(40, "{} req/s within {} s", tenths(rate), whole(ahead));
    if let Some(parts) = outlook.forecast {
        let times = |log: f64| text!(40, "{:+.1} %", 100.0 * libm::expm1(log));
        terms.push(term("expected", within(outlook.expected())));
        terms.push(term("expected, 98 %", within(outlook.high())));
        terms.push(term("time of day", times(parts.season)));
        terms.push(term("last hour", times(parts.trend)));
        terms.push(term("highest of that time", times(parts.highest)));
    } else {
        terms.push(term("expected, 98 %", within(outlook.high())));
    }
    if let Some(jump) = outlook.jump {
        terms.push(term("daily jump", within(jump)));
    }
    if let Some(usual) = outlook.waited_for {
        terms.push(term("at the return", text!(40, "{} req/s", tenths(usual))));
    }
}

/// Whether the forecast is followed, and why.
fn trust(standing: &Standing) -> Vec<Term> {
    let Standing {
        days,
        repeats,
        loss_ratio,
        cover,
        ..
    } = standing;
    if *days == 0 {
        return vec![term(
            "forecast",
            "none before two whole days are known".into(),
        )];
    }
    let followed = if standing.followed {
        text!(40, "followed, from {days} days")
    } else if standing.wait > 0.0 {
        text!(
            40,
            "not followed, for {:.1} h at least",
            standing.wait / 3600.0
        )
    } else {
        "not followed: days are not like each other".into()
    };
    vec![
        term("forecast", followed),
        term("likeness of days", Decimals(*repeats, 2).to_string()),
        term(
            "loss against no forecast",
            text!(40, "{} %", whole(100.0 * loss_ratio)),
        ),
        term(
            "98 % held",
            text!(40, "{} % of the time", tenths(100.0 * cover)),
        ),
    ]
}

fn term(name: &str, value: String) -> Term {
    Term::new(name, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_why_there_is_not_one_more() {
        for (slow, saves, says) in [
            (0.0, 0.0, "none would be slow"),
            (0.0322, 0.0, "3.22 % would be slow, as with any more"),
            (
                0.0322,
                0.4,
                "3.22 % would be slow, and one more would save less than it costs",
            ),
            (
                0.3,
                1.0,
                "30 % would be slow, and more may not be asked for",
            ),
            // All that may be asked for, and by far not enough: many more would help.
            (1.0, 0.0, "100 % would be slow"),
        ] {
            assert_eq!(left(&Left { slow, saves }), says);
        }
    }
}

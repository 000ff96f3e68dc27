//! A decision in words and figures.

use std::borrow::Cow;
use std::time::Duration;

use metrics::Replicas;

use super::count;
use super::decider::KpaRecommendation;
use super::reconciler::{Outcome, Rule};
use super::spec::KpaMetric;
use crate::{Reason, Term};

/// All that a decision rests on.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(super) metric: KpaMetric,
    pub(super) target: f64,
    pub(super) stable_window: Duration,
    pub(super) panic_window: Duration,
    pub(super) ready: u32,
    pub(super) current: Replicas,
    /// The averages of the stable and the panic window and what they ask for, or why there are none.
    pub(super) recommendation: Result<(f64, f64, KpaRecommendation), Cow<'static, str>>,
    pub(super) outcome: Outcome,
    pub(super) proxied: bool,
}

impl Found {
    /// Puts it into `reason`.
    pub(super) fn tell(self, reason: &mut Reason) {
        let desired = match &self.recommendation {
            Ok((_, _, found)) => {
                let steps = &found.steps;
                reason.because = if steps.by_panic { "panic" } else { "metric" }.into();
                reason.wanted = Some(whole(steps.asked));
                steps_taken(reason, found);
                found.desired
            }
            Err(_) => {
                reason.because = "no_data".into();
                self.outcome.want.unwrap_or_default()
            }
        };
        if let Some((by, bounded)) = self.outcome.bounded {
            clip(reason, by, desired, bounded);
        }
        if let Some(rule) = self.outcome.rule {
            let (by, to) = self.to_zero(rule);
            clip(reason, by, 0, to);
        }
        reason.kpa(self);
    }

    /// Why the number is what it is.
    pub(crate) fn sentence(&self) -> String {
        let said = match &self.recommendation {
            Err(why) => format!("no decision: {why}"),
            Ok((stable, panic, found)) => self.measured(*stable, *panic, found),
        };
        match self.outcome.rule {
            Some(rule) => format!("{said}; {}", why(rule)),
            None => said,
        }
    }

    fn unit(&self) -> &'static str {
        match self.metric {
            KpaMetric::Concurrency => "requests at once",
            KpaMetric::Rps => "requests/s",
        }
    }

    fn measured(&self, stable: f64, panic: f64, found: &KpaRecommendation) -> String {
        let steps = &found.steps;
        let (average, window) = if steps.by_panic {
            (panic, self.panic_window)
        } else {
            (stable, self.stable_window)
        };
        let prefix = if steps.panicking { "panic: " } else { "" };
        format!(
            "{prefix}{} {} over {} s at {} a replica: {}",
            short(average),
            self.unit(),
            short(window.as_secs_f64()),
            short(self.target),
            whole(steps.asked).in_words()
        )
    }

    /// What that rests on.
    pub(crate) fn terms(&self) -> Vec<Term> {
        let Ok((stable, panic, found)) = &self.recommendation else {
            return Vec::new();
        };
        let unit = self.unit();
        let mut terms = vec![
            Term::new("stable", format!("{} {unit}", exact(*stable))),
            Term::new("panic", format!("{} {unit}", exact(*panic))),
            Term::new("ready", self.ready.to_string()),
            Term::new("proposal", found.desired.to_string()),
            Term::new(
                "excess burst capacity",
                found.excess_burst_capacity.to_string(),
            ),
        ];
        if self.proxied {
            terms.push(Term::new("activator", "in the path of requests"));
        }
        terms
    }

    /// What the way to zero makes of it, and by which rule. What is only held back keeps the replicas that are there.
    fn to_zero(&self, rule: Rule) -> (&'static str, i32) {
        let current = i32::try_from(self.current.get()).unwrap_or(i32::MAX);
        match rule {
            Rule::ZeroIsOff => ("scale_to_zero", 1),
            Rule::StableWindow(_) => ("stable_window", 1),
            Rule::Deactivates => ("deactivation", current),
            Rule::GracePeriod(_) => ("grace_period", current),
            Rule::Retention(_) => ("pod_retention", current),
            Rule::Activating => ("activation", current),
        }
    }
}

/// What the recommendation's own rules made of it.
fn steps_taken(reason: &mut Reason, found: &KpaRecommendation) {
    let steps = &found.steps;
    let asked = whole(steps.asked);
    for (by, from, to) in [
        ("rate", None, steps.limited),
        ("activation_scale", Some(steps.limited), steps.activated),
        ("panic", Some(steps.activated), steps.held),
        ("scale_down_delay", Some(steps.held), found.desired),
    ] {
        let from = from.map_or(asked, count);
        if from != count(to) {
            reason.clip(by, from, count(to));
        }
    }
}

/// Why a rule about the way to zero applies.
fn why(rule: Rule) -> String {
    let left = |missing: Duration| short(missing.as_secs_f64());
    match rule {
        Rule::ZeroIsOff => "zero replicas are switched off".to_owned(),
        Rule::StableWindow(missing) => {
            let missing = left(missing);
            format!("one stays until it was active for a stable window, {missing} s more")
        }
        Rule::Deactivates => {
            "first it is marked inactive, so that requests go through the activator".to_owned()
        }
        Rule::GracePeriod(missing) => {
            format!("{} s of the grace period are left", left(missing))
        }
        Rule::Retention(missing) => {
            format!("the last replica is kept for {} s more", left(missing))
        }
        Rule::Activating => "the first replicas are not ready yet".to_owned(),
    }
}

fn clip(reason: &mut Reason, by: &'static str, from: i32, to: i32) {
    if from != to {
        reason.clip(by, count(from), count(to));
    }
}

/// Replicas that a figure asks for; `as` saturates.
fn whole(asked: f64) -> Replicas {
    Replicas(asked.max(0.0) as u32)
}

/// Six decimals: the windows have no more.
fn exact(value: f64) -> String {
    figure(value, 6)
}

fn short(value: f64) -> String {
    figure(value, 2)
}

/// So many decimals, without needless zeros.
fn figure(value: f64, decimals: usize) -> String {
    if value.abs() >= 1e15 {
        return format!("{value:e}");
    }
    let mut text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    text
}

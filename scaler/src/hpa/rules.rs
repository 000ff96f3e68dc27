//! `behavior` and the controller's flags, ready to use.

use std::time::Duration;

use super::normalise::{Direction, Rate, Select, Unit};
use super::spec::{Behavior, QuantityText, ScalingRules};

/// How far from 1 a ratio may be in each direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tolerance {
    pub(super) up: f64,
    pub(super) down: f64,
}

impl Tolerance {
    /// Both ends inclusive; not a number is never near enough.
    pub(super) fn holds(self, ratio: f64) -> bool {
        1.0 - self.down <= ratio && ratio <= 1.0 + self.up
    }
}

/// `behavior`, ready to use.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rules {
    pub(super) up: Direction,
    pub(super) down: Direction,
}

pub(super) fn tolerance<S>(behavior: Option<&Behavior<S>>, flag: f64) -> Tolerance {
    let of = |rules: Option<&ScalingRules<S>>| {
        let own = rules.and_then(|r| r.tolerance.as_ref());
        own.map_or(flag, QuantityText::approximate)
    };
    Tolerance {
        up: of(behavior.and_then(|b| b.scale_up.as_ref())),
        down: of(behavior.and_then(|b| b.scale_down.as_ref())),
    }
}

/// Makes a defaulted `behavior` ready; `window` is the one downwards if it says none.
pub(super) fn compile<S: Copy>(
    behavior: &Behavior<S>,
    window: Duration,
    seconds: impl Fn(S) -> f64,
) -> Rules {
    let span = |s: S| Duration::try_from_secs_f64(seconds(s).max(0.0)).unwrap_or(Duration::MAX);
    let side = |rules: Option<&ScalingRules<S>>, window: Duration| Direction {
        window: rules
            .and_then(|r| r.stabilization_window_seconds)
            .map_or(window, span),
        select: match rules.and_then(|r| r.select_policy.as_deref()) {
            Some("Disabled") => Select::Disabled,
            Some("Min") => Select::Min,
            _ => Select::Max,
        },
        rates: rules
            .and_then(|r| r.policies.as_deref())
            .unwrap_or_default()
            .iter()
            .map(|policy| Rate {
                unit: match policy.r#type.as_str() {
                    "Pods" => Unit::Pods,
                    "Percent" => Unit::Percent,
                    _ => Unit::Unknown,
                },
                value: policy.value,
                period: span(policy.period_seconds),
            })
            .collect(),
    };
    Rules {
        up: side(behavior.scale_up.as_ref(), Duration::ZERO),
        down: side(behavior.scale_down.as_ref(), window),
    }
}

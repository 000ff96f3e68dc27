//! Scales from values to heights or widths, and their round ticks.

/// How a value becomes a share of an axis: 0 at its low end, 1 at its high end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scale {
    /// Equal steps are equal lengths.
    Linear { low: f64, high: f64 },
    /// Equal ratios are equal lengths; both ends are above 0.
    Log { low: f64, high: f64 },
}

/// Steps of a time axis, in seconds.
const TIME_STEPS: [f64; 21] = [
    0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0,
    7200.0, 14_400.0, 21_600.0, 43_200.0, 86_400.0, 604_800.0,
];

impl Scale {
    /// From 0 to a round number not below `highest`, so that at least `steps` round steps cover it.
    pub(crate) fn from_zero(highest: f64, steps: u32) -> Self {
        let highest = if highest.is_finite() && highest > 0.0 {
            highest
        } else {
            1.0
        };
        let step = round_step(highest / f64::from(steps.max(1)));
        let high = step * libm::ceil(highest / step - 1e-9);
        Self::Linear { low: 0.0, high }
    }

    /// Latencies in seconds: three decades around `limit`, from a tenth of it divided by three, more where the
    /// data need it. The ends are 1 or 3 times a power of ten.
    pub(crate) fn latency(limit: f64, lowest: f64, highest: f64) -> Self {
        let limit = if limit.is_finite() && limit > 0.0 {
            limit
        } else {
            0.3
        };
        let fit = |v: f64, or: f64| if v.is_finite() && v > 0.0 { v } else { or };
        let low = fit(lowest, limit / 30.0)
            .min(limit / 10.0)
            .max(limit / 1000.0);
        let high = fit(highest, limit * 10.0).clamp(limit * 3.3, limit * 1e6);
        Self::Log {
            low: one_or_three(low * 0.9, Side::Below),
            high: one_or_three(high, Side::Above),
        }
    }

    /// The share of the axis at which `v` lies, held within the axis.
    pub(crate) fn at(self, v: f64) -> f64 {
        let share = match self {
            Self::Linear { low, high } => (v - low) / (high - low),
            Self::Log { low, high } => libm::log(v.max(1e-12) / low) / libm::log(high / low),
        };
        if share.is_finite() {
            share.clamp(0.0, 1.0)
        } else {
            0.0
        }
    }

    /// The high end.
    pub(crate) fn high(self) -> f64 {
        match self {
            Self::Linear { high, .. } | Self::Log { high, .. } => high,
        }
    }

    /// Round values along the axis: 1-2-5 steps, at most about `most`; on a log axis 1 and 3 of each decade, or 1 alone
    /// where that would be too many.
    pub(crate) fn ticks(self, most: u32) -> Vec<f64> {
        match self {
            Self::Linear { low, high } => {
                let step = round_step((high - low) / f64::from(most.max(1)));
                steps_between(low, high, step)
            }
            Self::Log { low, high } => log_ticks(low, high, most),
        }
    }
}

/// Multiples of `step` from `low` to `high`, at most 1,000 of them.
fn steps_between(low: f64, high: f64, step: f64) -> Vec<f64> {
    let first = libm::ceil(low / step - 1e-9) as i64;
    let last = libm::floor(high / step + 1e-9) as i64;
    (first..=last.min(first + 1000))
        .map(|i| i as f64 * step)
        .collect()
}

fn log_ticks(low: f64, high: f64, most: u32) -> Vec<f64> {
    let first = libm::floor(libm::log10(low) + 1e-9) as i32;
    let last = libm::ceil(libm::log10(high) - 1e-9) as i32;
    let all = |factors: &[f64]| -> Vec<f64> {
        (first..=last)
            .flat_map(|e| factors.iter().map(move |f| f * libm::exp10(f64::from(e))))
            .filter(|v| (low * 0.999..=high * 1.001).contains(v))
            .collect()
    };
    let fine = all(&[1.0, 3.0]);
    if fine.len() <= most as usize {
        return fine;
    }
    let decades = all(&[1.0]);
    let every = decades.len().div_ceil(most.max(1) as usize).max(1);
    decades.into_iter().step_by(every).collect()
}

/// The smallest of 1, 2 and 5 times a power of ten that is not below `at_least`.
fn round_step(at_least: f64) -> f64 {
    let decade = libm::exp10(libm::floor(libm::log10(at_least)));
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|f| f * decade)
        .find(|step| *step >= at_least * (1.0 - 1e-9))
        .unwrap_or(decade * 10.0)
}

enum Side {
    Below,
    Above,
}

/// The nearest 1 or 3 times a power of ten on that side of `v`.
fn one_or_three(v: f64, side: Side) -> f64 {
    let decade = libm::exp10(libm::floor(libm::log10(v) + 1e-9));
    let candidates = [decade, 3.0 * decade, 10.0 * decade];
    match side {
        Side::Below => candidates.into_iter().rev().find(|c| *c <= v * 1.0001),
        Side::Above => candidates.into_iter().find(|c| *c >= v * 0.9999),
    }
    .unwrap_or(decade)
}

/// A span of scenario time that a chart shows, in seconds since the start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TimeAxis {
    /// Its left edge.
    pub(crate) from: f64,
    /// Its right edge; above `from`.
    pub(crate) to: f64,
}

impl TimeAxis {
    /// From `from` to `to`; at least a tenth of a second.
    pub(crate) fn new(from: f64, to: f64) -> Self {
        let to = if to.is_finite() { to } else { from };
        Self {
            from,
            to: to.max(from + 0.1),
        }
    }

    /// The share of the width at which the instant `t` lies, held within the axis.
    pub(crate) fn at(self, t: f64) -> f64 {
        ((t - self.from) / (self.to - self.from)).clamp(0.0, 1.0)
    }

    /// Whether `t` lies on it.
    pub(crate) fn holds(self, t: f64) -> bool {
        (self.from..=self.to).contains(&t)
    }

    /// How long it is.
    pub(crate) fn length(self) -> f64 {
        self.to - self.from
    }

    /// Round instants, at most `most` and at least two where steps allow.
    pub(crate) fn ticks(self, most: u32) -> Vec<f64> {
        let least = self.length() / f64::from(most.max(1));
        let step = TIME_STEPS
            .into_iter()
            .find(|s| *s >= least)
            .unwrap_or_else(|| round_step(least / 86_400.0) * 86_400.0);
        steps_between(self.from, self.to, step)
    }

    /// How an instant is written on this axis.
    pub(crate) fn word(self, t: f64) -> String {
        if self.to >= 2.0 * 86_400.0 {
            let hours = libm::round(t / 3600.0) as i64;
            return match hours % 24 {
                0 => format!("day {}", hours / 24 + 1),
                h => format!("{h}:00"),
            };
        }
        if self.to >= 3600.0 {
            let minutes = libm::round(t / 60.0) as i64;
            return format!("{}:{:02}", minutes / 60, minutes % 60);
        }
        if self.length() < 4.0 {
            return format!("{t:.1}");
        }
        super::words::clock(t)
    }

    /// The unit in which [`TimeAxis::word`] writes.
    pub(crate) fn unit(self) -> &'static str {
        if self.to >= 2.0 * 86_400.0 {
            "days and hours"
        } else if self.to >= 3600.0 {
            "hours:minutes"
        } else if self.length() < 4.0 {
            "seconds"
        } else {
            "minutes:seconds"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(a: &[f64], b: &[f64]) {
        assert_eq!(a.len(), b.len(), "{a:?} {b:?}");
        for (a, b) in a.iter().zip(b) {
            assert!((a - b).abs() <= 1e-9 * b.abs().max(1.0), "{a} {b}");
        }
    }

    #[test]
    fn ticks_are_round() {
        close(
            &Scale::from_zero(1288.0, 3).ticks(3),
            &[0.0, 500.0, 1000.0, 1500.0],
        );
        close(
            &Scale::from_zero(24.0, 5).ticks(6),
            &[0.0, 5.0, 10.0, 15.0, 20.0, 25.0],
        );
        close(
            &Scale::latency(0.3, 0.02, 1.45).ticks(8),
            &[0.01, 0.03, 0.1, 0.3, 1.0, 3.0],
        );
        close(
            &TimeAxis::new(0.0, 1200.0).ticks(11),
            &[
                0.0, 120.0, 240.0, 360.0, 480.0, 600.0, 720.0, 840.0, 960.0, 1080.0, 1200.0,
            ],
        );
        close(
            &TimeAxis::new(0.0, 3.0).ticks(11),
            &[0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0],
        );
    }

    #[test]
    fn an_axis_says_its_unit() {
        for (length, at, word, unit) in [
            (3.0, 0.5, "0.5", "seconds"),
            (1200.0, 320.0, "5:20", "minutes:seconds"),
            (86_400.0, 5400.0, "1:30", "hours:minutes"),
            (604_800.0, 86_400.0, "day 2", "days and hours"),
        ] {
            let axis = TimeAxis::new(0.0, length);
            assert_eq!(axis.word(at), word);
            assert_eq!(axis.unit(), unit);
        }
    }

    proptest! {
        #[test]
        fn a_scale_never_leaves_its_axis(high in -1e9_f64..1e12, v in prop::num::f64::ANY) {
            for scale in [Scale::from_zero(high, 4), Scale::latency(high, v, v)] {
                prop_assert!((0.0..=1.0).contains(&scale.at(v)));
                prop_assert!(scale.ticks(6).len() <= 12);
            }
        }

        #[test]
        fn the_data_fit_on_a_scale_from_zero(high in 1e-3_f64..1e12) {
            prop_assert!(Scale::from_zero(high, 4).high() >= high * (1.0 - 1e-6));
        }

        #[test]
        fn a_time_axis_has_few_ticks(from in 0.0_f64..1e6, length in 0.0_f64..1e8) {
            prop_assert!(TimeAxis::new(from, from + length).ticks(11).len() <= 12);
        }
    }
}

//! What a curve is taken to have been before the start: for those who learn from days that are not run.

use std::time::Duration;

use metrics::Rps;

use super::{Curve, rps};

impl Curve {
    /// The rate that the curve is taken to have had `back` before the start, where a day is `day` long.
    ///
    /// What comes again went on: days, waves, and pulses with `every`. A trace was what its file says before the part that is
    /// played, and on days before that what its first day was; one of less than a day had its mean. A ramp and steps were what
    /// they begin with. What comes once, a flash or a pulse, was not there.
    #[must_use]
    pub fn rate_before(&self, back: Duration, day: Duration) -> Rps {
        rps(self.before(back.as_secs_f64(), day.as_secs_f64()))
    }

    fn before(&self, back: f64, day: f64) -> f64 {
        match self {
            Self::Constant { rate } => rate.get(),
            Self::Ramp(_) | Self::Steps(_) => self.rate(0.0),
            Self::Flash(_) => 0.0,
            Self::Diurnal(diurnal) => diurnal.rate(ahead(back, 7.0 * diurnal.day())),
            Self::Sine(sine) => sine.rate(ahead(back, sine.period())),
            Self::Pulse(pulse) => pulse.before(back),
            Self::Trace(trace) => trace.rate_before(back, day),
            Self::Recorded(recorded) => recorded.rate_before(back, day),
            Self::Sum(parts) => parts.iter().map(|part| part.before(back, day)).sum(),
            Self::Scaled { factor, curve } => factor.get() * curve.before(back, day),
            // Nothing was there before it.
            Self::Shifted { .. } => 0.0,
            Self::Begun { before, curve } => {
                let before = before.as_secs_f64();
                if back <= before {
                    curve.rate(before - back)
                } else {
                    curve.before(back - before, day)
                }
            }
        }
    }
}

/// An instant after the start at which something with this period is as it was `back` before it.
pub(super) fn ahead(back: f64, period: f64) -> f64 {
    (back / period).ceil() * period - back
}

#[cfg(test)]
mod tests {
    use metrics::Ratio;

    use super::super::{Counts, DAY, Diurnal, Flash, Pulse, Sine};
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn rate(of: f64) -> Rps {
        Rps::new(of).unwrap()
    }

    fn before(curve: &Curve, back: Duration) -> f64 {
        curve.rate_before(back, DAY).get()
    }

    #[test]
    fn days_and_waves_went_on() {
        let mut week = [Ratio::ONE; 7];
        week[6] = Ratio::new(0.5).unwrap();
        // It starts on a Monday at six.
        let diurnal = Diurnal::new(rate(10.0), rate(15.0), 12 * HOUR, week, 6 * HOUR).unwrap();
        let diurnal = Curve::Diurnal(diurnal);
        assert!(
            (before(&diurnal, 18 * HOUR) - 7.5).abs() < 1e-9,
            "Sunday noon"
        );
        assert!(
            (before(&diurnal, 42 * HOUR) - 15.0).abs() < 1e-9,
            "Saturday noon"
        );
        let half = Ratio::new(0.5).unwrap();
        let sine = Curve::Sine(Sine::new(rate(4.0), half, HOUR, Duration::ZERO).unwrap());
        assert!((before(&sine, HOUR * 3 / 4) - 6.0).abs() < 1e-9);
        let fast = diurnal.compressed(10.0);
        let back = fast.rate_before(18 * HOUR / 10, DAY / 10).get();
        assert!((back - 7.5).abs() < 1e-6);
    }

    #[test]
    fn what_comes_once_was_not_there() {
        let flash = Flash {
            at: HOUR,
            peak: rate(90.0),
            rise: HOUR,
            hold: HOUR,
            decay: HOUR,
        };
        let once = Pulse::new(rate(5.0), HOUR, HOUR, None).unwrap();
        let again = Pulse::new(rate(5.0), 2 * HOUR, HOUR, Some(24 * HOUR)).unwrap();
        assert!(before(&Curve::Flash(flash), HOUR) < 1e-9);
        assert!(before(&Curve::Pulse(once), 23 * HOUR) < 1e-9);
        let again = Curve::Pulse(again);
        assert!((before(&again, 24 * HOUR - 2 * HOUR - HOUR / 2) - 5.0).abs() < 1e-9);
        assert!(before(&again, 24 * HOUR - HOUR).abs() < 1e-9);
    }

    #[test]
    fn a_trace_was_what_its_file_says_and_then_its_first_day() {
        let counts = (0..72).map(f64::from);
        let counts = Counts::new(HOUR, counts, Ratio::ONE).unwrap();
        let part = Curve::Trace(counts.cut(48 * HOUR, 24 * HOUR));
        let at = |back: u32| before(&part, HOUR * back - HOUR / 2) * 3600.0;
        assert!((at(1) - 47.0).abs() < 1e-9 && (at(48)).abs() < 1e-9);
        assert!(
            (at(49) - 23.0).abs() < 1e-9,
            "the day before the first is as the first"
        );
        let short = Curve::Trace(counts.cut(Duration::ZERO, 72 * HOUR));
        assert!((before(&short, HOUR / 2) * 3600.0 - 23.0).abs() < 1e-9);
        let hours = Counts::new(HOUR, [1.0, 3.0], Ratio::ONE).unwrap();
        assert!((before(&Curve::Trace(hours), HOUR / 2) * 3600.0 - 2.0).abs() < 1e-9);
    }
}

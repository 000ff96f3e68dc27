//! Curves with a shape of their own: what each is from its fields.

use std::time::Duration;

use metrics::{Ratio, Rps};

use super::super::super::format::{
    DiurnalFile, FlashFile, PulseFile, RampFile, SineFile, StepFile,
};
use super::super::super::mistake::{Span, short};
use super::super::super::written::List;
use super::super::instant::time_of_day;
use super::super::{Meaning, time};
use super::rps;
use crate::{Curve, DAY, Diurnal, Flash, Pulse, Ramp, Sine, Steps};

impl Meaning<'_> {
    pub(super) fn ramp(&mut self, file: &RampFile, at: Span) -> Curve {
        let begins = time(&file.at, Duration::ZERO);
        if let Some(at) = file.at.at() {
            self.inside(begins, at, "a ramp that begins");
        }
        let over = match (&file.over.0, &file.until.0) {
            (Some(_), Some(until)) => {
                self.found.add(
                    until.at,
                    "a ramp that ends twice",
                    "",
                    "either `over` or `until`",
                );
                Duration::ZERO
            }
            (Some(over), None) => over.value.0,
            (None, Some(until)) => {
                if until.value.0 < begins {
                    self.found.add(
                        at,
                        "a ramp that ends before it begins",
                        "",
                        "`until` is after `at`",
                    );
                }
                until.value.0.saturating_sub(begins)
            }
            (None, None) => self.duration.saturating_sub(begins),
        };
        Curve::Ramp(Ramp {
            from: rps(&file.from),
            to: rps(&file.to),
            at: begins,
            over,
        })
    }

    pub(super) fn steps_of_rate(&mut self, list: &List<StepFile>, at: Span) -> Option<Curve> {
        let mut steps = Vec::new();
        for step in &list.0 {
            let (Some(when), rate) = (step.value.at.0.as_ref(), rps(&step.value.rate)) else {
                continue;
            };
            self.inside(when.value.0, when.at, "a step");
            if steps.last().is_some_and(|(last, _)| *last >= when.value.0) {
                self.found.add(
                    when.at,
                    "steps that go back",
                    "",
                    "each step is later than the one before",
                );
                return None;
            }
            steps.push((when.value.0, rate));
        }
        self.built(Steps::new(steps).map(Curve::Steps), at)
    }

    /// A curve, or a mistake with the reason why it cannot be.
    fn built(&mut self, curve: Result<Curve, crate::CurveError>, at: Span) -> Option<Curve> {
        curve
            .map_err(|error| self.found.add(at, error.to_string(), "", ""))
            .ok()
    }

    pub(super) fn diurnal(&mut self, file: &DiurnalFile, at: Span) -> Option<Curve> {
        let (mean, peak) = match (
            &file.mean.0,
            &file.amplitude.0,
            &file.peak.0,
            &file.trough.0,
        ) {
            (Some(mean), Some(amplitude), None, None) => {
                (mean.value.0, mean.value.0 * (1.0 + amplitude.value.0))
            }
            (Some(mean), None, Some(peak), None) => (mean.value.0, peak.value.0),
            (Some(mean), None, None, Some(trough)) => {
                (mean.value.0, 2.0 * mean.value.0 - trough.value.0)
            }
            (None, None, Some(peak), Some(trough)) => {
                (f64::midpoint(peak.value.0, trough.value.0), peak.value.0)
            }
            _ => {
                self.found.add(at, "a diurnal whose height is not clear", "", "two of it: `mean` with `peak`, `trough` or `amplitude: 60%`; or `peak` with `trough`");
                return None;
            }
        };
        let (mean, peak) = (
            Rps::new(mean).unwrap_or(Rps::ZERO),
            Rps::new(peak).unwrap_or(Rps::ZERO),
        );
        let mut second = 20 * 3600;
        if let Some(when) = &file.peak_at.0 {
            match time_of_day(&when.value.0) {
                Some(given) => second = given,
                None => self.found.add(
                    when.at,
                    format!("`{}` is no time of day", short(&when.value.0)),
                    "",
                    "a time of day is written 20:30",
                ),
            }
        }
        let week = self.week(file);
        let since_monday = DAY * u32::from(self.start.weekday)
            + Duration::from_secs(u64::from(self.start.second_of_day));
        let curve = Diurnal::new(
            mean,
            peak,
            Duration::from_secs(second.into()),
            week,
            since_monday,
        );
        self.built(curve.map(Curve::Diurnal), at)
    }

    fn week(&mut self, file: &DiurnalFile) -> [Ratio; 7] {
        let mut week = [Ratio::ONE; 7];
        if let Some(list) = &file.week.0 {
            if list.value.0.len() == 7 {
                for (day, factor) in week.iter_mut().zip(&list.value.0) {
                    *day = Ratio::new(factor.value.0).unwrap_or(Ratio::ONE);
                }
            } else {
                let what = format!("a week of {} days", list.value.0.len());
                self.found.add(
                    list.at,
                    what,
                    "",
                    "seven factors, from Monday to Sunday: [1, 1, 1, 1, 1.1, 1.3, 1.2]",
                );
            }
        }
        week
    }

    pub(super) fn flash(&mut self, file: &FlashFile) -> Curve {
        if let Some(at) = &file.at.0 {
            self.inside(at.value.0, at.at, "a flash");
        }
        Curve::Flash(Flash {
            at: time(&file.at, Duration::ZERO),
            peak: rps(&file.peak),
            rise: time(&file.rise, Duration::from_secs(30)),
            hold: time(&file.hold, Duration::from_secs(120)),
            decay: time(&file.decay, Duration::from_secs(240)),
        })
    }

    pub(super) fn pulse(&mut self, file: &PulseFile, at: Span) -> Option<Curve> {
        let begins = time(&file.at, Duration::ZERO);
        if let Some(at) = file.at.at() {
            self.inside(begins, at, "a pulse");
        }
        let width = file.width.value()?.0;
        let every = file.every.value().map(|time| time.0);
        self.built(
            Pulse::new(rps(&file.height), begins, width, every).map(Curve::Pulse),
            at,
        )
    }

    pub(super) fn sine(&mut self, file: &SineFile, at: Span) -> Option<Curve> {
        let amplitude = file.amplitude.value()?.0;
        let amplitude = Ratio::new(amplitude).unwrap_or(Ratio::ZERO);
        let rises = time(&file.at, Duration::ZERO);
        let period = file.period.value()?.0;
        self.built(
            Sine::new(rps(&file.mean), amplitude, period, rises).map(Curve::Sine),
            at,
        )
    }
}

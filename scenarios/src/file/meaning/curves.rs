//! Traffic: its curves, and the names of what begins where they bend.

use std::time::Duration;

use metrics::{Ratio, Rps};

use super::super::format::{
    DiurnalFile, FlashFile, PulseFile, RampFile, RateFile, SineFile, StepFile, TraceFile,
    TrafficFile,
};
use super::super::mistake::{Span, did_you_mean, listed, short};
use super::super::units::{FileName, Name, Rate};
use super::super::written::{At, Field, List};
use super::instant::time_of_day;
use super::journeys::Places;
use super::{Meaning, refuse, spans, time};
use crate::{
    ArrivalProcess, Begin, Counts, Curve, DAY, Diurnal, Flash, JourneyIndex, Part, Pulse, Ramp,
    Sine, Steps, Term, Traffic, Unit,
};

const KINDS: &str = "constant, ramp, steps, diurnal, sine, flash, pulse, trace, sum";
/// The most terms of a rate, those inside sums counted.
const MOST_TERMS: usize = 100;

/// Where something begins, and its name.
pub(super) type Edges = Vec<(Duration, String)>;

fn rps(field: &Field<Rate>) -> Rps {
    field
        .value()
        .and_then(|rate| Rps::new(rate.0).ok())
        .unwrap_or(Rps::ZERO)
}

impl Meaning<'_> {
    pub(super) fn traffic(
        &mut self,
        field: &Field<TrafficFile>,
        journeys: &Places,
    ) -> (Traffic, Edges) {
        let file = field.or(TrafficFile::default());
        let unit = file.unit.value().map_or(Unit::Journeys, |word| word.0);
        let arrivals = file
            .arrivals
            .value()
            .map_or(ArrivalProcess::Poisson, |word| word.0);
        self.recorded = arrivals == ArrivalProcess::Recorded;
        let (mut rate, mut edges) = (Vec::new(), Edges::new());
        let list = file
            .rate
            .value()
            .map(|list| list.0.as_slice())
            .unwrap_or_default();
        for At { value, at, .. } in list.iter().take(MOST_TERMS) {
            let journey = self.journey_of(value, journeys);
            if let Some(curve) = self.curve(value, *at, 0) {
                name_edges(&curve, Duration::ZERO, self.duration, &mut edges);
                rate.push(Term { curve, journey });
            }
        }
        self.rate_fits(field, &file, unit, list.len());
        self.all_recorded(&file, &rate);
        let crowd = file.crowd.value().map_or(1000, |count| count.0);
        if let Some(at) = file.crowd.at().filter(|_| unit == Unit::Journeys) {
            self.found.add(
                at,
                "a crowd in traffic of journeys",
                "remove it",
                "a crowd is for `unit: requests` and `unit: shoppers`",
            );
        }
        let traffic = Traffic {
            unit,
            arrivals,
            begin: file.begin.value().map_or(Begin::Stationary, |word| word.0),
            rate,
            crowd: self.within(crowd, file.crowd.at(), "crowd", 1..=10_000_000),
        };
        (traffic, edges)
    }

    fn rate_fits(
        &mut self,
        field: &Field<TrafficFile>,
        file: &TrafficFile,
        unit: Unit,
        terms: usize,
    ) {
        let at = file.rate.at().or(field.at());
        match (unit, terms, at) {
            (Unit::Shoppers, 1.., Some(at)) => {
                self.found.add(
                    at,
                    "a rate for a fixed crowd",
                    "remove it",
                    "with `unit: shoppers` nobody arrives: `crowd` says how many there are",
                );
            }
            (Unit::Journeys | Unit::Requests, 0, Some(at))
                if file.rate.value().is_some() || !file.rate.is_there() =>
            {
                self.found.add(
                    at,
                    "traffic without a rate",
                    "",
                    "`rate: [constant: {rate: 12/s}]`",
                );
            }
            (_, MOST_TERMS.., Some(at)) => {
                self.found.add(
                    at,
                    format!("a rate of {terms} terms"),
                    "",
                    format!("fewer than {MOST_TERMS}"),
                );
            }
            _ => {}
        }
    }

    /// Recorded arrivals come at the instants of traces; other curves beside them give even ones.
    fn all_recorded(&mut self, file: &TrafficFile, rate: &[Term]) {
        let none = !rate
            .iter()
            .any(|term| matches!(term.curve, Curve::Recorded(_)));
        if let Some(at) = file
            .arrivals
            .at()
            .filter(|_| self.recorded && none && !rate.is_empty())
        {
            self.found.add(
                at,
                "recorded arrivals without a recording",
                "",
                "`recorded` takes the instants of a trace, one a line: `rate: [trace: {file: day.csv}]`",
            );
        }
    }

    /// Whose arrivals a term is: said beside the curve or in it.
    fn journey_of(&mut self, file: &RateFile, journeys: &Places) -> Option<JourneyIndex> {
        let inside = [
            file.constant.value().map(|c| &c.journey),
            file.ramp.value().map(|c| &c.journey),
            file.diurnal.value().map(|c| &c.journey),
            file.flash.value().map(|c| &c.journey),
            file.pulse.value().map(|c| &c.journey),
            file.sine.value().map(|c| &c.journey),
            file.trace.value().map(|c| &c.journey),
        ];
        let mut said = inside
            .into_iter()
            .flatten()
            .chain([&file.journey])
            .filter_map(|field| field.0.as_ref());
        let At {
            value: Name(name),
            at,
            ..
        } = said.next()?;
        if let Some(second) = said.next() {
            self.found
                .add(second.at, "a journey that is said twice", "remove one", "");
        }
        let index = journeys.get(name).copied();
        if index.is_none() {
            let names = || journeys.keys().map(String::as_str);
            let rule = format!("journeys are: {}", listed(names()));
            self.found.add(
                *at,
                format!("arrivals of a journey that is not there: `{}`", short(name)),
                did_you_mean(name, names()),
                rule,
            );
        }
        index.map(JourneyIndex)
    }

    /// The curve of a term. Nothing if a mistake was noted.
    fn curve(&mut self, file: &RateFile, at: Span, depth: usize) -> Option<Curve> {
        let kinds = spans([
            ("constant", file.constant.at()),
            ("ramp", file.ramp.at()),
            ("steps", file.steps.at()),
            ("diurnal", file.diurnal.at()),
            ("flash", file.flash.at()),
            ("pulse", file.pulse.at()),
            ("sine", file.sine.at()),
            ("trace", file.trace.at()),
            ("sum", file.sum.at()),
        ]);
        let [(_, own)] = kinds.as_slice() else {
            let at = kinds.get(1).map_or(at, |(_, at)| *at);
            let what = format!("a rate of {} curves", kinds.len());
            self.found.add(
                at,
                what,
                "",
                format!("each item has one of: {KINDS}; items add up"),
            );
            return None;
        };
        let own = *own;
        let mut curve = if let Some(constant) = file.constant.value() {
            Curve::Constant {
                rate: rps(&constant.rate),
            }
        } else if let Some(ramp) = file.ramp.value() {
            self.ramp(ramp, own)
        } else if let Some(steps) = file.steps.value() {
            self.steps_of_rate(steps, own)?
        } else if let Some(diurnal) = file.diurnal.value() {
            self.diurnal(diurnal, own)?
        } else if let Some(flash) = file.flash.value() {
            self.flash(flash)
        } else if let Some(pulse) = file.pulse.value() {
            self.pulse(pulse, own)?
        } else if let Some(sine) = file.sine.value() {
            self.sine(sine, own)?
        } else if let Some(trace) = file.trace.value() {
            self.trace(trace)?
        } else {
            // A kind that is there and makes no sense has been noted.
            let parts = file.sum.value()?;
            self.sum(&parts.0, own, depth)?
        };
        if let Some(factor) = file
            .scale
            .value()
            .and_then(|factor| Ratio::new(factor.0).ok())
        {
            curve = Curve::Scaled {
                factor,
                curve: Box::new(curve),
            };
        }
        if let Some(shift) = file.shift.value() {
            curve = Curve::Shifted {
                by: shift.0,
                curve: Box::new(curve),
            };
        }
        Some(curve)
    }

    fn sum(
        &mut self,
        parts: &[At<super::super::written::Boxed<RateFile>>],
        at: Span,
        depth: usize,
    ) -> Option<Curve> {
        if parts.is_empty() || parts.len() > MOST_TERMS || depth > 3 {
            self.found.add(
                at,
                "a sum of nothing, of too much, or too deep",
                "",
                "a sum has from 1 to 100 curves, and sums nest at most 3 deep",
            );
            return None;
        }
        let mut curves = Vec::new();
        for part in parts {
            let inside = &part.value.0;
            if let Some(at) = inside.journey.at() {
                self.found
                    .add(at, "a journey inside a sum", "say it beside `sum`", "");
            }
            curves.extend(self.curve(inside, part.at, depth + 1));
        }
        Some(Curve::Sum(curves))
    }

    fn ramp(&mut self, file: &RampFile, at: Span) -> Curve {
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

    fn steps_of_rate(&mut self, list: &List<StepFile>, at: Span) -> Option<Curve> {
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

    fn diurnal(&mut self, file: &DiurnalFile, at: Span) -> Option<Curve> {
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

    fn flash(&mut self, file: &FlashFile) -> Curve {
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

    fn pulse(&mut self, file: &PulseFile, at: Span) -> Option<Curve> {
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

    fn sine(&mut self, file: &SineFile, at: Span) -> Option<Curve> {
        let amplitude = file.amplitude.value()?.0;
        let amplitude = Ratio::new(amplitude).unwrap_or(Ratio::ZERO);
        let rises = time(&file.at, Duration::ZERO);
        let period = file.period.value()?.0;
        self.built(
            Sine::new(rps(&file.mean), amplitude, period, rises).map(Curve::Sine),
            at,
        )
    }

    fn trace(&mut self, file: &TraceFile) -> Option<Curve> {
        let At {
            value: FileName(name),
            at,
            ..
        } = file.file.0.as_ref()?;
        let part = self.part(file);
        if let (Some(_), Some(scale)) = (&file.mean.0, &file.scale.0) {
            self.found.add(
                scale.at,
                "a trace that is scaled twice",
                "",
                "either `mean` or `scale`",
            );
        }
        let input = match self.files.open(name) {
            Ok(input) => input,
            Err(error) => {
                self.unreadable(name, *at, &error);
                return None;
            }
        };
        let curve = if self.recorded {
            refuse(
                self.found,
                "recorded arrivals, which come as they came",
                [("mean", file.mean.at()), ("scale", file.scale.at())],
            );
            crate::read_instants(input, name, part).map(Curve::Recorded)
        } else {
            crate::read_counts(input, name, part).map(|counts| Curve::Trace(scaled(&counts, file)))
        };
        let label = "see that line of the file";
        let rule = "a trace is CSV with the columns timestamp_s,requests; with `arrivals: recorded` it is one instant a line, in seconds";
        curve
            .map_err(|error| self.found.add(*at, error.to_string(), label, rule))
            .ok()
    }

    /// Which part of a trace is meant: as long as the run, if nothing else is said.
    fn part(&mut self, file: &TraceFile) -> Part {
        let from = time(&file.from, Duration::ZERO);
        let length = match (&file.r#for.0, &file.to.0) {
            (Some(_), Some(to)) => {
                self.found
                    .add(to.at, "a trace that ends twice", "", "either `for` or `to`");
                self.duration
            }
            (Some(length), None) => length.value.0,
            (None, Some(to)) => {
                if to.value.0 <= from {
                    self.found.add(
                        to.at,
                        "a trace that ends before it begins",
                        "",
                        "`to` is after `from`",
                    );
                }
                to.value.0.saturating_sub(from)
            }
            (None, None) => self.duration,
        };
        self.above_zero(length, file.r#for.at(), "a length");
        Part { from, length }
    }
}

fn scaled(counts: &Counts, file: &TraceFile) -> Counts {
    let mean = file.mean.value().and_then(|rate| Rps::new(rate.0).ok());
    let factor = file
        .scale
        .value()
        .and_then(|factor| Ratio::new(factor.0).ok());
    match (mean, factor) {
        (Some(mean), _) => counts.with_mean(mean),
        (None, Some(factor)) => counts.scaled(factor),
        (None, None) => counts.clone(),
    }
}

/// Notes where `curve`, `by` later, bends, and what begins there.
fn name_edges(curve: &Curve, by: Duration, until: Duration, edges: &mut Edges) {
    let mut note = |at: Duration, name: String| edges.push((at.saturating_add(by), name));
    match curve {
        Curve::Flash(flash) => {
            let peak = flash.at.saturating_add(flash.rise);
            let decay = peak.saturating_add(flash.hold);
            note(flash.at, "rise".to_owned());
            note(peak, "peak".to_owned());
            note(decay, "decay".to_owned());
            note(decay.saturating_add(flash.decay), "after".to_owned());
        }
        Curve::Ramp(ramp) => {
            note(ramp.at, "ramp".to_owned());
            note(ramp.at.saturating_add(ramp.over), "after".to_owned());
        }
        Curve::Steps(_) => {
            for (place, at) in (1..).zip(curve.edges(until)) {
                note(at, format!("step-{place}"));
            }
        }
        Curve::Pulse(_) => {
            for (place, at) in curve.edges(until).into_iter().enumerate() {
                note(
                    at,
                    if place % 2 == 0 { "pulse" } else { "pause" }.to_owned(),
                );
            }
        }
        Curve::Sum(parts) => {
            for part in parts {
                name_edges(part, by, until, edges);
            }
        }
        Curve::Scaled { curve, .. } => name_edges(curve, by, until, edges),
        Curve::Shifted { by: more, curve } => {
            name_edges(curve, by.saturating_add(*more), until, edges);
        }
        // No file has one that began before: it comes of a scenario whose phases have their names.
        Curve::Constant { .. }
        | Curve::Diurnal(_)
        | Curve::Sine(_)
        | Curve::Trace(_)
        | Curve::Recorded(_)
        | Curve::Begun { .. } => {}
    }
}

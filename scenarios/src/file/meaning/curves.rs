//! Traffic: its curves, and the names of what begins where they bend.

mod edges;
mod shapes;
mod trace;

use std::time::Duration;

use metrics::{Ratio, Rps};

use super::super::format::{RateFile, TrafficFile};
use super::super::mistake::{Span, did_you_mean, listed, short};
use super::super::units::{Name, Rate};
use super::super::written::{At, Boxed, Field};
use super::journeys::Places;
use super::{Meaning, spans};
use crate::{ArrivalProcess, Begin, Curve, JourneyIndex, Term, Traffic, Unit};
pub(super) use edges::Edges;
use edges::name_edges;

const KINDS: &str = "constant, ramp, steps, diurnal, sine, flash, pulse, trace, sum";
/// The most terms of a rate, those inside sums counted.
const MOST_TERMS: usize = 100;

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

    fn sum(&mut self, parts: &[At<Boxed<RateFile>>], at: Span, depth: usize) -> Option<Curve> {
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
}

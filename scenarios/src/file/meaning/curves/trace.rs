//! Curves from a recorded trace: which part of it, and scaled how.

use std::time::Duration;

use metrics::{Ratio, Rps};

use super::super::super::format::TraceFile;
use super::super::super::units::FileName;
use super::super::super::written::At;
use super::super::{Meaning, refuse, time};
use crate::{Counts, Curve, Part};

impl Meaning<'_> {
    pub(super) fn trace(&mut self, file: &TraceFile) -> Option<Curve> {
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

//! From a scenario as written to a scenario as meant.
//!
//! Every part is looked at, whatever is wrong with the others: where something is missing or makes no sense, that has
//! been noted, and a stand-in takes its place so that the rest can be checked. A scenario with a stand-in in it is
//! never handed out.

mod aws;
mod cron;
mod curves;
mod engine;
mod faults;
mod goals;
mod hpa;
mod instant;
mod journeys;
mod keda;
mod kpa;
mod manifest;
mod nodes;
mod own;
mod phases;
mod plant;
mod scaling;
mod services;
mod spread;

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

use super::Files;
use super::format::ScenarioFile;
use super::mistake::{Concern, Found, Source, Span, short};
use super::units::AtMost;
use super::written::Field;
use crate::{Scaling, Scenario, Service};

pub(crate) use engine::engine;

/// The longest run.
const LONGEST_RUN: Duration = Duration::from_secs(366 * 86_400);
/// The most bytes of a file that a scenario names, beside traces.
const MAX_SIDE_FILE: u64 = 4 << 20;

/// What the parts need to be understood.
pub(crate) struct Meaning<'a> {
    pub(crate) found: &'a mut Found,
    pub(crate) files: &'a dyn Files,
    pub(crate) sources: &'a mut Vec<Source>,
    duration: Duration,
    seed: u64,
    start: instant::Start,
    /// Whether arrivals come at recorded instants.
    recorded: bool,
}

/// The scenario that `file` means; to be used only if no mistake was found.
pub(crate) fn scenario(
    file: &ScenarioFile,
    found: &mut Found,
    files: &dyn Files,
    sources: &mut Vec<Source>,
) -> Scenario {
    version(file, found);
    let start = instant::start(&file.starts, found);
    let duration = duration(file, found);
    let mut meaning = Meaning {
        found,
        files,
        sources,
        duration,
        seed: file.seed.value().map_or(1, |seed| seed.0),
        start,
        recorded: false,
    };
    meaning.whole(file)
}

fn version(file: &ScenarioFile, found: &mut Found) {
    if let Some(at) = file.version.0.as_ref().filter(|at| at.value.0 != 1) {
        found.add(
            at.at,
            format!("version {} is not known", at.value.0),
            "did you mean `1`?",
            "this program reads version 1",
        );
    }
}

fn duration(file: &ScenarioFile, found: &mut Found) -> Duration {
    let Some(at) = &file.duration.0 else {
        return LONGEST_RUN;
    };
    if at.value.0 < Duration::from_secs(1) {
        found.add(
            at.at,
            "a run shorter than a second",
            "",
            "a run lasts from 1s to 366d",
        );
    } else if at.value.0 > LONGEST_RUN {
        found.add(
            at.at,
            "a run longer than a year",
            "",
            "a run lasts from 1s to 366d",
        );
    }
    at.value.0.clamp(Duration::from_secs(1), LONGEST_RUN)
}

/// A service that starts below its minimum would be raised to it by its first decision: it starts with the minimum.
fn start_with_the_minimum(
    services: &mut BTreeMap<String, Service>,
    scaling: &BTreeMap<String, Scaling>,
) {
    for (name, scaling) in scaling {
        if let Some(service) = services.get_mut(name) {
            service.replicas = service.replicas.max(scaling.min);
        }
    }
}

impl Meaning<'_> {
    fn whole(&mut self, file: &ScenarioFile) -> Scenario {
        let mut services = self.services(&file.services);
        let (journeys, names) = self.journeys(&file.journeys, &services);
        let (traffic, edges) = self.traffic(&file.traffic, &names);
        let control = self.control(&file.control);
        let (scaling, calendar) = self.scaling(&file.scaling, &services, &control);
        start_with_the_minimum(&mut services, &scaling);
        let nodes = self.nodes(&file.nodes, &services);
        let faults = self.faults(&file.faults, &services, nodes.as_ref());
        let phases = self.phases(&file.phases, &edges, control.period);
        Scenario {
            name: file
                .name
                .value()
                .map_or_else(String::new, |name| name.0.clone()),
            about: file
                .about
                .value()
                .map_or_else(String::new, |about| about.0.clone()),
            starts: self.start.at,
            zone: self.start.zone.clone(),
            duration: self.duration,
            seed: self.seed,
            speed: 1.0,
            traffic,
            journeys,
            services,
            gateway: self.gateway(&file.gateway),
            network: self.network(&file.network),
            nodes,
            prices: self.prices(&file.prices),
            control,
            scaling,
            calendar,
            faults,
            slo: self.slo(&file.slo),
            gates: self.gates(&file.gates),
            phases,
        }
    }

    /// A time that must lie inside the run.
    fn inside(&mut self, time: Duration, at: Span, what: &str) -> bool {
        let fits = time < self.duration;
        if !fits {
            let rule = format!("the run lasts {}", spoken(self.duration));
            self.found
                .add(at, format!("{what} after the end of the run"), "", rule);
        }
        fits
    }

    /// A time that must not be zero.
    fn above_zero(&mut self, time: Duration, at: Option<Span>, what: &str) {
        if let Some(at) = at.filter(|_| time.is_zero()) {
            self.found
                .add(at, format!("{what} of zero"), "", "it must be above 0");
        }
    }

    /// A count within a range.
    fn within(
        &mut self,
        count: u32,
        at: Option<Span>,
        what: &str,
        range: std::ops::RangeInclusive<u32>,
    ) -> u32 {
        if let Some(at) = at.filter(|_| !range.contains(&count)) {
            let rule = format!("from {} to {}", range.start(), range.end());
            self.found.add(at, format!("{what} = {count}"), "", rule);
        }
        count.clamp(*range.start(), *range.end())
    }

    /// A count within a range, or no limit.
    fn at_most(
        &mut self,
        field: &Field<AtMost>,
        default: Option<u32>,
        what: &str,
        range: std::ops::RangeInclusive<u32>,
    ) -> Option<u32> {
        let most = field.value().map_or(default, |most| most.0);
        most.map(|most| self.within(most, field.at(), what, range))
    }

    /// Notes that the local world leaves something out.
    fn left_out(&mut self, at: Option<Span>, what: &str, why: &str) {
        if let Some(at) = at {
            let what = format!("`rushhour run` leaves out {what}");
            self.found.remark(Concern::LeftOut, at, what, "", why);
        }
    }

    /// Notes that the local world cannot do something.
    fn beyond_local(&mut self, at: Option<Span>, what: &str, why: &str) {
        if let Some(at) = at {
            let what = format!("`rushhour run` cannot do {what}");
            let rule = format!("{why}; a simulated run can");
            self.found.remark(Concern::BeyondLocal, at, what, "", rule);
        }
    }

    /// The text of a small file in the scenario's folder.
    fn side_file(&mut self, name: &str, at: Span) -> Option<String> {
        let mut text = String::new();
        let read = self
            .files
            .open(name)
            .and_then(|file| file.take(MAX_SIDE_FILE + 1).read_to_string(&mut text));
        match read {
            Ok(_) if text.len() as u64 > MAX_SIDE_FILE => {
                self.found.add(
                    at,
                    format!("`{}` is too large", short(name)),
                    "",
                    "at most 4 MiB",
                );
                None
            }
            Ok(_) => Some(text),
            Err(error) => {
                self.unreadable(name, at, &error);
                None
            }
        }
    }

    fn unreadable(&mut self, name: &str, at: Span, error: &std::io::Error) {
        let what = format!("cannot read `{}`: {error}", short(name));
        self.found.add(
            at,
            what,
            "",
            "files stand in the scenario's own folder, or in a folder inside it",
        );
    }
}

/// A service that calls, faults, and scaling refer to.
fn known(
    found: &mut Found,
    services: &BTreeMap<String, Service>,
    name: &str,
    at: Span,
    what: &str,
) -> bool {
    let there = services.contains_key(name);
    if !there {
        let names = || services.keys().map(String::as_str);
        let rule = format!("services are: {}", super::mistake::listed(names()));
        found.add(at, what, super::mistake::did_you_mean(name, names()), rule);
    }
    there
}

/// The first of several fields, of which only one may be there.
fn spans<'a>(fields: impl IntoIterator<Item = (&'a str, Option<Span>)>) -> Vec<(&'a str, Span)> {
    fields
        .into_iter()
        .filter_map(|(name, at)| at.map(|at| (name, at)))
        .collect()
}

/// Notes fields that have no meaning here.
fn refuse<'a>(
    found: &mut Found,
    what: &str,
    fields: impl IntoIterator<Item = (&'a str, Option<Span>)>,
) {
    for (name, at) in spans(fields) {
        found.add(
            at,
            format!("`{name}` means nothing for {what}"),
            "remove it",
            "",
        );
    }
}

/// A part of a span that stands for part of its text; the whole if it is quoted or from an alias.
fn part_of(at: Span, text: &str, from: usize, length: usize) -> Span {
    if at.end - at.start == text.len() {
        Span {
            start: at.start + from,
            end: at.start + from + length,
            ..at
        }
    } else {
        at
    }
}

fn time(field: &Field<super::units::Time>, default: Duration) -> Duration {
    field.value().map_or(default, |time| time.0)
}

/// A duration as people write it: `12s`, `2h30m`, `1.5ms`.
pub(crate) fn spoken(time: Duration) -> String {
    let mut rest = time.as_nanos();
    if rest == 0 {
        return "0s".to_owned();
    }
    if rest < 1_000_000_000 {
        let millis = rest as f64 / 1e6;
        return format!("{millis}ms");
    }
    let mut text = String::new();
    for (unit, size) in [
        ("d", 86_400_000_000_000),
        ("h", 3_600_000_000_000),
        ("m", 60_000_000_000_u128),
    ] {
        if rest >= size {
            text.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    if rest > 0 {
        text.push_str(&format!("{}s", rest as f64 / 1e9));
    }
    text
}

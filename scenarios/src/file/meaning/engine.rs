//! From an engine file to an [`Engine`].

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::format::{EngineFile, RemoteFile, WorkloadFile};
use super::super::mistake::{Found, Source, Span};
use super::super::words::MissingData;
use super::super::written::{At, Field, Form};
use super::{LONGEST_RUN, Meaning, instant, time};
use crate::{Driven, Engine, Means, NoFiles, Policy, Remote, Scenario, Service};

/// A workload of which nothing is said, as a service of the least scenario.
const LEAST: &str = "version: 1\nname: engine\nduration: 366d\ntraffic: {rate: [constant: {rate: 0/s}]}\n\
    journeys: {visitor: {start: page, pages: {page: {get: /}}}}\n\
    services: {workload: {slots: unlimited, operations: {page: {route: GET /, do: [work: 1ms]}}}}\n";

/// The engine that `file` means; to be used only if no mistake was found.
pub(crate) fn engine(
    file: &EngineFile,
    found: &mut Found,
    files: &dyn super::Files,
    sources: &mut Vec<Source>,
) -> Option<Engine> {
    if let Some(at) = file.version.0.as_ref().filter(|at| at.value.0 != 1) {
        let what = format!("version {} is not known", at.value.0);
        found.add(
            at.at,
            what,
            "did you mean `1`?",
            "this program reads version 1",
        );
    }
    let start = instant::start(&file.starts, found);
    let mut meaning = Meaning {
        found,
        files,
        sources,
        duration: LONGEST_RUN,
        seed: 1,
        start,
        recorded: false,
    };
    meaning.engine(file)
}

impl Meaning<'_> {
    fn engine(&mut self, file: &EngineFile) -> Option<Engine> {
        let mut scenario = Scenario::read("engine", LEAST.as_bytes(), &NoFiles, &[]).ok()?;
        let least = scenario.services.remove("workload")?;
        let mut workloads = BTreeMap::new();
        for (key, At { value, at, .. }) in file.workloads.value().iter().flat_map(|all| &all.0) {
            let service = self.service_of(value, &least);
            scenario.services.insert(key.name.clone(), service);
            if let Some(driven) = self.driven(value, *at) {
                workloads.insert(key.name.clone(), driven);
            }
        }
        scenario.control.period = self.period(file);
        (scenario.scaling, scenario.calendar) =
            self.scaling(&file.scaling, &scenario.services, &scenario.control);
        super::start_with_the_minimum(&mut scenario.services, &scenario.scaling);
        self.decides(file, &scenario);
        let text = |line: &str| line.to_owned();
        scenario.name = file.name.value().map_or_else(String::new, |n| text(&n.0));
        scenario.about = file.about.value().map_or_else(String::new, |a| text(&a.0));
        scenario.starts = self.start.at;
        scenario.zone.clone_from(&self.start.zone);
        scenario.slo = self.slo(&file.slo);
        Some(Engine {
            scenario,
            is_dated: file.starts.is_there(),
            workloads,
        })
    }

    fn period(&mut self, file: &EngineFile) -> Duration {
        let period = time(&file.period, Duration::from_secs(15));
        let range = Duration::from_secs(1)..=Duration::from_secs(86_400);
        if let Some(at) = file.period.at().filter(|_| !range.contains(&period)) {
            let rule = "from 1s to 1d";
            self.found
                .add(at, "a period that is too short or too long", "", rule);
        }
        period
    }

    fn service_of(&mut self, file: &WorkloadFile, least: &Service) -> Service {
        let mut service = least.clone();
        if let Some(slots) = file.slots.value() {
            service.slots = Some(self.within(slots.0, file.slots.at(), "slots", 1..=100_000));
        }
        service.limit = time(&file.limit, Duration::from_millis(250));
        service
    }

    fn driven(&mut self, file: &WorkloadFile, at: Span) -> Option<Driven> {
        let source = file.source.value();
        let source = source.map(|remote| self.remote(remote, file.source.at().unwrap_or(at)));
        let target = file.target.value()?;
        let target = self.remote(target, file.target.at().unwrap_or(at))?;
        let said = file.no_data.value().map(|word| word.0);
        Some(Driven {
            source: match source {
                Some(source) => Some(source?),
                None => None,
            },
            target,
            is_guarded: said != Some(MissingData::Upstream),
        })
    }

    fn remote(&mut self, file: &RemoteFile, at: Span) -> Option<Remote> {
        let deadline = time(&file.deadline, Duration::from_secs(5));
        let range = Duration::from_millis(100)..=Duration::from_secs(3600);
        if let Some(at) = file.deadline.at().filter(|_| !range.contains(&deadline)) {
            self.found.add(
                at,
                "a deadline that is too short or too long",
                "",
                "from 100ms to 1h",
            );
        }
        let by = match (&file.command.0, &file.url.0) {
            (Some(command), None) => {
                super::refuse(self.found, "a command", [("host", file.host.at())]);
                self.command(&command.value, command.at)?
            }
            (None, Some(url)) => self.url(&url.value.0, url.at, &file.host)?,
            (command, url) => {
                if command.is_some()
                    || url.is_some()
                    || !(file.command.is_there() || file.url.is_there())
                {
                    let rule = "exactly one of `command: [./scale.sh, web]` and `url: http://127.0.0.1:9000/web`";
                    self.found.add(at, "no one knows whom to ask", "", rule);
                }
                return None;
            }
        };
        Some(Remote { by, deadline })
    }

    fn command(&mut self, form: &super::super::format::CommandForm, at: Span) -> Option<Means> {
        let words: Vec<String> = match form {
            Form::Short(text) => vec!["/bin/sh".into(), "-c".into(), text.0.clone()],
            Form::Long(list) => list.0.iter().map(|word| word.value.0.clone()).collect(),
        };
        if words.iter().any(|word| word.contains('\0'))
            || words.first().is_none_or(String::is_empty)
        {
            let rule = "a program and its arguments: `[./scale.sh, web]`";
            self.found.add(at, "this is no command", "", rule);
            return None;
        }
        Some(Means::Command(words))
    }

    fn url(
        &mut self,
        url: &str,
        at: Span,
        host: &Field<super::super::units::Text>,
    ) -> Option<Means> {
        let rest = url.strip_prefix("http://");
        let authority = rest.and_then(|rest| rest.split(['/', '?']).next());
        let good = |c: char| c.is_ascii_graphic() && !"\"<>\\^`{|}#".contains(c);
        let is_good =
            authority.is_some_and(|a| !a.is_empty() && !a.contains('@')) && url.chars().all(good);
        if !is_good {
            let label = if url.starts_with("https:") {
                "TLS is not supported: put a proxy that ends it in between, or ask by a command"
            } else {
                ""
            };
            let rule = "a URL is `http://HOST:PORT/PATH`, without a user, a password or a fragment";
            self.found
                .add(at, "this is no URL that can be asked", label, rule);
            return None;
        }
        Some(Means::Url {
            url: url.to_owned(),
            host: host.value().map(|host| host.0.clone()),
        })
    }

    /// Each workload has a policy that can decide there.
    fn decides(&mut self, file: &EngineFile, scenario: &Scenario) {
        for (key, At { value, .. }) in file.workloads.value().iter().flat_map(|all| &all.0) {
            let Some(scaling) = scenario.scaling.get(&key.name) else {
                let written = file.scaling.value().map_or(&[][..], |all| &all.services);
                if !written.iter().any(|(name, _)| name.name == key.name) {
                    let rule = "`scaling` has an entry for each workload: `scaling: {web: {policy: hpa, …}}`";
                    self.found
                        .add(key.at, "a workload without scaling", "", rule);
                }
                continue;
            };
            let is_blind = matches!(scaling.policy, Policy::Static | Policy::Schedule(_));
            if !is_blind && !value.source.is_there() {
                let rule = "`source: {command: [./readings.sh, web]}`, or a policy that needs no readings: static, schedule";
                self.found.add(
                    key.at,
                    "a policy that decides on readings, and no source of them",
                    "",
                    rule,
                );
            }
            let counts =
                matches!(scaling.policy, Policy::Schedule(_)) || !scenario.calendar.is_empty();
            if counts && !file.starts.is_there() {
                let rule = "`starts: 2026-11-27T11:50[Europe/Paris]` is what `at` counts from";
                self.found
                    .add(key.at, "a schedule or a calendar without a start", "", rule);
            }
        }
    }
}

//! A policy by its words or its file, for a workload that has no file of its own to say it: of a record, or of nobody's.

use std::time::Duration;

use metrics::Replicas;
use reports::record::Header;
use scaler::{Imported, PolicySpec};
use scenarios::{NoFiles, Scenario, Set};

use crate::exit::Failure;
use crate::variants::{self, Change};
use crate::{scenario_file, wiring};

/// The name of the one service of [`ALONE`].
const WORKLOAD: &str = "workload";
/// The least scenario: what a policy's words are checked in.
const ALONE: &str = "version: 1\nname: workload\nduration: 1h\ncontrol: {period: 15s}\n\
    traffic: {rate: [constant: {rate: 1/s}]}\njourneys: {visitor: {start: page, pages: {page: {get: /}}}}\n\
    slo: {within: 300ms, share: 99.9%}\n";
/// The most replicas of a policy whose words do not say it.
const MOST: Replicas = Replicas(10_000);

/// The workload that a policy is for.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    /// A scenario, compressed to its speed, in which it is a service.
    scenario: Scenario,
    name: String,
    bounds: (Replicas, Replicas),
    /// Replicas of the start, if there is a start.
    replicas: Option<Replicas>,
}

impl Workload {
    /// One that nothing is known of.
    pub(crate) fn unknown() -> Result<Self, Failure> {
        Ok(Self {
            scenario: alone(&[], &[WORKLOAD.into()])?,
            name: WORKLOAD.into(),
            bounds: (Replicas(1), MOST),
            replicas: None,
        })
    }

    /// A service of a scenario.
    pub(crate) fn of(scenario: Scenario, service: &str) -> Self {
        let scaling = scenario.scaling.get(service);
        Self {
            bounds: scaling.map_or((Replicas(1), MOST), |s| (s.min, s.max)),
            replicas: scenario.services.get(service).map(|s| s.replicas),
            name: service.to_owned(),
            scenario,
        }
    }

    /// A workload of a record.
    pub(crate) fn recorded(header: &Header, workload: &str) -> Result<Self, Failure> {
        let scenario: Option<Scenario> = serde_json::from_value(header.scenario.clone()).ok();
        let known = scenario.filter(|scenario| scenario.services.contains_key(workload));
        let mut of = match known {
            Some(scenario) => Self::of(scenario, workload),
            None => Self::unknown()?,
        };
        if let Some(service) = header.services.get(workload) {
            of.bounds = (service.min, service.max);
            of.replicas = Some(service.replicas);
        }
        Ok(of)
    }

    /// The policy that it has.
    pub(crate) fn own(&self) -> Option<PolicySpec> {
        wiring::specs(&self.scenario, self.scenario.starts).remove(&self.name)
    }

    /// The policy that `text` names: `static`, `hpa:cpu=60%`, or a file.
    pub(crate) fn policy(self, text: &str) -> Result<PolicySpec, Failure> {
        if variants::is_file(text) {
            return self.policy_of(text);
        }
        if let Some(count) = text.strip_prefix("static:replicas=") {
            let count = count.parse().map_err(|_| {
                wrong(&format!(
                    "`{count}` in `--policy {text}` is no number of replicas"
                ))
            })?;
            return Ok(self.fixed(Replicas(count)));
        }
        let (name, parameters) = match variants::policy(text)?.change {
            Change::Policy { name, parameters } => (name, parameters),
            Change::Static => {
                let start = self.replicas;
                let rule = "say how many: `--policy static:replicas=5`";
                let count = start.ok_or_else(|| {
                    wrong(&format!("`static`, but of how many replicas?\n  = {rule}"))
                })?;
                return Ok(self.fixed(count));
            }
            Change::Oracle => {
                return Err(wrong("the oracle knows a future that nobody has told here"));
            }
            Change::Nothing | Change::Values(_) => {
                return self
                    .own()
                    .ok_or_else(|| wrong("the workload has no policy of its own"));
            }
        };
        let bound = |key: &str, value: Replicas| {
            let is_given = parameters.iter().any(|(name, _)| name == key);
            if is_given {
                String::new()
            } else {
                format!(", {key}: {value}")
            }
        };
        let words = format!(
            "scaling: {{{WORKLOAD}: {{policy: {name}{}{}{}}}}}",
            bound("min", self.bounds.0),
            bound("max", self.bounds.1),
            variants::parameters_text(&name, &parameters)
        );
        let label = format!("--policy {text}");
        let set = Set::scaling(&label, words.as_bytes()).map_err(Failure::usage)?;
        self.with(&[set], &[WORKLOAD.into()], WORKLOAD)
    }

    /// The policy of a file: a manifest, a scenario's `scaling:` part, or a policy as a record's header has it.
    fn policy_of(self, name: &str) -> Result<PolicySpec, Failure> {
        let text = scenario_file::policy_text(name)?;
        let begins = |key: &str| text.lines().any(|line| line.starts_with(key));
        let json: Option<serde_json::Value> = serde_json::from_str(&text).ok();
        if begins("apiVersion:") || json.is_some_and(|json| json["apiVersion"].is_string()) {
            return imported(name, &text, &self.name);
        }
        if begins("scaling:") {
            let set = Set::scaling(name, text.as_bytes()).map_err(Failure::usage)?;
            let services = services_of(&text);
            let service = match services.as_slice() {
                // Of a workload without a name, whatever the file calls it.
                [only] if self.name == WORKLOAD => only.clone(),
                _ => self.name.clone(),
            };
            return self.with(&[set], &services, &service);
        }
        PolicySpec::read(&text).map_err(|why| {
            let rule = "a policy's file is a manifest (HorizontalPodAutoscaler, ScaledObject, Knative Service), a scenario's `scaling:` \
                part, or a `spec` of a record's header";
            wrong(&format!("{name}: {why}\n  = {rule}"))
        })
    }

    fn fixed(self, replicas: Replicas) -> PolicySpec {
        PolicySpec::Static {
            replicas,
            period: self.scenario.control.period,
        }
    }

    /// With the scaling that `sets` say of `service`, one of these.
    fn with(
        mut self,
        sets: &[Set],
        services: &[String],
        service: &str,
    ) -> Result<PolicySpec, Failure> {
        let mut small = alone(sets, services)?;
        // Only what the policy counts in is wanted of it at this speed: its own period must not be too short.
        small.control.period = Duration::from_secs(3600);
        let small = small
            .at_speed(self.scenario.speed)
            .map_err(Failure::usage)?;
        let scaling = small.scaling.get(service).cloned();
        let scaling = scaling.ok_or_else(|| {
            wrong(&format!(
                "nothing in it is of `{service}`\n  = it has: {}",
                services.join(", ")
            ))
        })?;
        self.scenario.scaling.insert(self.name.clone(), scaling);
        self.own().ok_or_else(|| {
            wrong("replicas that follow each request are the simulated world's own: there is nothing to decide from time to time")
        })
    }
}

/// The least scenario with these services.
fn alone(sets: &[Set], services: &[String]) -> Result<Scenario, Failure> {
    let mut text = format!("{ALONE}services:\n");
    for (place, service) in services.iter().enumerate() {
        let route = if place == 0 { "route: GET /, " } else { "" };
        text += &format!(
            "  {service}: {{slots: 1, operations: {{page: {{{route}do: [work: 1ms]}}}}}}\n"
        );
    }
    let read = Scenario::read("workload.yaml", text.as_bytes(), &NoFiles, sets);
    read.map_err(Failure::usage)
}

/// The services that a file's `scaling:` names, as far as they are names at all: what else is wrong with it is told by whoever
/// reads it.
fn services_of(text: &str) -> Vec<String> {
    let json: serde_json::Value = serde_saphyr::from_str(text).unwrap_or_default();
    let entries = json["scaling"].as_object().into_iter().flatten();
    let names = entries.map(|(name, _)| name.clone());
    let is_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    names
        .filter(|name| name != "calendar" && !name.is_empty() && name.chars().all(is_name))
        .collect()
}

/// The policy of a manifest: its only one, or the one for `service`.
fn imported(name: &str, text: &str, service: &str) -> Result<PolicySpec, Failure> {
    let all = scaler::import(text).map_err(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(|m| format!("{name}: {m}")).collect();
        wrong(&lines.join("\n"))
    })?;
    match Imported::choose(&all, service) {
        Some(one) => Ok(one.policy.clone()),
        None => {
            let targets: Vec<&str> = all.iter().map(|one| one.target.as_str()).collect();
            let rule = "one is due: put it into a file of its own";
            Err(wrong(&format!(
                "{name}: several autoscalers in it, for {}\n  = {rule}",
                targets.join(", ")
            )))
        }
    }
}

fn wrong(text: &str) -> Failure {
    Failure::usage(anyhow::anyhow!("{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hpa(text: &str) -> scaler::SimpleHpa {
        match of(text) {
            PolicySpec::Hpa(hpa) => hpa,
            other => panic!("{other:?}"),
        }
    }

    fn of(text: &str) -> PolicySpec {
        let workload = Workload::unknown().unwrap_or_else(|f| panic!("{:#}", f.error));
        workload
            .policy(text)
            .unwrap_or_else(|f| panic!("{:#}", f.error))
    }

    fn refused(text: &str) -> String {
        let workload = Workload::unknown().unwrap_or_else(|f| panic!("{:#}", f.error));
        workload.policy(text).expect_err(text).error.to_string()
    }

    #[test]
    fn words_are_those_of_the_scenario_language() {
        let plain = hpa("hpa:cpu=60%");
        assert_eq!((plain.min, plain.max), (Replicas(1), MOST));
        let own = hpa("hpa:busy=70%,min=3,max=9,stabilization=1m");
        assert_eq!((own.min, own.max), (Replicas(3), Replicas(9)));
        assert_eq!(
            own.controller.downscale_stabilization,
            Duration::from_secs(60)
        );
        assert!(
            matches!(of("reactive:max=9"), PolicySpec::Reactive(spec) if spec.max == Replicas(9))
        );
        assert!(matches!(
            of("static:replicas=5"),
            PolicySpec::Static {
                replicas: Replicas(5),
                ..
            }
        ));
    }

    #[test]
    fn what_cannot_be_says_why() {
        for (text, needle) in [
            ("hpa", "has no target"),
            ("hpa:cpu=60%,max=0", "max"),
            ("static", "of how many replicas"),
            ("static:replicas=many", "no number of replicas"),
            ("oracle", "future"),
            ("hpo:cpu=60%", "hpo"),
            ("nowhere.yaml", "there is no such file"),
        ] {
            let error = refused(text);
            assert!(error.contains(needle), "{text}: {error}");
        }
    }

    #[test]
    fn a_recorded_workload_counts_in_its_own_time() {
        let scenario = scenario_file::read("flash-sale", &[]);
        let scenario = scenario
            .unwrap_or_else(|f| panic!("{:#}", f.error))
            .scenario;
        let scenario = scenario.at_speed(20.0).unwrap();
        let header = wiring::header(
            &scenario,
            reports::record::World::Local,
            String::new(),
            scenario.starts,
        );
        let workload =
            Workload::recorded(&header, "order").unwrap_or_else(|f| panic!("{:#}", f.error));
        let spec = workload.policy("hpa:cpu=60%,stabilization=5m");
        let PolicySpec::Hpa(hpa) = spec.unwrap_or_else(|f| panic!("{:#}", f.error)) else {
            panic!("it is an hpa");
        };
        assert_eq!(
            hpa.controller.downscale_stabilization,
            Duration::from_secs(15)
        );
        assert_eq!(hpa.controller.sync_period, scenario.control.period);
        assert_eq!(hpa.max, scenario.scaling["order"].max);
    }
}

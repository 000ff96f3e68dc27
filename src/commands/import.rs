//! `rushhour import`: autoscalers' manifests as a scenario's `scaling:` part.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use metrics::Replicas;
use scaler::{
    Imported, KedaMetric, KedaSource, KedaTrigger, MetricSpec, PolicySpec, WORLD_METRICS,
};

use crate::args::ImportArgs;
use crate::exit::{Exit, Failure};
use crate::spoken::{word, words};
use crate::{Done, output, scenario_file};

/// What stands where upstream has no maximum.
const MOST: u32 = 10_000;

pub(crate) fn run(args: &ImportArgs) -> Done {
    let text = scenario_file::manifest(&args.file)?;
    let imported = scaler::import(&text).map_err(|mistakes| refused(&args.file, &mistakes))?;
    let mut yaml = format!("# From {}.\nscaling:\n", shown(&args.file));
    let mut notes = Vec::new();
    for one in &imported {
        let service = one.target.rsplit('/').next().unwrap_or(&one.target);
        let entry = entry(one, &args.file, &mut notes);
        writeln!(yaml, "  {}: {entry}", word(service))?;
    }
    output::print(&yaml)?;
    for note in notes {
        output::progress(&format!("note: {note}"));
    }
    Ok(Exit::Passed)
}

/// The file's name without what moves a terminal.
fn shown(file: &Path) -> String {
    file.display().to_string().escape_debug().to_string()
}

fn refused(file: &Path, mistakes: &[scaler::ImportError]) -> Failure {
    let mut text = String::new();
    for mistake in mistakes {
        text += &format!("{}: {mistake}\n", shown(file));
    }
    let count = mistakes.len();
    let what = if count == 1 { "mistake" } else { "mistakes" };
    Failure::usage(anyhow::anyhow!("{text}{count} {what}, nothing was written"))
}

fn entry(one: &Imported, file: &Path, notes: &mut Vec<String>) -> String {
    let policy = one.policy.name();
    if let Some(words) = words(&one.policy) {
        let (min, max) = one.policy.bounds().unwrap_or_default();
        if max == Replicas::ZERO {
            notes.push(format!(
                "{}: it has no maximum, {MOST} is written",
                one.target
            ));
        }
        let max = if max == Replicas::ZERO {
            MOST
        } else {
            max.get()
        };
        return format!(
            "{{policy: {policy}, min: {min}, max: {max}, {}}}",
            words.join(", ")
        );
    }
    // The language has no words for it: the scenario names the file itself.
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let mut entry = format!("{{file: {}", word(&name));
    let unknown = unknown(&one.policy);
    if !unknown.is_empty() {
        let pair = |(name, is): (&String, &Is)| format!("{}: {}", word(name), is.word());
        let pairs: Vec<String> = unknown.iter().map(pair).collect();
        entry += &format!(", metrics: {{{}}}", pairs.join(", "));
    }
    for (name, is) in unknown {
        let name = name.escape_debug();
        notes.push(match is {
            Is::Resource => format!(
                "{}: `{name}` is left out: replicas of a scenario have only cpu",
                one.target
            ),
            Is::Unknown => format!(
                "{}: which of a scenario's metrics `{name}` is cannot be known: `requests` is written, see whether it is concurrency or queue, or none to leave it out",
                one.target
            ),
        });
    }
    notes.push(format!("{}: put {name} beside the scenario", one.target));
    entry + "}"
}

/// What a metric is that a scenario does not have by its name.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Is {
    /// A resource, which no scenario has.
    Resource,
    Unknown,
}

impl Is {
    const fn word(self) -> &'static str {
        match self {
            Self::Resource => "none",
            Self::Unknown => "requests",
        }
    }
}

/// Metrics that a scenario does not have by these names, each once.
fn unknown(policy: &PolicySpec) -> BTreeMap<String, Is> {
    match policy {
        PolicySpec::HpaManifest { spec, .. } => spec.metrics.iter().filter_map(of_hpa).collect(),
        PolicySpec::Keda(spec) => {
            let triggers = spec.triggers.iter().enumerate();
            triggers.filter_map(of_keda).collect()
        }
        _ => BTreeMap::new(),
    }
}

fn of_hpa(metric: &MetricSpec) -> Option<(String, Is)> {
    let resource = metric.resource.as_ref().map(|r| &r.name);
    let of_container = metric.container_resource.as_ref().map(|r| &r.name);
    if let Some(name) = resource.or(of_container) {
        return (name != "cpu").then(|| (name.clone(), Is::Resource));
    }
    let pods = metric.pods.as_ref().map(|m| &m.metric);
    let object = metric.object.as_ref().map(|m| &m.metric);
    let external = metric.external.as_ref().map(|m| &m.metric);
    let name = &pods.or(object).or(external)?.name;
    let is_known = WORLD_METRICS.contains(&name.as_str());
    (!is_known).then(|| (name.clone(), Is::Unknown))
}

fn of_keda((place, trigger): (usize, &KedaTrigger)) -> Option<(String, Is)> {
    let named = |other: String| match trigger.name.as_str() {
        "" => other,
        name => name.to_owned(),
    };
    match &trigger.source {
        KedaSource::Cpu(_) => None,
        KedaSource::Memory(_) => Some((named("memory".to_owned()), Is::Resource)),
        KedaSource::Event(event) => match &event.metric {
            KedaMetric::External(kind) => Some((named(format!("s{place}-{kind}")), Is::Unknown)),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(manifest: &str) -> (String, Vec<String>) {
        let all = scaler::import(manifest).unwrap_or_else(|found| panic!("{found:?}"));
        let mut notes = Vec::new();
        let entry = entry(&all[0], Path::new("live/it.yaml"), &mut notes);
        (entry, notes)
    }

    #[test]
    fn what_a_scenario_lacks_is_named_once_and_left_out_or_asked_for() {
        let hpa = "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a}, spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: a}, maxReplicas: 9, metrics: [{type: Resource, resource: {name: memory, target: {type: Utilization, averageUtilization: 80}}}, {type: Pods, pods: {metric: {name: hits per second}, target: {type: AverageValue, averageValue: 5}}}]}}";
        let (entry, notes) = written(hpa);
        assert_eq!(
            entry,
            "{file: it.yaml, metrics: {\"hits per second\": requests, memory: none}}"
        );
        assert_eq!(notes.len(), 3, "{notes:?}");
        assert!(notes[1].contains("`memory` is left out"), "{notes:?}");

        let keda = "{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, metadata: {name: a}, spec: {scaleTargetRef: {name: a}, triggers: [{type: cpu, metricType: Utilization, metadata: {value: '60'}}, {type: memory, metricType: Utilization, metadata: {value: '80'}}, {type: kafka, metadata: {topic: t}}]}}";
        let (entry, _) = written(keda);
        assert_eq!(
            entry,
            "{file: it.yaml, metrics: {memory: none, s2-kafka: requests}}"
        );
    }
}

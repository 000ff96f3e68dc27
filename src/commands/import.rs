//! `rushhour import`: autoscalers' manifests as a scenario's `scaling:` part.

use std::fmt::Write as _;
use std::path::Path;

use metrics::Replicas;
use scaler::{Imported, KedaMetric, KedaSource, PolicySpec, WORLD_METRICS};

use crate::args::ImportArgs;
use crate::exit::{Exit, Failure};
use crate::spoken::{quoted, words};
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
        writeln!(yaml, "  {}: {entry}", quoted(service))?;
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
    let unknown = unknown(&one.policy, &one.target, notes);
    let mut entry = format!("{{file: {}", quoted(&name));
    if !unknown.is_empty() {
        let pairs: Vec<String> = unknown
            .iter()
            .map(|n| format!("{}: requests", quoted(n)))
            .collect();
        entry += &format!(", metrics: {{{}}}", pairs.join(", "));
        for name in unknown {
            notes.push(format!(
                "{}: which of a scenario's metrics `{}` is cannot be known: `requests` is written, see whether it is concurrency or queue",
                one.target,
                name.escape_debug()
            ));
        }
    }
    notes.push(format!("{}: put {name} beside the scenario", one.target));
    entry + "}"
}

/// Metrics that a scenario does not have by these names.
fn unknown(policy: &PolicySpec, target: &str, notes: &mut Vec<String>) -> Vec<String> {
    let mut names = Vec::new();
    match policy {
        PolicySpec::HpaManifest { spec, .. } => {
            for metric in &spec.metrics {
                let resource = metric.resource.as_ref().map(|r| &r.name);
                let of_container = metric.container_resource.as_ref().map(|r| &r.name);
                if let Some(name) = resource.or(of_container).filter(|name| *name != "cpu") {
                    notes.push(format!("{target}: `{}` cannot be carried over: replicas of a scenario have only cpu, take that metric out", name.escape_debug()));
                }
                let named = [
                    metric.pods.as_ref().map(|m| &m.metric),
                    metric.object.as_ref().map(|m| &m.metric),
                    metric.external.as_ref().map(|m| &m.metric),
                ];
                names.extend(named.into_iter().flatten().map(|m| m.name.clone()));
            }
        }
        PolicySpec::Keda(spec) => {
            for (place, trigger) in spec.triggers.iter().enumerate() {
                match &trigger.source {
                    KedaSource::Memory(_) => {
                        notes.push(format!("{target}: a memory trigger cannot be carried over: replicas of a scenario have only cpu, take it out"));
                    }
                    KedaSource::Event(event) => {
                        if let KedaMetric::External(kind) = &event.metric {
                            let other = format!("s{place}-{kind}");
                            let name = &trigger.name;
                            names.push(if name.is_empty() { other } else { name.clone() });
                        }
                    }
                    KedaSource::Cpu(_) => {}
                }
            }
            return names;
        }
        _ => {}
    }
    names.retain(|name| !WORLD_METRICS.contains(&name.as_str()));
    names.dedup();
    names
}

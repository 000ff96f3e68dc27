//! `rushhour tune`: a policy's parameters searched, and what to take.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use reports::tuning::{Parameter, RunOf, SCHEMA_VERSION, Setting, Tried, Tuned, Tuning, Within};
use reports::words;
use scenarios::{Scenario, Set};

use crate::args::{Table, TuneArgs};
use crate::exit::{Exit, Failure};
use crate::simulating::pool;
use crate::stop::Halt;
use crate::tuning::days::{self, Day, Days};
use crate::tuning::knobs::Knobs;
use crate::tuning::search::Candidate;
use crate::tuning::stages::{Found, Run, Scored, Stages};
use crate::variants::{self, Variant};
use crate::{Done, folder, output, results, scenario_file, wiring};

pub(crate) fn run(args: &TuneArgs) -> Done {
    let days = days::all(&args.scenarios, &args.traces)?;
    let sets = scenario_file::parsed(&args.sets)?;
    let Some(first) = days.searched.first() else {
        return Err(Failure::usage(anyhow::anyhow!("there is nothing to tune")));
    };
    output::remarks(&first.remarks()?);
    let base = first.scenario(&sets, &BTreeMap::new())?;
    let tuner = Tuner::new(args, &days, base, sets)?;
    let name = format!("tune-{}", tuner.base.name);
    let out = folder::create(args.out.as_deref(), &name, wiring::wall_clock())?;
    let tuning = tuner.tune()?;
    told(args, &tuning, &out)?;
    let exit = match tuning.recommended {
        Some(_) => Exit::Passed,
        None => Exit::Failed,
    };
    Ok(tuner.halt.stop().exit().unwrap_or(exit))
}

/// What tuning goes on.
struct Tuner<'a> {
    args: &'a TuneArgs,
    first: &'a Day,
    base: Scenario,
    sets: Vec<Set>,
    variants: Vec<Variant>,
    services: Vec<String>,
    budget: f64,
    searched: Vec<Run>,
    scored: Vec<Run>,
    halt: Halt,
}

impl<'a> Tuner<'a> {
    fn new(
        args: &'a TuneArgs,
        days: &'a Days,
        base: Scenario,
        sets: Vec<Set>,
    ) -> Result<Self, Failure> {
        let variants = chosen(args)?;
        let services = services(args, &base)?;
        let seed = args.seed.unwrap_or(base.seed);
        let runs = |days: &[Day], from: u32, count: u32| -> Vec<Run> {
            let seeds = (from..from + count).map(|n| seed.wrapping_add(n.into()));
            let of = |seed: u64| days.iter().cloned().map(move |day| Run { day, seed });
            seeds.flat_map(of).collect()
        };
        let left = (1.0 - base.slo.share.get()).max(1e-6);
        Ok(Self {
            args,
            first: &days.searched[0],
            budget: args.budget.unwrap_or(left),
            searched: runs(&days.searched, 0, args.searched),
            scored: runs(&days.scored, args.searched, args.seeds),
            halt: Halt::listen()?,
            base,
            sets,
            variants,
            services,
        })
    }

    fn tune(&self) -> Result<Tuning, Failure> {
        let (mut policies, mut notes) = (Vec::new(), Vec::new());
        for variant in &self.variants {
            if self.halt.is_asked() && !policies.is_empty() {
                break;
            }
            policies.push(self.policy(variant, &mut notes)?);
        }
        let runs = |runs: &[Run]| -> Vec<RunOf> {
            let mut all: Vec<RunOf> = runs.iter().map(|run| run.day.run(run.seed)).collect();
            all.sort();
            all
        };
        let scored = policies
            .iter()
            .flat_map(|p: &Tuned| p.settings.iter().map(|s| s.runs.len()))
            .max();
        Ok(Tuning {
            schema_version: SCHEMA_VERSION,
            scenario: self.base.name.clone(),
            about: self.base.about.clone(),
            command: again(self.args, self.args.seed.unwrap_or(self.base.seed)),
            budget: self.budget,
            tuned_on: runs(&self.searched),
            scored_on: runs(&self.scored[..scored.unwrap_or(0).min(self.scored.len())]),
            policies,
            recommended: None,
            interrupted: self.halt.is_asked(),
            notes,
        }
        .judged())
    }

    fn policy(&self, variant: &Variant, notes: &mut Vec<String>) -> Result<Tuned, Failure> {
        let mut sets = self.sets.clone();
        sets.extend(variant.sets(&self.base)?);
        let scenario = self.first.scenario(&sets, &BTreeMap::new())?;
        let text = self.first.scaling(&sets)?;
        let knobs = Knobs::of(&scenario, &text, &self.services, |name| {
            self.first.file(name)
        })?;
        if knobs.list.is_empty() {
            notes.push(format!(
                "{} has no number that could be searched: it is only scored.",
                variant.name
            ));
        }
        let stages = Stages {
            sets,
            knobs: &knobs,
            budget: self.budget,
            trials: self.args.trials as usize,
            jobs: pool::jobs(self.args.effort.jobs),
            halt: &self.halt,
            searched: &self.searched,
            scored: &self.scored,
            name: &variant.name,
            waits: OnceLock::new(),
        };
        let found = stages.run()?;
        self.told(variant, &stages, found)
    }

    fn told(&self, variant: &Variant, stages: &Stages<'_>, found: Found) -> Result<Tuned, Failure> {
        let knobs = stages.knobs;
        let parameters = knobs.list.iter().map(|knob| Parameter {
            name: knob.name.clone(),
            values: knob.all_words(),
            written: knob.written_word(),
            places: knob.places(),
        });
        let tried = found.tried.iter().map(|t| Tried {
            values: knobs.words(&t.candidate),
            outcome: t.outcome,
        });
        let start = knobs.space().start;
        let settings = found
            .scored
            .into_iter()
            .map(|s| self.setting(stages, s, &start));
        Ok(Tuned {
            policy: variant.name.clone(),
            parameters: parameters.collect(),
            tried: tried.collect(),
            settings: settings.collect::<Result<_, _>>()?,
        })
    }

    fn setting(
        &self,
        stages: &Stages<'_>,
        scored: Scored,
        start: &Candidate,
    ) -> Result<Setting, Failure> {
        let (edits, manifests) = stages.knobs.edits(&scored.candidate)?;
        let sets: Vec<Set> = stages.sets.iter().cloned().chain(edits).collect();
        let text = self.first.scaling(&sets)?;
        let from_manifest = |name: &str| text.manifests.iter().any(|(service, _)| service == name);
        let inline = |name: &str| self.services.iter().any(|s| s == name) && !from_manifest(name);
        let any = self.services.iter().any(|name| inline(name));
        Ok(Setting {
            values: stages.knobs.words(&scored.candidate),
            as_written: scored.candidate == *start,
            planned: scored.planned,
            confirmed: scored.confirmed,
            runs: scored.runs,
            missed: None,
            cost: None,
            saves: None,
            within: Within::NotScored,
            on_front: false,
            yaml: if any {
                text.yaml(inline)
            } else {
                String::new()
            },
            manifests,
        })
    }
}

/// The policies to tune.
fn chosen(args: &TuneArgs) -> Result<Vec<Variant>, Failure> {
    let variants = variants::all(&crate::args::VariantArgs {
        policies: args.policies.clone(),
        variants: Vec::new(),
    })?;
    if variants.iter().any(Variant::is_oracle) {
        let text = "an oracle has nothing to tune: it knows the future already\n  = `rushhour compare` shows what it would cost";
        return Err(Failure::usage(anyhow::anyhow!(text)));
    }
    Ok(if variants.is_empty() {
        vec![Variant::as_written()]
    } else {
        variants
    })
}

/// The services whose scaling is tuned.
fn services(args: &TuneArgs, base: &Scenario) -> Result<Vec<String>, Failure> {
    let all: Vec<String> = base.scaling.keys().cloned().collect();
    if all.is_empty() {
        let text = format!(
            "no service of {} scales: there is nothing to tune",
            base.name
        );
        return Err(Failure::usage(anyhow::anyhow!(text)));
    }
    if let Some(unknown) = args.services.iter().find(|name| !all.contains(name)) {
        let text = format!(
            "no service `{unknown}` of {} scales\n  = those that do: {}",
            base.name,
            all.join(", ")
        );
        return Err(Failure::usage(anyhow::anyhow!(text)));
    }
    Ok(if args.services.is_empty() {
        all
    } else {
        args.services.clone()
    })
}

/// The command that tunes again, whatever the folder and the threads.
fn again(args: &TuneArgs, seed: u64) -> String {
    let mut words: Vec<String> = ["rushhour".to_owned(), "tune".to_owned()].to_vec();
    words.extend(args.scenarios.iter().cloned());
    let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
    for trace in &args.traces {
        option("--trace", trace.display().to_string());
    }
    for policy in &args.policies {
        option("--policy", policy.clone());
    }
    for service in &args.services {
        option("--service", service.clone());
    }
    for set in &args.sets {
        option("--set", set.clone());
    }
    if let Some(budget) = args.budget {
        option("--budget", budget.to_string());
    }
    option("--seed", seed.to_string());
    option("--searched", args.searched.to_string());
    option("--seeds", args.seeds.to_string());
    option("--trials", args.trials.to_string());
    let words: Vec<String> = words.into_iter().map(wiring::quoted).collect();
    words.join(" ")
}

fn told(args: &TuneArgs, tuning: &Tuning, out: &Path) -> Result<(), Failure> {
    let json = serde_json::to_string(tuning)? + "\n";
    let mut files = vec![
        ("tune.json".to_owned(), json.clone()),
        ("tune.md".to_owned(), tuning.markdown()),
        ("tune.html".to_owned(), reports::page::tuning_html(tuning)),
    ];
    if let Some((_, setting)) = tuning.taken() {
        if !setting.yaml.is_empty() {
            files.push(("scaling.yaml".to_owned(), setting.yaml.clone()));
        }
        for (name, text) in &setting.manifests {
            let name = Path::new(name).file_name().unwrap_or_default();
            files.push((name.to_string_lossy().into_owned(), text.clone()));
        }
    }
    let named: Vec<(&str, String)> = files.iter().map(|(n, t)| (n.as_str(), t.clone())).collect();
    results::write_texts(out, &named)?;
    let shown = words::terminal(&out.display().to_string());
    let text = match args.format {
        Table::Json => json,
        Table::Markdown => tuning.markdown(),
        Table::Human => {
            let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
            format!(
                "{}\n  files   {shown}/: {}\n",
                tuning.text(),
                names.join(", ")
            )
        }
    };
    output::print(&text)?;
    Ok(())
}

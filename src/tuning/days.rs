//! What is tuned on and what is scored on: scenarios, each perhaps with the traffic of a trace.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use metrics::{Phase, Rps};
use reports::tuning::RunOf;
use scenarios::{Counts, Curve, Part, ScalingText, Scenario, Set, Term};

use super::manifests::Texts;
use crate::exit::Failure;
use crate::scenario_file::{self, Opened};

/// A scenario, perhaps with another traffic.
#[derive(Clone)]
pub(crate) struct Day {
    /// What it is called: the scenario, and the trace.
    pub(crate) name: String,
    opened: Arc<Opened>,
    traffic: Option<Arc<Counts>>,
}

/// Days for the search, and days that are kept for scoring.
pub(crate) struct Days {
    pub(crate) searched: Vec<Day>,
    pub(crate) scored: Vec<Day>,
}

/// All days: each scenario, with each trace if there are any. Of several the last third is kept for scoring; a single one is
/// for both, and other seeds are kept.
pub(crate) fn all(scenarios: &[String], traces: &[PathBuf]) -> Result<Days, Failure> {
    let mut all = Vec::new();
    for name in scenarios {
        let opened = Arc::new(scenario_file::open(name)?);
        if traces.is_empty() {
            all.push(Day {
                name: name.clone(),
                opened,
                traffic: None,
            });
            continue;
        }
        for trace in traces {
            all.push(Day {
                name: format!("{name} with {}", trace.display()),
                opened: Arc::clone(&opened),
                traffic: Some(Arc::new(read(trace)?)),
            });
        }
    }
    let kept = all.len() / 3;
    let kept = if all.len() > 1 { kept.max(1) } else { 0 };
    let scored = all.split_off(all.len() - kept);
    Ok(Days {
        scored: if scored.is_empty() {
            all.clone()
        } else {
            scored
        },
        searched: all,
    })
}

fn read(trace: &Path) -> Result<Counts, Failure> {
    let shown = trace.display().to_string();
    let file = File::open(trace)
        .map_err(|e| Failure::usage(anyhow::anyhow!("cannot read the trace {shown}: {e}")))?;
    scenarios::read_counts(file, &shown, Part::WHOLE).map_err(Failure::usage)
}

impl Day {
    /// The scenario of this day with these changes.
    pub(crate) fn scenario(&self, sets: &[Set], manifests: &Texts) -> Result<Scenario, Failure> {
        let checked = self.opened.checked(sets, manifests)?;
        let mut scenario = checked.scenario;
        if let Some(counts) = &self.traffic {
            follow(&mut scenario, counts)?;
        }
        Ok(scenario)
    }

    /// What is doubtful of the scenario as it is.
    pub(crate) fn remarks(&self) -> Result<scenarios::Remarks, Failure> {
        Ok(self.opened.checked(&[], &BTreeMap::new())?.warnings)
    }

    /// How its services scale, as it is written with these changes.
    pub(crate) fn scaling(&self, sets: &[Set]) -> Result<ScalingText, Failure> {
        self.opened.scaling(sets)
    }

    /// The text of a file that it names.
    pub(crate) fn file(&self, name: &str) -> Result<String, Failure> {
        self.opened.file(name)
    }

    /// One run of it.
    pub(crate) fn run(&self, seed: u64) -> RunOf {
        RunOf {
            day: self.name.clone(),
            seed,
        }
    }
}

/// The scenario with the course of these counts, scaled to the mean of its own traffic, for as long as both last.
fn follow(scenario: &mut Scenario, counts: &Counts) -> Result<(), Failure> {
    let mean = {
        let terms = scenario.traffic.rate.iter();
        let count: f64 = terms.map(|t| t.curve.count_until(scenario.duration)).sum();
        count / scenario.duration.as_secs_f64().max(1e-9)
    };
    let mean = Rps::new(mean).map_err(|e| Failure::usage(anyhow::anyhow!("{e}")))?;
    scenario.duration = scenario.duration.min(counts.length());
    let part = counts.cut(Duration::ZERO, scenario.duration);
    scenario.traffic.rate = vec![Term {
        curve: Curve::Trace(part.with_mean(mean)),
        journey: None,
    }];
    // Phases named spans of the traffic that was.
    let end = scenario.duration;
    scenario.phases = vec![Phase {
        name: "all".into(),
        from: Duration::ZERO,
        to: end,
    }];
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_scored_is_kept_apart() {
        let names = |days: &[Day]| days.iter().map(|d| d.name.clone()).collect::<Vec<_>>();
        let all = |list: &[&str]| {
            let list: Vec<String> = list.iter().map(|s| (*s).to_owned()).collect();
            super::all(&list, &[]).unwrap_or_else(|f| panic!("{:#}", f.error))
        };
        let one = all(&["flash-sale"]);
        assert_eq!(
            names(&one.searched),
            names(&one.scored),
            "other seeds are kept"
        );
        let four = all(&["steady-day", "flash-sale", "bad-deploy", "diurnal-week"]);
        assert_eq!(
            names(&four.searched),
            ["steady-day", "flash-sale", "bad-deploy"]
        );
        assert_eq!(names(&four.scored), ["diurnal-week"]);
    }

    #[test]
    fn a_trace_gives_the_course_and_the_scenario_the_mean() {
        let folder = tempfile::tempdir().expect("a folder");
        let trace = folder.path().join("day.csv");
        let mut text = "timestamp_s,requests\n".to_owned();
        for minute in 0..20 {
            text += &format!("{},{}\n", minute * 60, if minute < 10 { 100 } else { 300 });
        }
        std::fs::write(&trace, text).expect("it can be written");
        let days =
            all(&["flash-sale".to_owned()], &[trace]).unwrap_or_else(|f| panic!("{:#}", f.error));
        let plain =
            all(&["flash-sale".to_owned()], &[]).unwrap_or_else(|f| panic!("{:#}", f.error));
        let read = |days: &Days| {
            let scenario = days.searched[0].scenario(&[], &BTreeMap::new());
            scenario.unwrap_or_else(|f| panic!("{:#}", f.error))
        };
        let (with, without) = (read(&days), read(&plain));
        let count = |s: &Scenario| -> f64 {
            s.traffic
                .rate
                .iter()
                .map(|t| t.curve.count_until(s.duration))
                .sum()
        };
        assert_eq!(with.duration, without.duration);
        assert!((count(&with) / count(&without) - 1.0).abs() < 1e-6);
        let rate = |minutes: u64| {
            with.traffic.rate[0]
                .curve
                .rate_at(Duration::from_secs(minutes * 60))
                .get()
        };
        assert!((rate(15) / rate(5) - 3.0).abs() < 1e-9);
    }
}

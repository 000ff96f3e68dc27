//! `rushhour plan`: the least capacity that meets the SLO.

use std::time::Duration;

use metrics::Replicas;
use reports::analysis::Analysis;
use reports::plan::{Breaks, Confirmed, Cost, Plan, SCHEMA_VERSION, ServicePlan};
use reports::words;
use scenarios::Scenario;

use crate::args::{PlanArgs, Table};
use crate::exit::{Exit, Failure};
use crate::simulating::planning::{self, Demand, Ended, Trials, Tried};
use crate::simulating::progress::Progress;
use crate::simulating::sizing::{self, Sizes};
use crate::simulating::{Around, pool};
use crate::stop::Halt;
use crate::variants::{self, Variant};
use crate::{Done, folder, output, pasted, results, scenario_file, wiring};

/// How many seeds a search looks at: the rest is for confirming.
const SEARCHED: usize = 2;
/// How many runs a search takes, about: only the bar rests on it.
const ABOUT: u32 = 120;
/// How often more is given where the confirming runs want more.
const CORRECTIONS: u32 = 15;

pub(crate) fn run(args: &PlanArgs) -> Done {
    let mut sets = args.sets.clone();
    sets.extend(args.seed.map(|seed| format!("seed={seed}")));
    let checked = scenario_file::read(&args.scenario, &sets)?;
    output::remarks(&checked.warnings);
    let scenario = checked.scenario;
    let name = format!("plan-{}", scenario.name);
    let out = folder::create(args.out.as_deref(), &name, wiring::wall_clock())?;
    let halt = Halt::listen()?;
    let length = scenario.duration + scenario.duration.min(planning::HOUR) * ABOUT;
    let progress = Progress::new(&format!("planning {}", scenario.name), length);
    let around = Around {
        halt: &halt,
        progress: &progress,
    };
    let planned = Planning::begin(args, scenario, around).and_then(Planning::plan);
    progress.clear();
    let plan = match planned {
        Ok(plan) => plan,
        Err(Ended::Failed(failure)) => return Err(failure),
        Err(Ended::Halted) => {
            let exit = halt.stop().exit().unwrap_or(Exit::Interrupted);
            let text = "interrupted before anything was confirmed: there is no plan";
            return Err(Failure::new(exit, anyhow::anyhow!(text)));
        }
    };
    let json = serde_json::to_string(&plan)? + "\n";
    let files = [
        ("plan.json", json.clone()),
        ("plan.md", plan.markdown()),
        ("scaling.yaml", plan.scaling_yaml()),
        ("hpa.yaml", plan.manifests()),
    ];
    results::write_texts(&out, &files)?;
    let shown = words::terminal(&out.display().to_string());
    let text = match args.format {
        Table::Json => json,
        Table::Markdown => plan.markdown(),
        Table::Human => format!(
            "{}\n  files     {shown}/: scaling.yaml, hpa.yaml (autoscaling/v2), plan.md, plan.json\n  try it    rushhour run {} --speed 20 --policy {shown}/scaling.yaml\n",
            plan.text(),
            wiring::quoted(args.scenario.clone()),
        ),
    };
    output::print(&text)?;
    let exit = if plan.met { Exit::Passed } else { Exit::Failed };
    Ok(halt.stop().exit().unwrap_or(exit))
}

/// What the search goes on.
struct Planning<'a> {
    args: &'a PlanArgs,
    whole: Scenario,
    demand: Demand,
    /// The worst hour, since the start.
    span: (Duration, Duration),
    hour: Scenario,
    trials: Trials<'a>,
}

impl<'a> Planning<'a> {
    fn begin(args: &'a PlanArgs, whole: Scenario, around: Around<'a>) -> Result<Self, Ended> {
        let demand = Demand::of(&whole, around)?;
        if around.halt.is_asked() {
            return Err(Ended::Halted);
        }
        let span = demand.worst(&whole);
        let mut hour = whole.part(span.0, span.1);
        if span.0 > Duration::ZERO {
            // What an autoscaler has there at the hour's beginning: what the load just then needs.
            for (name, size) in demand.guess((span.0, span.0 + Duration::from_secs(1))) {
                if let Some(service) = hour.services.get_mut(&name) {
                    service.replicas = service.replicas.max(Replicas(size));
                }
            }
        }
        let seeds = (0..args.seeds).map(|n| whole.seed.wrapping_add(n.into()));
        Ok(Self {
            args,
            demand,
            span,
            hour,
            trials: Trials {
                around,
                jobs: pool::jobs(args.effort.jobs),
                seeds: seeds.collect(),
                tried: 1,
            },
            whole,
        })
    }

    fn plan(mut self) -> Result<Plan, Ended> {
        let Some(peak) = self.peak()? else {
            return Ok(self.none());
        };
        let max = self.with_reserve(&peak);
        match self.confirmed_plan(&peak, &max) {
            Err(Ended::Halted) => Ok(Plan {
                interrupted: true,
                notes: vec!["The numbers at the peak are those that do if they always stand, in the searched seeds; the minimum is the same.".to_owned()],
                ..self.told(&peak, (&peak, &max), &[], None)
            }),
            planned => planned,
        }
    }

    /// The least lower bounds, confirmed, and what breaks them.
    fn confirmed_plan(&mut self, peak: &Sizes, max: &Sizes) -> Result<Plan, Ended> {
        let min = self.least(peak, max)?;
        let (min, runs) = self.confirmed(min, max)?;
        let met = runs.iter().all(|t| t.met);
        let bounded = planning::bounded(&self.hour, &min, max);
        let broken = if met {
            planning::breaking(&bounded, &mut self.trials, SEARCHED)?
        } else {
            None
        };
        Ok(self.told(peak, (&min, max), &runs, broken.as_ref()))
    }

    /// What must stand from beginning to end.
    fn peak(&mut self) -> Result<Option<Sizes>, Ended> {
        let start = self.demand.guess(self.span);
        let least = start.keys().map(|name| (name.clone(), 1)).collect();
        let most = planning::most(&self.hour);
        sizing::search(&start, (&least, &most), |sizes| {
            let still = planning::stand_still(&self.hour, sizes);
            self.trials.judge(&still, SEARCHED)
        })
    }

    fn with_reserve(&self, peak: &Sizes) -> Sizes {
        let reserve = 1.0 + f64::from(self.args.reserve) / 100.0;
        let more = |(name, size): (&String, &u32)| {
            let scaling = self.hour.scaling.get(name);
            let follows = scaling.is_some_and(planning::follows_load);
            let with = (f64::from(*size) * reserve - 1e-9).ceil() as u32;
            (name.clone(), if follows { with } else { *size })
        };
        peak.iter().map(more).collect()
    }

    /// The least lower bounds with which the policies do.
    fn least(&mut self, peak: &Sizes, max: &Sizes) -> Result<Sizes, Ended> {
        let least = |(name, size): (&String, &u32)| {
            let scaling = self.hour.scaling.get(name);
            let follows = scaling.is_some_and(planning::follows_load);
            (name.clone(), if follows { 1 } else { *size })
        };
        let least: Sizes = peak.iter().map(least).collect();
        let found = sizing::search(peak, (&least, max), |min| {
            let bounded = planning::bounded(&self.hour, min, max);
            self.trials.judge(&bounded, SEARCHED)
        })?;
        Ok(found.unwrap_or_else(|| max.clone()))
    }

    /// The bounds with which all seeds do, or the best that was found; with their runs.
    fn confirmed(&mut self, mut min: Sizes, max: &Sizes) -> Result<(Sizes, Vec<Tried>), Ended> {
        let seeds = self.trials.seeds.len();
        for _ in 0..CORRECTIONS {
            let bounded = planning::bounded(&self.hour, &min, max);
            let runs = self.trials.all(&bounded, seeds)?;
            let judged = planning::judged(&runs);
            let before = min.clone();
            if !judged.met {
                // The fuller half gets a twentieth more.
                let mut full: Vec<f64> = judged.full.values().copied().collect();
                full.sort_by(f64::total_cmp);
                let middle = full.get(full.len() / 2).copied().unwrap_or(0.0);
                for (name, size) in &mut min {
                    let fuller = judged.full.get(name).is_some_and(|f| *f >= middle);
                    let most = max.get(name).copied().unwrap_or(*size);
                    if fuller {
                        *size = (*size + size.div_ceil(20)).min(most.max(*size));
                    }
                }
            }
            if judged.met || min == before {
                return Ok((before, runs));
            }
        }
        let bounded = planning::bounded(&self.hour, &min, max);
        let runs = self.trials.all(&bounded, seeds)?;
        Ok((min, runs))
    }

    fn told(
        &self,
        peak: &Sizes,
        (min, max): (&Sizes, &Sizes),
        runs: &[Tried],
        broken: Option<&(f64, Analysis)>,
    ) -> Plan {
        let shown = broken
            .map(|(_, run)| run)
            .or_else(|| runs.first().map(|t| &t.run));
        let service = |name: &String| self.service(name, peak, (min, max), shown);
        let breaks = broken.and_then(|(at, run)| {
            let (service, how) = planning::culprit(&self.whole, run)?;
            Some(Breaks {
                service: service.name.clone(),
                at: *at,
                how,
            })
        });
        let mut notes = Vec::new();
        if !runs.is_empty() && runs.iter().all(|t| t.met) && broken.is_none() {
            notes.push("Even three times the load does not break it.".to_owned());
        }
        let scheduled = |s: &scenarios::Scaling| matches!(s.policy, scenarios::Policy::Schedule(_));
        if self.whole.scaling.values().any(scheduled) {
            notes.push("A schedule is planned as replicas that always stand: set its entries by the numbers at the peak.".to_owned());
        }
        Plan {
            met: !runs.is_empty() && runs.iter().all(|t| t.met),
            runs: runs.iter().map(confirmed).collect(),
            services: self.whole.services.keys().map(service).collect(),
            breaks,
            cost: pasted::cost(&self.whole, (min, max), runs),
            notes,
            ..self.frame()
        }
    }

    fn service(
        &self,
        name: &String,
        peak: &Sizes,
        (min, max): (&Sizes, &Sizes),
        run: Option<&Analysis>,
    ) -> ServicePlan {
        let of = |sizes: &Sizes| sizes.get(name).copied().unwrap_or(0);
        let seen = run.and_then(|run| run.service(name));
        let peak_rps = self.demand.peak_rps(name, self.span);
        let knee_rps = seen.and_then(|s| s.safe.rps());
        let scaling = self.whole.scaling.get(name);
        let service = self.whole.services.get(name);
        let start = service.map_or(0, |s| s.replicas.get());
        ServicePlan {
            service: name.clone(),
            scales: true,
            today: scaling.map_or((start, start), |s| (s.min.get(), s.max.get())),
            min: of(min),
            max: of(max).max(of(min)),
            peak: of(peak),
            peak_rps,
            knee_rps,
            headroom: (of(peak) > 0)
                .then(|| f64::from(of(max).max(of(min))) / f64::from(of(peak)) - 1.0),
            cpu: service.map_or(0.0, |s| s.cpu.milli() as f64 / 1000.0),
            ..pasted::policy(&self.whole, scaling)
        }
    }

    /// No capacity does.
    fn none(&self) -> Plan {
        let missed = "Even with four times the maximum of every service too many pages miss: the services' own times are too long for the SLO, or the gateway's limits (`bulkhead`, `breaker`, `time_limit`) are in the way. `rushhour simulate` shows which.";
        Plan {
            met: false,
            notes: vec![missed.to_owned()],
            ..self.frame()
        }
    }

    /// What every plan has.
    fn frame(&self) -> Plan {
        let slo = self.whole.slo;
        let command = variants::again(
            &["plan", &self.args.scenario],
            (1.0, &self.args.sets),
            &Variant::as_written(),
            self.whole.seed,
        );
        let mut command = format!("{command} --seeds {}", self.args.seeds);
        if self.args.reserve != 25 {
            command += &format!(" --reserve {}", self.args.reserve);
        }
        Plan {
            schema_version: SCHEMA_VERSION,
            scenario: self.whole.name.clone(),
            about: self.whole.about.clone(),
            command,
            met: false,
            interrupted: false,
            notes: Vec::new(),
            slo: format!(
                "{} of the pages within {}",
                words::percent(slo.share.get()),
                words::ms(slo.within.as_secs_f64() * 1e3)
            ),
            from_s: self.span.0.as_secs_f64(),
            to_s: self.span.1.as_secs_f64(),
            tried: self.trials.tried,
            runs: Vec::new(),
            services: Vec::new(),
            breaks: None,
            cost: Cost::default(),
        }
    }
}

fn confirmed(tried: &Tried) -> Confirmed {
    Confirmed {
        seed: tried.seed,
        missed: tried.run.total.missed,
        p99_ms: tried.run.total.p99_ms,
        met: tried.met,
    }
}

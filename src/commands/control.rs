//! `rushhour control`: the engine on anything that scales.

mod memory;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use metrics::{Replicas, Timestamp};
use reports::journal::{Journal, JournalError};
use reports::record::{End, Ending, Event, Header, World};
use scaler::{
    Live, Mode, Observation, Plant, PolicySpec, Rota, StepRecord, Trust, Verdict, Version, Wants,
    Workload, WriteOutcome, step_all,
};
use scenarios::Engine;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::args::ControlArgs;
use crate::exit::{Exit, Failure};
use crate::external::{Asked, Source};
use crate::stop::{self, Stop};
use crate::wiring::{self, BoxedPolicy};
use crate::{Done, folder, output, scenario_file};
use memory::Memory;

/// A policy is kept from going down on readings older than so many periods, but not on ones younger than the guard's own
/// default.
const STALE_PERIODS: u32 = 3;
/// A step that begins by so much later than it was due is of the instant at which it begins.
const LATE: Duration = Duration::from_secs(1);

pub(crate) fn run(args: &ControlArgs) -> Done {
    let started = wiring::wall_clock();
    let mut engine = scenario_file::engine(&args.file)?;
    if !engine.is_dated {
        engine.scenario.starts = started;
    }
    let memory = args.state.as_deref().map(Memory::at);
    let header = header(&engine, memory.as_ref(), started)?;
    let mut policies = wiring::built(&specs(&engine)).map_err(Failure::usage)?;
    for (name, policy) in &mut policies {
        if let Some(state) = &header.policies[name].state {
            policy.restore(state).map_err(|why| refused(name, &why))?;
        }
    }
    let out = folder::create(args.out.as_deref(), &engine.scenario.name, started)?;
    let mut record = Recording::begin(&out, header, started)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(async {
        let stop = stop::listen()?;
        let mut driving = Driving {
            args,
            plants: plants(&engine),
            policies,
            memory,
            begin: (started, Instant::now()),
        };
        driving.run(stop, &mut record).await
    })?;
    record.end(ended, &out)?;
    Ok(ended.stop.exit().unwrap_or(Exit::Passed))
}

fn refused(name: &str, why: &str) -> Failure {
    Failure::usage(anyhow::anyhow!(
        "{name}: {why}\n  = to begin anew, name another folder with --state"
    ))
}

/// The policies, each with its guard.
fn specs(engine: &Engine) -> BTreeMap<String, PolicySpec> {
    let scenario = &engine.scenario;
    let trust = Trust {
        max_age: Trust::default()
            .max_age
            .max(scenario.control.period * STALE_PERIODS),
        ..Trust::default()
    };
    let guarded = |(name, spec): (String, PolicySpec)| {
        let is_guarded = engine.workloads.get(&name).is_some_and(|w| w.is_guarded);
        // Those that look at nothing have nothing to doubt, and our own doubt for themselves.
        let doubts = !matches!(
            spec,
            PolicySpec::Static { .. }
                | PolicySpec::Schedule { .. }
                | PolicySpec::Reactive(_)
                | PolicySpec::Foresight(_)
        );
        let spec = if is_guarded && doubts {
            PolicySpec::Guarded {
                inner: Box::new(spec),
                trust,
            }
        } else {
            spec
        };
        (name, spec)
    };
    let specs = wiring::specs(scenario, scenario.starts);
    specs.into_iter().map(guarded).collect()
}

fn header(engine: &Engine, memory: Option<&Memory>, started: Timestamp) -> Result<Header, Failure> {
    let scenario = &engine.scenario;
    let mut header = wiring::header(scenario, World::External, wiring::command(), started);
    header.policies = wiring::recorded(specs(engine));
    if let Some(memory) = memory {
        for (name, policy) in &mut header.policies {
            policy.state = memory.read(name)?;
        }
    }
    Ok(header)
}

fn plants(engine: &Engine) -> BTreeMap<String, Live<Source, Asked>> {
    let plant = |(name, driven): (&String, &scenarios::Driven)| {
        let asked = |remote: &scenarios::Remote| Asked::new(name, remote.clone());
        let source = Source(driven.source.as_ref().map(asked));
        (name.clone(), Live::new(source, asked(&driven.target)))
    };
    engine.workloads.iter().map(plant).collect()
}

/// How it ended.
#[derive(Clone, Copy)]
struct Ended {
    at: Timestamp,
    stop: Stop,
}

/// The engine at work.
struct Driving<'a> {
    args: &'a ControlArgs,
    plants: BTreeMap<String, Live<Source, Asked>>,
    policies: BTreeMap<String, BoxedPolicy>,
    memory: Option<Memory>,
    begin: (Timestamp, Instant),
}

impl Driving<'_> {
    /// Steps whenever a policy is due, each at its own period, until the last step or until somebody asks to stop: then
    /// the step that is under way is finished. A turn that was missed is not made up for.
    async fn run(
        &mut self,
        mut stop: watch::Receiver<Stop>,
        record: &mut Recording,
    ) -> Result<Ended, Failure> {
        let (started, begin) = self.begin;
        let periods = self.policies.iter();
        let mut rota = Rota::at_once(started, periods.map(|(n, p)| (n.clone(), p.wants().period)));
        let mut count = 0;
        while let Some(due) = rota.next()
            && *stop.borrow() == Stop::No
            && self.args.steps.is_none_or(|steps| count < steps)
        {
            tokio::select! {
                () = tokio::time::sleep_until((begin + due.since(started)).into()) => {}
                _ = stop.changed() => continue,
            }
            let clock = started + begin.elapsed();
            let now = if clock.since(due) < LATE { due } else { clock };
            let names: Vec<String> = rota.due(due).map(str::to_owned).collect();
            let stepped = tokio::select! {
                stepped = self.step(now, &names) => stepped,
                () = at_once(&mut stop) => break,
            };
            let clock = started + begin.elapsed();
            for name in &names {
                let record = stepped.iter().find(|(stepped, _)| stepped == name);
                let next = record.map_or(now, |(_, record)| record.decision.next);
                rota.decided(name, now, next, clock);
            }
            for (workload, step) in stepped {
                tell(&workload, &step);
                record.take_step(workload, now, step);
            }
            record.flush();
            self.remember(&names)?;
            count += 1;
        }
        Ok(Ended {
            at: started + begin.elapsed(),
            stop: *stop.borrow(),
        })
    }

    /// One step of all that are due: everybody is asked at once, so that a slow one delays no other's readings, and what is
    /// decided is written in the order of names.
    async fn step(&mut self, now: Timestamp, names: &[String]) -> Vec<(String, StepRecord)> {
        let mut looking = JoinSet::new();
        let due = names.iter().filter_map(|n| self.plants.remove_entry(n));
        for (name, plant) in due.collect::<Vec<_>>() {
            let wants = self.policies[&name].wants().clone();
            looking.spawn(async move {
                let mut looked = Looked { plant, seen: None };
                looked.seen = Some(looked.plant.observe(now, &wants).await);
                (name, looked)
            });
        }
        let mut looked: BTreeMap<String, Looked> = BTreeMap::new();
        while let Some(seen) = looking.join_next().await {
            looked.extend(seen.ok());
        }
        let mut due = Vec::new();
        let mut plants: BTreeMap<&String, &mut Looked> = looked.iter_mut().collect();
        for (name, policy) in &mut self.policies {
            if let Some(plant) = plants.remove(name) {
                due.push(Workload {
                    name,
                    plant,
                    policy: policy.as_mut(),
                });
            }
        }
        let mode = if self.args.dry_run {
            Mode::DryRun
        } else {
            Mode::Active
        };
        let records = step_all(now, due, mode).await;
        self.plants
            .extend(looked.into_iter().map(|(name, l)| (name, l.plant)));
        records
    }

    /// What the policies that decided must not forget, on disk.
    fn remember(&self, names: &[String]) -> Result<(), Failure> {
        let Some(memory) = &self.memory else {
            return Ok(());
        };
        for name in names {
            if let Some(policy) = self.policies.get(name) {
                memory.write(name, &policy.save())?;
            }
        }
        Ok(())
    }
}

/// Returns when somebody asks a second time.
async fn at_once(stop: &mut watch::Receiver<Stop>) {
    if stop
        .wait_for(|stop| matches!(stop, Stop::Now(_)))
        .await
        .is_err()
    {
        // Nobody listens any more: nobody can ask.
        std::future::pending::<()>().await;
    }
}

/// A plant that was looked at already.
struct Looked {
    plant: Live<Source, Asked>,
    seen: Option<Observation>,
}

impl Plant for Looked {
    async fn observe(&mut self, now: Timestamp, wants: &Wants) -> Observation {
        match self.seen.take() {
            Some(seen) => seen,
            None => self.plant.observe(now, wants).await,
        }
    }

    async fn scale_to(
        &mut self,
        now: Timestamp,
        replicas: Replicas,
        seen: Version,
    ) -> WriteOutcome {
        self.plant.scale_to(now, replicas, seen).await
    }
}

/// A line for what changed, and for what went wrong.
fn tell(workload: &str, step: &StepRecord) {
    let reason = &step.decision.reason;
    let from = step.observation.scale.value().map(|scale| scale.spec);
    let what = match (&step.outcome, step.decision.verdict, from) {
        (WriteOutcome::Written, Verdict::Scale(to), Some(from)) => format!("{from} → {to}"),
        (WriteOutcome::DryRun, Verdict::Scale(to), Some(from)) => {
            format!("{from} → {to}, were it no dry run")
        }
        (WriteOutcome::Failed(why), _, _) => format!("not written: {why}"),
        (WriteOutcome::Lost, _, _) => "not written: someone else had written meanwhile".into(),
        (_, Verdict::Hold, _) if reason.because != "not_due" => "held".into(),
        _ => return,
    };
    let clips: String = reason
        .clips
        .iter()
        .map(|clip| format!(", {} {} → {}", clip.by, clip.from, clip.to))
        .collect();
    output::progress(&format!(
        "{workload}: {what} ({}{clips})",
        reason.sentence()
    ));
}

/// The record, as far as it can be written.
struct Recording {
    journal: Journal,
    failed: bool,
}

impl Recording {
    fn begin(out: &Path, header: Header, started: Timestamp) -> Result<Self, Failure> {
        let mut record = Self {
            journal: Journal::create(out).map_err(Failure::at_start)?,
            failed: false,
        };
        record.take(&Event::Header(Box::new(header)));
        record.take(&Event::Host(wiring::host(started)));
        record.flush();
        Ok(record)
    }

    fn take_step(&mut self, workload: String, at: Timestamp, step: StepRecord) {
        for event in wiring::step(workload, at, step) {
            self.take(&event);
        }
    }

    fn take(&mut self, event: &Event) {
        let result = self.journal.append(event);
        self.note(result);
    }

    fn flush(&mut self) {
        let result = self.journal.flush();
        self.note(result);
    }

    /// The first failure is said at once; the engine goes on.
    fn note(&mut self, result: Result<(), JournalError>) {
        if let Err(error) = result
            && !std::mem::replace(&mut self.failed, true)
        {
            output::progress(&format!(
                "warning: {error}; the engine goes on, the record may be incomplete"
            ));
        }
    }

    fn end(mut self, ended: Ended, out: &Path) -> Result<(), Failure> {
        let how = match ended.stop {
            Stop::No => Ending::Completed,
            Stop::Drain(_) | Stop::Now(_) => Ending::Interrupted,
        };
        self.take(&Event::End(End { at: ended.at, how }));
        self.journal
            .finish()
            .map_err(|e| Failure::new(Exit::Internal, e))?;
        let out = reports::words::terminal(&out.display().to_string());
        output::print(&format!(
            "record   {out}\nnext     rushhour explain {out}\n"
        ))?;
        Ok(())
    }
}

//! `rushhour decide`: observations in, decisions out, and no world.

mod lines;
mod state;

use std::fs::File;
use std::io::{self, BufRead, BufReader};

use anyhow::Context as _;
use scaler::PolicySpec;

use crate::args::DecideArgs;
use crate::exit::{Exit, Failure};
use crate::policies::Workload;
use crate::wiring::BoxedPolicy;
use crate::{Done, output, scenario_file};
pub(crate) use lines::Answer;
use lines::{Deciding, Line};
use state::StateFile;

pub(crate) fn run(args: &DecideArgs) -> Done {
    let policy = spec(args)?.build().map_err(Failure::usage)?;
    match &args.observations {
        Some(path) if path.as_os_str() != "-" => {
            let file = File::open(path)
                .with_context(|| format!("cannot read the observations {}", path.display()))
                .map_err(Failure::usage)?;
            decide(
                args,
                policy,
                &path.display().to_string(),
                BufReader::new(file),
            )
        }
        _ => decide(args, policy, "stdin", BufReader::new(io::stdin().lock())),
    }
}

/// The policy that was asked for.
fn spec(args: &DecideArgs) -> Result<PolicySpec, Failure> {
    let Some(name) = &args.scenario else {
        let Some(policy) = &args.policy else {
            let text = "which policy? name it with --policy, or a scenario's service with --scenario and --service";
            return Err(Failure::usage(anyhow::anyhow!(text)));
        };
        return Workload::unknown()?.policy(policy);
    };
    let checked = scenario_file::read(name, &args.sets)?;
    output::remarks(&checked.warnings);
    let scenario = checked.scenario;
    let scaled: Vec<String> = scenario.scaling.keys().cloned().collect();
    let service = match (&args.service, scaled.as_slice()) {
        (Some(service), _) if scenario.services.contains_key(service) => service.clone(),
        (None, [only]) => only.clone(),
        (given, _) => {
            let what = match given {
                Some(service) => format!("{name} has no service `{service}`"),
                None => format!("{name} has several services that scale: name one with --service"),
            };
            let text = format!("{what}\n  = those that scale: {}", scaled.join(", "));
            return Err(Failure::usage(anyhow::anyhow!("{text}")));
        }
    };
    let workload = Workload::of(scenario, &service);
    match &args.policy {
        Some(policy) => workload.policy(policy),
        None => workload.own().ok_or_else(|| {
            let text = format!(
                "`{service}` of {name} does not scale\n  = those that do: {}",
                scaled.join(", ")
            );
            Failure::usage(anyhow::anyhow!("{text}"))
        }),
    }
}

/// An answer for each line, before the next is waited for: so it can be talked to.
fn decide(args: &DecideArgs, policy: BoxedPolicy, name: &str, mut from: impl Buffered) -> Done {
    let file = args.state.as_deref().map(StateFile::at);
    let mut deciding = Deciding::new(policy, file.is_some());
    if let Some(saved) = file.as_ref().map(StateFile::read).transpose()?.flatten() {
        deciding.restore(saved).map_err(Failure::usage)?;
    }
    let (mut number, mut refused) = (0_u64, 0_u64);
    loop {
        let line = lines::next(&mut from).with_context(|| format!("reading {name}"))?;
        let Some(line) = line else { break };
        number += 1;
        let answer = match line {
            Line::Blank => continue,
            Line::Whole(text) => deciding.take(&text, number),
            Line::TooLong => Err(format!("longer than {} MiB", lines::LONGEST >> 20)),
        };
        let answer = answer.unwrap_or_else(|error| {
            refused += 1;
            output::error(&anyhow::anyhow!("{name}:{number}: {error}"));
            Answer::Refused {
                line: number,
                error,
            }
        });
        // What is kept is never behind what was answered, once the next line is waited for.
        if let (Some(file), true) = (&file, from.is_drained()) {
            file.write(&deciding.saved())?;
        }
        output::print(&(serde_json::to_string(&answer)? + "\n"))?;
    }
    if let Some(file) = &file {
        file.write(&deciding.saved())?;
    }
    if refused == 0 {
        return Ok(Exit::Passed);
    }
    output::progress(&format!(
        "{refused} of {number} lines were refused; `rushhour schema observation` says what a line is"
    ));
    Ok(Exit::Usage)
}

/// Lines that come bit by bit.
trait Buffered: BufRead {
    /// Whether the next line is not here yet.
    fn is_drained(&self) -> bool;
}

impl<R: io::Read> Buffered for BufReader<R> {
    fn is_drained(&self) -> bool {
        self.buffer().is_empty()
    }
}

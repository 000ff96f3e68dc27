//! `rushhour explain`: why there were so many replicas.

mod instant;

use std::fmt::Write as _;

use reports::explain::{self, Answers, When, Which};
use reports::record::Record;
use reports::{replay, words};
use scaler::Shown;

use crate::args::{ExplainArgs, ExplainFormat, Table};
use crate::exit::{Exit, Failure};
use crate::policies::Workload;
use crate::{Done, output};

/// The widest that the text gets.
const WIDTH: usize = 100;
/// How many decisions people are told of at once, if they do not say.
const MOST: usize = 50;

pub(crate) fn run(args: &ExplainArgs) -> Done {
    let record = super::report::read(&args.run)?;
    let which = which(args, &record)?;
    if args.replay {
        return replayed(args, &record);
    }
    if let Some(policy) = &args.policy {
        return instead(policy, args, &record);
    }
    let text = match args.format {
        ExplainFormat::Observations => observations(&record, &which)?,
        ExplainFormat::Human => {
            let explained = explain::explain(&record, &which);
            explain::text(&explained, WIDTH, output::stdout_style())
        }
        ExplainFormat::Markdown => explain::markdown(&explain::explain(&record, &which)),
        ExplainFormat::Json => serde_json::to_string(&explain::explain(&record, &which))? + "\n",
    };
    output::print(&text)?;
    Ok(Exit::Passed)
}

fn which(args: &ExplainArgs, record: &Record) -> Result<Which, Failure> {
    let header = &record.header;
    if let Some(service) = &args.service
        && !header.policies.contains_key(service)
        && !record.decisions.iter().any(|d| d.workload == *service)
    {
        let known: Vec<&str> = header.policies.keys().map(String::as_str).collect();
        return Err(Failure::usage(anyhow::anyhow!(
            "nothing was decided for `{service}` in this run\n  = decisions are of: {}",
            known.join(", ")
        )));
    }
    let length = record.scenario_s(record.last);
    let instant = |text: &String| instant::read(text, header, length);
    let when = match (&args.at, &args.from, &args.to) {
        (Some(at), _, _) => When::At(instant(at)?),
        (None, None, None) => When::Changes,
        (None, from, to) => When::Between(
            from.as_ref()
                .map(instant)
                .transpose()?
                .unwrap_or(header.start),
            to.as_ref().map(instant).transpose()?.unwrap_or(record.last),
        ),
    };
    Ok(Which {
        workload: args.service.clone(),
        when,
        most: args.most.or(match args.format {
            ExplainFormat::Human | ExplainFormat::Markdown => Some(MOST),
            ExplainFormat::Json | ExplainFormat::Observations => None,
        }),
    })
}

/// The record's own policies, asked again.
fn replayed(args: &ExplainArgs, record: &Record) -> Done {
    let all = replay::replay(record).map_err(Failure::usage)?;
    let mine = |workload: &str| args.service.as_deref().is_none_or(|only| only == workload);
    let replays: Vec<_> = all.into_iter().filter(|r| mine(&r.workload)).collect();
    let text = match table(args.format)? {
        Table::Human => explain::replay_text(&replays),
        Table::Json => serde_json::to_string(&replays)? + "\n",
        Table::Markdown => explain::replay_markdown(&replays),
    };
    output::print(&text)?;
    let differs = replays.iter().any(|replayed| replayed.difference.is_some());
    Ok(if differs { Exit::Failed } else { Exit::Passed })
}

/// Another policy, shown the same.
fn instead(policy: &str, args: &ExplainArgs, record: &Record) -> Done {
    let mine = |name: &&String| args.service.as_ref().is_none_or(|only| only == *name);
    let workloads = record.header.policies.keys().filter(mine);
    let answers = workloads.map(|name| {
        let spec = Workload::recorded(&record.header, name)?.policy(policy)?;
        let answers = replay::open_loop(record, name, &spec).map_err(Failure::usage)?;
        Ok(Answers {
            workload: name.clone(),
            policy: policy.to_owned(),
            answers,
        })
    });
    let answers: Vec<Answers> = answers.collect::<Result<_, Failure>>()?;
    if answers.is_empty() {
        return Err(Failure::usage(replay::ReplayError::NoPolicies));
    }
    let text = match table(args.format)? {
        Table::Human => explain::open_loop_text(&answers),
        Table::Json => serde_json::to_string(&answers)? + "\n",
        Table::Markdown => explain::open_loop_markdown(&answers),
    };
    output::print(&text)?;
    Ok(Exit::Passed)
}

fn table(format: ExplainFormat) -> Result<Table, Failure> {
    match format {
        ExplainFormat::Human => Ok(Table::Human),
        ExplainFormat::Json => Ok(Table::Json),
        ExplainFormat::Markdown => Ok(Table::Markdown),
        ExplainFormat::Observations => {
            let text = "observations are what is shown, not what is decided: leave out --replay and --policy";
            Err(Failure::usage(anyhow::anyhow!(text)))
        }
    }
}

/// What the policy of one workload was shown, as `decide` reads it.
fn observations(record: &Record, which: &Which) -> Result<String, Failure> {
    let mut names = record.header.policies.keys();
    let ((Some(workload), _, _) | (None, Some(workload), None)) =
        (&which.workload, names.next(), names.next())
    else {
        let text = "observations are of one service: name it with --service";
        return Err(Failure::usage(anyhow::anyhow!(text)));
    };
    let mut text = String::new();
    let (from, to) = match which.when {
        When::Changes => (record.header.start, record.last),
        When::Between(from, to) => (from, to),
        When::At(at) => (at, at),
    };
    let (mut before, mut count) = (None, 0);
    for step in replay::steps(record).filter(|step| step.workload == *workload) {
        let mut shown = Shown::of(&step.observation);
        shown.outcome = before;
        before = step.settled.map(|settled| settled.outcome.clone());
        let is_wanted = which.most.is_none_or(|most| count < most);
        if (from..=to).contains(&step.observation.at) && is_wanted {
            count += 1;
            writeln!(text, "{}", serde_json::to_string(&shown)?)?;
        }
    }
    if text.is_empty() {
        output::progress(&format!(
            "nothing was shown to the policy of {} then",
            words::terminal(workload)
        ));
    }
    Ok(text)
}

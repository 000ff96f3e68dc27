//! Rates and servers that change: an ensemble of short runs, each begun with nobody inside.

use std::sync::Arc;

use scenarios::Scenario;

use super::super::case::{Case, Fault, Model};
use super::super::draft::{Draft, nanos, run};
use super::super::effort::Effort;
use super::super::estimate::Estimate;
use super::super::glance::Glance;
use super::super::work::{Work, time};
use super::Seen;

/// A value that changes at instants.
struct Changing {
    values: Vec<f64>,
    /// When the second and the following values begin.
    times: Vec<f64>,
}

impl Changing {
    fn read(part: &Model<'_>) -> Result<Self, Fault> {
        let changing = Self {
            values: part.numbers("values")?,
            times: part.numbers("change_times")?,
        };
        let ordered = changing.times.windows(2).all(|pair| pair[0] < pair[1]);
        if !ordered || !changing.times.iter().all(|at| *at > 0.0 && *at < MOST) {
            return Err(format!(
                "change times {:?} are not in order",
                changing.times
            ));
        }
        if changing.values.len() != changing.times.len() + 1 {
            return Err("one value more than change times is due".to_owned());
        }
        Ok(changing)
    }

    fn at(&self, t: f64) -> f64 {
        self.values[self.times.partition_point(|time| *time <= t)]
    }

    /// The changes, each with its instant.
    fn changes(&self) -> impl Iterator<Item = (f64, f64)> {
        self.times
            .iter()
            .copied()
            .zip(self.values[1..].iter().copied())
    }
}

/// How many seconds of the scenario stand for one of the model: control periods are never shorter than 200 ms, and the
/// model is the same in any unit of time.
const UNIT: f64 = 1000.0;
/// No instant is later, in seconds of the model.
const MOST: f64 = 1e5;

struct Transient {
    rate: String,
    servers: Changing,
    work: Work,
}

impl Transient {
    fn read(model: &Model<'_>) -> Result<Self, Fault> {
        model.only("arrivals", &["nonhomogeneous poisson"])?;
        model.only("discipline", &["fifo"])?;
        model.only("start", &["empty"])?;
        model.only(
            "measure",
            &["ensemble average over independent replications"],
        )?;
        model.remark("truncation");
        model.remark("edge_mass");
        let schedule = model.part("servers_schedule")?;
        let transient = Self {
            rate: match model.get("rate") {
                // Said as in the family of waves: its parts stand beside it.
                Some(said) if said.is_string() => {
                    model.only("rate", &[super::wave::SINE])?;
                    sine(model)?
                }
                _ => {
                    let part = model.part("rate")?;
                    let rate = rate(&part)?;
                    part.finish()?;
                    rate
                }
            },
            servers: Changing::read(&schedule)?,
            work: Work::read_scaled(&model.part("service")?, UNIT)?,
        };
        schedule.finish()?;
        model.finish()?;
        Ok(transient)
    }

    /// One server is one replica with one slot; all take from one queue, at the gateway. A server that goes in the middle
    /// of its work leaves the request to the others: it is asked for again at once, which for exponential work is the
    /// same as to go on.
    fn draft(&self, seconds: f64) -> Draft {
        let servers = &self.servers;
        let first = servers.values[0];
        let mut draft = Draft::poisson(seconds, &self.rate).station(
            &format!("replicas: {first}, slots: 1, queue: unlimited, waiting: gateway, drain: 0s"),
            &self.work,
            ", on_failure: {retry: unlimited, after: 0s}",
        );
        if servers.times.is_empty() {
            return draft;
        }
        let least = servers.values.iter().copied().fold(first, f64::min);
        let most = servers.values.iter().copied().fold(first, f64::max);
        let entry =
            |(at, count): (f64, f64)| format!("{{at: {}, replicas: {count}}}", time(at * UNIT));
        let entries: Vec<String> = servers.changes().map(entry).collect();
        draft.scaling.push(format!(
            "station: {{policy: schedule, min: {least}, max: {most}, schedule: [{}]}}",
            entries.join(", ")
        ));
        draft.period = period(&servers.times) * UNIT;
        draft
    }
}

/// The longest time of which all these are multiples, to the millionth; decisions then fall on them.
fn period(times: &[f64]) -> f64 {
    fn common(a: u64, b: u64) -> u64 {
        if b == 0 { a } else { common(b, a % b) }
    }
    let parts = times.iter().map(|time| (time * 1e6).round() as u64);
    parts.fold(0, common) as f64 / 1e6
}

fn rate(part: &Model<'_>) -> Result<String, Fault> {
    part.remark("formula");
    let kind = match part.get("kind") {
        Some(_) => part.text("kind")?,
        None => "constant",
    };
    if part.get("values").is_some() && part.get("change_times").is_some() {
        let changing = Changing::read(part)?;
        let mut steps = vec![format!("{{at: 0s, rate: {}/s}}", changing.values[0] / UNIT)];
        let step = |(at, rate): (f64, f64)| {
            format!("{{at: {}, rate: {}/s}}", time(at * UNIT), rate / UNIT)
        };
        steps.extend(changing.changes().map(step));
        return Ok(format!("[steps: [{}]]", steps.join(", ")));
    }
    if !kind.starts_with("sin") {
        return Err(format!("no way to say a rate of kind `{kind}`"));
    }
    sine(part)
}

/// A wave from its mean upwards.
fn sine(part: &Model<'_>) -> Result<String, Fault> {
    let mean = part.number_of(&["lambda0", "mean", "base", "lambda_"])?;
    let mean = mean.filter(|mean| *mean > 0.0);
    let mean = mean.ok_or("a wave without its mean")?;
    let amplitude = part.number_of(&["beta", "rel_amplitude", "amplitude"])?;
    let amplitude = amplitude.ok_or("a wave without its amplitude")?;
    // Above 1 it can only be meant as a rate itself.
    let amplitude = if amplitude > 1.0 {
        amplitude / mean
    } else {
        amplitude
    };
    if let Some(phase) = part.maybe_number("phase")?
        && phase != 0.0
    {
        return Err(format!("no way to say a wave with a phase of {phase}"));
    }
    let period = part.positive("period")?;
    Ok(format!(
        "[sine: {{mean: {}/s, amplitude: {amplitude}, period: {}}}]",
        mean / UNIT,
        time(period * UNIT)
    ))
}

/// What a quantity asks at an instant, of the number in the system and the servers.
type Asks = fn(f64, f64) -> f64;

fn asks(name: &str) -> Option<(Asks, f64)> {
    let all: [(&str, Asks); 5] = [
        ("mean_n_at_", |number, _| number),
        ("p_wait_at_", |number, servers| {
            f64::from(u8::from(number >= servers))
        }),
        ("p_empty_at_", |number, _| {
            f64::from(u8::from(number == 0.0))
        }),
        ("mean_queue_at_", |number, servers| {
            (number - servers).max(0.0)
        }),
        ("mean_busy_at_", f64::min),
    ];
    all.into_iter().find_map(|(prefix, asks)| {
        let at: f64 = name.strip_prefix(prefix)?.parse().ok()?;
        (0.0..MOST).contains(&at).then_some((asks, at))
    })
}

pub(crate) fn study(case: &Case, effort: &Effort) -> Result<Seen, Fault> {
    let transient = Transient::read(&case.model())?;
    let full = case.replications();
    let full = full.ok_or("no tolerance says for how many replications it is")?;
    let runs = (full * effort.share).ceil();
    let mut instants: Vec<f64> = case
        .expect
        .keys()
        .filter_map(|name| Some(asks(name)?.1))
        .collect();
    instants.sort_by(f64::total_cmp);
    instants.dedup();
    let last = instants.last().copied().unwrap_or(0.0);
    let draft = transient.draft((last * UNIT).max(1.0) + 1.0);
    let scenario = draft.check(effort.seed)?;
    let due: Vec<u64> = instants.iter().map(|at| nanos(at * UNIT)).collect();
    let mut numbers: Vec<Vec<f64>> = vec![Vec::new(); instants.len()];
    for n in 0..runs as u64 {
        let scenario = Arc::new(Scenario {
            seed: effort.seed.wrapping_mul(1_000_000_007).wrapping_add(n),
            ..(*scenario).clone()
        });
        let mut glance = run(&scenario, Glance::new(&due), &mut |_| ())?;
        glance.advance(u64::MAX);
        for (all, number) in numbers.iter_mut().zip(&glance.noted) {
            all.push(f64::from(*number));
        }
    }
    let mut seen = Seen::new(runs, full);
    for name in case.expect.keys() {
        let Some((asks, at)) = asks(name) else {
            continue;
        };
        let place = instants.partition_point(|instant| *instant < at);
        let servers = transient.servers.at(at);
        let all = numbers[place].iter();
        let values: Vec<f64> = all.map(|number| asks(*number, servers)).collect();
        seen.note(name, Some(Estimate::of_values(&values)));
    }
    Ok(seen)
}

//! Infinitely many servers under a rate that goes up and down.

use std::f64::consts::TAU;

use super::super::case::{Case, Fault};
use super::super::draft::{Draft, nanos, run};
use super::super::effort::Effort;
use super::super::estimate::Estimate;
use super::super::station::{Questions, Spans, Station};
use super::super::tally::{Quantity, Tally};
use super::super::watch::Watch;
use super::super::work::Work;
use super::Seen;

pub(crate) const SINE: &str = "lambda0*(1+beta*sin(2*pi*t/period))";
const MEASURE: &str = "N(t) is Poisson(m(t)); periodic steady state, average over many cycles";
/// The most batches. Each is whole cycles.
const BATCHES: usize = 30;

pub(crate) fn study(case: &Case, effort: &Effort) -> Result<Seen, Fault> {
    let model = case.model();
    model.only("arrivals", &["nonhomogeneous poisson"])?;
    model.only("rate", &[SINE])?;
    model.only("measure", &[MEASURE])?;
    model.only("discipline", &["infinite"])?;
    let (lambda, beta) = (model.positive("lambda0")?, model.number("beta")?);
    let period = model.positive("period")?;
    let work = Work::read(&model.part("service")?)?;
    model.finish()?;
    let (requests, full) = effort.requests(case);
    let cycles = (requests / lambda / period).ceil().max(20.0);
    let batches = BATCHES.min(cycles as usize);
    let per_batch = (cycles / batches as f64).ceil();
    let spans = Spans {
        // Long enough that whoever stays longer does not count, even of a service time with a heavy tail.
        warm: nanos((30.0 * work.mean / period).ceil() * period),
        batch: nanos(per_batch * period),
        batches,
    };
    let mut instants: Vec<(u64, &String)> = Vec::new();
    for name in case.expect.keys() {
        if let Some(phase) = phase(name) {
            let cycle = |cycle: u64| spans.warm + nanos((cycle as f64 + phase) * period);
            let all = (0..(per_batch as u64 * batches as u64)).map(cycle);
            instants.extend(all.map(|at| (at, name)));
        }
    }
    instants.sort_unstable();
    let questions = Questions {
        cores: f64::INFINITY,
        period: nanos(period),
        instants: instants.iter().map(|(at, _)| *at).collect(),
        ..Questions::default()
    };
    let rate = format!("[sine: {{mean: {lambda}/s, amplitude: {beta}, period: {period}s}}]");
    let draft = Draft::poisson(spans.end() as f64 / 1e9, &rate).station(
        "slots: unlimited, queue: unlimited",
        &work,
        "",
    );
    let watch = Watch::new(spans, [questions], 0);
    let mut watch = run(&draft.check(effort.seed)?, watch, &mut |_| ())?;
    watch.finish(spans.end());
    let station = &watch.stations[0];
    let mut seen = Seen::new(cycles * period * lambda, full);
    for name in case.expect.keys() {
        let found = if phase(name).is_some() {
            Some(at_phase(station, &instants, name))
        } else {
            of_wave(name, period).map(|quantity| station.estimate(quantity))
        };
        seen.note(name, found);
    }
    Ok(seen)
}

/// `m_at_3_8`: the phase, as a share of the period.
fn phase(name: &str) -> Option<f64> {
    let (part, of) = name.strip_prefix("m_at_")?.split_once('_')?;
    Some(part.parse::<f64>().ok()? / of.parse::<f64>().ok()?)
}

/// The mean over the cycles of the number in the system at one phase.
fn at_phase(station: &Station, instants: &[(u64, &String)], name: &str) -> Estimate {
    let noted = instants.iter().zip(&station.noted);
    let own = noted.filter(|((_, asked), _)| *asked == name);
    let values: Vec<f64> = own.map(|(_, number)| f64::from(*number)).collect();
    Estimate::of_values(&values)
}

/// A rate that is a sine wave makes a mean number that is one, too: from its first Fourier coefficients.
fn of_wave(name: &str, period: f64) -> Option<Quantity> {
    fn amplitude(t: &Tally) -> f64 {
        2.0 * libm::hypot(t.wave.0, t.wave.1) / t.time
    }
    fn mean(t: &Tally) -> f64 {
        t.in_system / t.time
    }
    let peak = move |t: &Tally| {
        let angle = libm::atan2(t.wave.1, t.wave.0);
        angle.rem_euclid(TAU) / TAU * period
    };
    Some(match name {
        "mean_over_cycle" => Box::new(mean),
        "amplitude" => Box::new(amplitude),
        "max_mean" => Box::new(|t| mean(t) + amplitude(t)),
        "min_mean" => Box::new(|t| mean(t) - amplitude(t)),
        "peak_time" => Box::new(peak),
        // The rate itself is highest after a quarter of the period.
        "peak_lag" => Box::new(move |t| (peak(t) - period / 4.0).rem_euclid(period)),
        _ => return None,
    })
}

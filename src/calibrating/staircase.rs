//! Step after step of load on the target.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use loadgen::{Emission, Load, LoadError, Stop as LoadStop, Target};
use metrics::{Histogram, Precision, Quantile, Timestamp, Window};
use scenarios::Scenario;
use simulator::calibration::{Measured, PageTimes, Second, Step};
use tokio::sync::{mpsc, watch};

use super::exposition::Source;
use super::template;
use crate::args::CalibrateArgs;
use crate::exit::{Exit, Failure};
use crate::session;
use crate::simulating::progress::Progress;
use crate::stop::Stop;

/// Of each step so many seconds at its beginning do not count: what waits is not yet what it will be.
const BEGINNING: usize = 2;
/// The foot's rate, as a share of the top's: there next to nothing waits.
const FOOT: f64 = 0.12;
/// Where the lowest step is, as a share of the top's rate.
const LOWEST: f64 = 0.3;
/// Pages that the foot should see, and the most steps' times that it may take for it.
const FOOT_PAGES: f64 = 1500.0;
const FOOT_STEPS: f64 = 3.0;
/// The most of a page's times that are kept.
const MOST_TIMES: u64 = 5000;
/// The search for the top: its first rate, the factor from one to the next, how long each lasts, and the highest.
const SEARCH: (f64, f64, Duration, f64) = (2.0, 1.6, Duration::from_secs(4), 20_000.0);
/// It is beyond the top when the median is so many times that at the beginning, or this share is lost.
const SLOWER: f64 = 4.0;
const LOST: f64 = 0.05;
/// Of the rate at which that was seen.
const TOP_OF_FOUND: f64 = 0.85;

/// One climb.
pub(crate) struct Staircase<'a> {
    pub(crate) args: &'a CalibrateArgs,
    pub(crate) scenario: Scenario,
    pub(crate) target: Target,
    pub(crate) cpu: Option<Source>,
    pub(crate) stop: watch::Receiver<Stop>,
    pub(crate) progress: Progress,
    /// Why the load cannot be believed, each once.
    pub(crate) objections: Vec<String>,
    runs: u32,
}

/// What one step was.
struct Climbed {
    windows: BTreeMap<Timestamp, Window>,
    cpu: Option<f64>,
}

impl<'a> Staircase<'a> {
    pub(crate) fn new(
        args: &'a CalibrateArgs,
        scenario: Scenario,
        target: Target,
        cpu: Option<Source>,
        stop: watch::Receiver<Stop>,
    ) -> Self {
        let steps = f64::from(args.steps) + FOOT_STEPS;
        let length = Duration::from_secs(args.step_time.into()).mul_f64(steps);
        Self {
            progress: Progress::new(&format!("calibrating {target}"), length),
            args,
            scenario,
            target,
            cpu,
            stop,
            objections: Vec::new(),
            runs: 0,
        }
    }

    /// Goes up, and says what was measured: fewer steps if someone asked to stop.
    pub(crate) async fn climb(&mut self) -> Result<Measured, Failure> {
        let top = match self.args.to {
            Some(top) => top,
            None => self.top().await?,
        };
        let step_time = Duration::from_secs(self.args.step_time.into());
        let foot = top * FOOT;
        let foot_time = Duration::from_secs_f64(FOOT_PAGES / foot);
        let foot_time = foot_time.clamp(step_time, step_time.mul_f64(FOOT_STEPS));
        let seen = self.step(foot, foot_time).await?;
        let mut measured = Measured {
            pages: pages(&self.scenario, &seen.windows),
            foot: offered(seen.windows.values()).unwrap_or(foot),
            skipped: Duration::from_secs(BEGINNING as u64),
            steps: Vec::new(),
        };
        for place in 0..self.args.steps {
            if self.is_stopped() {
                break;
            }
            let share = f64::from(place) / f64::from(self.args.steps - 1);
            let rate = top * (LOWEST + (1.0 - LOWEST) * share);
            let climbed = self.step(rate, step_time).await?;
            if !self.is_stopped() {
                measured.steps.push(step(rate, &climbed));
            }
        }
        Ok(measured)
    }

    fn is_stopped(&self) -> bool {
        *self.stop.borrow() != Stop::No
    }

    /// The highest rate that the target still carries, found by going up quickly.
    async fn top(&mut self) -> Result<f64, Failure> {
        let (mut rate, factor, lasts, highest) = SEARCH;
        let mut first: Option<f64> = None;
        while !self.is_stopped() && rate < highest {
            let climbed = self.step(rate, lasts).await?;
            let sum = sum(climbed.windows.values());
            let median = sum.latency.quantile(Quantile::P50).map(|d| d.as_secs_f64());
            let lost = sum.lost as f64 / (sum.lost + sum.served).max(1) as f64;
            match (first, median) {
                _ if lost > LOST => return Ok(rate * TOP_OF_FOUND / factor.sqrt()),
                (Some(first), Some(median)) if median > SLOWER * first => {
                    return Ok(rate * TOP_OF_FOUND);
                }
                (None, Some(median)) => first = Some(median),
                _ => {}
            }
            rate *= factor;
        }
        if self.is_stopped() {
            let text = "interrupted before the target's limit was found";
            return Err(Failure::new(Exit::Interrupted, anyhow::anyhow!(text)));
        }
        let text = format!(
            "the target shows no limit up to {highest} pages/s\n  = say how far to go: --to RATE"
        );
        Err(Failure::new(Exit::Inconclusive, anyhow::anyhow!(text)))
    }

    /// One step of load.
    async fn step(&mut self, rate: f64, lasts: Duration) -> Result<Climbed, Failure> {
        self.runs += 1;
        let mut scenario = template::at_rate(&self.scenario, rate, lasts);
        scenario.seed = self.scenario.seed.wrapping_add(self.runs.into());
        let mut plan = session::plan(
            &Arc::new(scenario),
            self.target.clone(),
            self.runs,
            self.args.pacing,
        );
        plan.owned.clone_from(&self.args.i_own_the_target);
        plan.collect.clear();
        let end = self.scenario.starts + lasts;
        let load = session::prepare(plan).await?;
        let before = self.read_cpu().await?;
        let begin = Instant::now() + session::LEAD;
        let mut windows = self.run(load, begin).await?;
        // What is told after the end is of the generator alone.
        windows.retain(|start, _| *start < end);
        let seconds = begin.elapsed().as_secs_f64();
        let after = self.read_cpu().await?;
        let used = before
            .zip(after)
            .map(|(before, after)| (after - before) / seconds);
        let requests = windows.values().map(|w| w.all_pages().counts.offered).sum();
        self.progress.add(lasts, requests);
        Ok(Climbed {
            windows,
            cpu: used.filter(|used| *used >= 0.0),
        })
    }

    async fn read_cpu(&self) -> Result<Option<f64>, Failure> {
        match &self.cpu {
            None => Ok(None),
            Some(source) => {
                let read = source.read().await;
                read.map(Some)
                    .map_err(|e| Failure::new(Exit::Unreachable, e))
            }
        }
    }

    async fn run(
        &mut self,
        load: Load,
        begin: Instant,
    ) -> Result<BTreeMap<Timestamp, Window>, Failure> {
        let (sender, mut emissions) = mpsc::unbounded_channel();
        let load_stop = LoadStop::new();
        let running = load.run(begin, &load_stop, move |emission| {
            // The receiver lives as long as the load.
            sender.send(emission).ok();
        });
        tokio::pin!(running);
        let mut windows = BTreeMap::new();
        let outcome = loop {
            tokio::select! {
                outcome = &mut running => break outcome,
                Some(emission) = emissions.recv() => take(emission, &mut windows),
                Ok(()) = self.stop.changed() => load_stop.ask(),
            }
        };
        while let Ok(emission) = emissions.try_recv() {
            take(emission, &mut windows);
        }
        let outcome = outcome.map_err(|e: LoadError| Failure::new(Exit::Internal, e))?;
        for reason in outcome.invalid {
            let text = reason.to_string();
            if !self.objections.contains(&text) {
                self.objections.push(text);
            }
        }
        Ok(windows)
    }
}

fn take(emission: Emission, windows: &mut BTreeMap<Timestamp, Window>) {
    if let Emission::Window(piece) = emission {
        windows
            .entry(piece.start)
            .or_insert_with(|| Window::new(piece.start, piece.length))
            .add(&piece);
    }
}

/// A second as the fit takes it.
fn sum<'a>(windows: impl Iterator<Item = &'a Window>) -> Second {
    let mut second = Second {
        served: 0,
        lost: 0,
        latency: Histogram::new(Precision::Window),
    };
    for window in windows {
        let pages = window.all_pages();
        second.served += pages.counts.served;
        second.lost += pages.counts.errors();
        if let Some(latency) = &pages.latency {
            second.latency.add(latency);
        }
    }
    second
}

fn step(meant: f64, climbed: &Climbed) -> Step {
    let windows = climbed.windows.values().skip(BEGINNING);
    Step {
        rate: offered(windows.clone()).unwrap_or(meant),
        seconds: windows.map(|window| sum(std::iter::once(window))).collect(),
        cpu: climbed.cpu,
    }
}

/// Pages per second that were due in these seconds, if any were. Chance sends a few more or fewer than was meant, and the
/// target answers to those.
fn offered<'a>(windows: impl ExactSizeIterator<Item = &'a Window>) -> Option<f64> {
    let seconds = windows.len() as f64;
    let pages: u64 = windows.map(|w| w.all_pages().counts.offered).sum();
    (pages > 0).then(|| pages as f64 / seconds)
}

/// Each page's own times, from sending to the answer.
fn pages(scenario: &Scenario, windows: &BTreeMap<Timestamp, Window>) -> Vec<PageTimes> {
    let mut all: BTreeMap<String, Histogram> = BTreeMap::new();
    for (name, series) in windows.values().flat_map(|window| &window.pages) {
        if let Some(times) = &series.service_time {
            let sum = all.entry(name.clone());
            sum.or_insert_with(|| Histogram::new(Precision::Whole))
                .add(times);
        }
    }
    let named = scenario.journeys.iter().flat_map(|journey| {
        let of = |page: &scenarios::Page| format!("{}/{}", journey.name, page.name);
        journey.pages.iter().map(of)
    });
    named
        .map(|page| PageTimes {
            times: all.get(&page).map(spread).unwrap_or_default(),
            page,
        })
        .collect()
}

/// The values of a histogram, each as often as it is there; of very many every so many-th.
fn spread(times: &Histogram) -> Vec<Duration> {
    let every = times.len().div_ceil(MOST_TIMES).max(1);
    let mut values = Vec::new();
    let mut seen = 0_u64;
    for (value, count) in times.buckets() {
        let before = seen.div_ceil(every);
        seen += count;
        let more = seen.div_ceil(every) - before;
        values.extend(std::iter::repeat_n(value, more as usize));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_s_rate_is_what_was_due_and_not_what_was_meant() {
        let of = |second: i64, due: &[u64]| {
            let start = Timestamp::from_nanos(second * 1_000_000_000);
            let mut window = Window::new(start, Duration::from_secs(1));
            for (page, due) in due.iter().enumerate() {
                let series = window.pages.entry(page.to_string()).or_default();
                series.counts.offered = *due;
            }
            (start, window)
        };
        let mut climbed = Climbed {
            // The beginning does not count.
            windows: BTreeMap::from([
                of(0, &[500]),
                of(1, &[7]),
                of(2, &[40, 50]),
                of(3, &[60, 46]),
            ]),
            cpu: None,
        };
        let made = step(85.0, &climbed);
        assert_eq!((made.rate, made.seconds.len()), (98.0, 2));
        climbed.windows.clear();
        assert_eq!(step(85.0, &climbed).rate, 85.0);
    }

    #[test]
    fn a_histogram_s_values_keep_their_shares() {
        let mut times = Histogram::new(Precision::Whole);
        (0..30_000).for_each(|_| times.record(Duration::from_millis(10)));
        (0..10_000).for_each(|_| times.record(Duration::from_millis(50)));
        let values = spread(&times);
        assert!((4000..=5000).contains(&values.len()), "{}", values.len());
        let long = values
            .iter()
            .filter(|v| **v > Duration::from_millis(20))
            .count();
        assert!((long as f64 / values.len() as f64 - 0.25).abs() < 0.01);
        assert!(spread(&Histogram::new(Precision::Whole)).is_empty());
    }
}

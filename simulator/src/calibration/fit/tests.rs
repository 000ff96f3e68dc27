use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Histogram, Precision};
use scenarios::{NoFiles, Set};

use super::super::{PageTimes, Second, Step};
use super::*;
use crate::{PageEnd, Probe, Simulation};

const SHOP: &str = "
version: 1
name: target
about: A system of which only its answers are known.
duration: 60s
seed: 5
traffic: {unit: requests, crowd: 200, arrivals: poisson, rate: [constant: {rate: 10/s}]}
journeys:
  visitor:
    start: home
    pages:
      home: {get: /, think: 1s, next: {list: 0.7}}
      list: {get: /list, think: 1s, next: {home: 0.5}}
services:
  target:
    operations:
      home: {route: GET /, do: [work: {mean: 10ms, cv: 0.6}]}
      list: {route: GET /list, do: [work: {mean: 25ms, cv: 0.9}]}
";

fn scenario(sets: &[String]) -> Scenario {
    let sets: Vec<Set> = sets.iter().map(|s| Set::parse(s).unwrap()).collect();
    Scenario::read("target.yaml", SHOP.as_bytes(), &NoFiles, &sets)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// Notes the pages of a run second by second, and their times one by one.
#[derive(Default)]
struct Notes {
    seconds: Vec<(u64, u64, Vec<Duration>)>,
    pages: BTreeMap<u16, Vec<Duration>>,
}

impl Probe for Notes {
    fn page(&mut self, at: u64, _: u16, page: u16, latency: u64, _: u32, how: PageEnd) {
        let second = (at / 1_000_000_000) as usize;
        if self.seconds.len() <= second {
            self.seconds.resize_with(second + 1, Default::default);
        }
        let (served, lost, times) = &mut self.seconds[second];
        let latency = Duration::from_nanos(latency);
        if how == PageEnd::Served {
            *served += 1;
            times.push(latency);
            self.pages.entry(page).or_default().push(latency);
        } else {
            *lost += 1;
        }
    }
}

fn ran(truth: &[&str], rate: f64, seed: u64) -> Notes {
    let mut sets: Vec<String> = truth.iter().map(|s| (*s).to_owned()).collect();
    sets.push(format!("traffic.rate.0.constant.rate={rate}/s"));
    sets.push(format!("seed={seed}"));
    let scenario = Arc::new(scenario(&sets));
    let mut simulation =
        Simulation::with_probe(scenario, BTreeMap::new(), Notes::default()).unwrap();
    simulation.advance(Duration::MAX, &mut |_| {}).unwrap();
    simulation.into_probe()
}

/// A staircase on a system that is `truth`: its foot, and steps at these rates.
fn measured(truth: &[&str], foot: f64, rates: &[f64]) -> Measured {
    let foot = ran(truth, foot, 77);
    let page = |(place, name): (u16, &str)| PageTimes {
        page: format!("visitor/{name}"),
        times: foot.pages[&place].clone(),
    };
    let step = |(place, rate): (usize, &f64)| {
        let notes = ran(truth, *rate, 100 + place as u64);
        let second = |(served, lost, times): &(u64, u64, Vec<Duration>)| {
            let mut latency = Histogram::new(Precision::Window);
            times.iter().for_each(|t| latency.record(*t));
            Second {
                served: *served,
                lost: *lost,
                latency,
            }
        };
        // What began while the queues were still empty is left out, and so is what came after the end.
        let seconds = notes.seconds[5..60].iter().map(second).collect();
        Step {
            rate: *rate,
            seconds,
            cpu: None,
        }
    };
    Measured {
        pages: [(0, "home"), (1, "list")].map(page).to_vec(),
        steps: rates.iter().enumerate().map(step).collect(),
    }
}

fn fitted(truth: &[&str], foot: f64, rates: &[f64], resamplings: u32) -> Fitted {
    let calibration = Calibration::new(&scenario(&[]), measured(truth, foot, rates));
    let calibration = calibration.unwrap_or_else(|e| panic!("{e}"));
    calibration.fit(resamplings, &mut || true)
}

#[test]
fn slots_are_found_again() {
    // Four slots and 16.4 ms on average: full at about 244 pages a second.
    let truth = ["services.target.slots=4"];
    let fitted = fitted(&truth, 20.0, &[60.0, 110.0, 150.0, 185.0, 205.0], 3);
    assert_eq!(fitted.kind, Kind::Fifo, "{fitted:?}");
    assert_eq!(fitted.width.value, 4.0, "{fitted:?}");
    assert!((fitted.scale.value - 1.0).abs() < 0.06, "{fitted:?}");
    assert!(fitted.queue.is_none(), "nobody was turned away");
    let top = fitted.held_back;
    assert!(top.throughput.abs() < 0.05, "{top:?}");
    assert!(
        top.p99.unwrap().abs() < 0.35 && top.p50.unwrap().abs() < 0.15,
        "{top:?}"
    );
    assert!(fitted.width.low <= 4.0 && fitted.width.high >= 4.0);
}

#[test]
fn a_waiting_room_that_was_full_is_found() {
    let truth = ["services.target.slots=2", "services.target.queue=10"];
    let fitted = fitted(&truth, 8.0, &[40.0, 80.0, 110.0, 150.0, 200.0], 0);
    assert_eq!(fitted.width.value, 2.0, "{fitted:?}");
    let queue = fitted.queue.expect("somebody was turned away").value;
    assert!((5.0..=20.0).contains(&queue), "{fitted:?}");
    assert!(fitted.held_back.throughput.abs() < 0.05, "{fitted:?}");
}

#[test]
fn work_is_told_from_waiting_by_the_cpu_time() {
    let mut measured = measured(&["services.target.slots=4"], 20.0, &[60.0, 110.0, 150.0]);
    let mean = measured.mean_time();
    for step in &mut measured.steps {
        step.cpu = Some(step.rate * mean * 0.4);
    }
    let calibration = Calibration::new(&scenario(&[]), measured).unwrap();
    let fitted = calibration.fit(0, &mut || true);
    assert!((fitted.work - 0.4).abs() < 0.03, "{fitted:?}");
}

#[test]
fn what_cannot_be_fitted_says_why() {
    let good = measured(&["services.target.slots=4"], 20.0, &[60.0, 110.0, 150.0]);
    let mut few = good.clone();
    few.steps.truncate(2);
    let mut silent = good.clone();
    silent.pages[1].times.clear();
    let mut dead = good.clone();
    dead.steps[1].seconds.clear();
    let mut other = good;
    other.pages[0].page = "visitor/elsewhere".into();
    for (measured, needle) in [
        (few, "2 steps"),
        (silent, "visitor/list"),
        (dead, "110.0 pages/s"),
        (other, "an operation for each page"),
    ] {
        let error = Calibration::new(&scenario(&[]), measured)
            .unwrap_err()
            .to_string();
        assert!(error.contains(needle), "{error}");
    }
}

//! Policies with periods of their own, one-second readings, and services that go to zero and come back.

use scaler::{MetricId, Observation, ReadySample, StepRecord};

use super::*;

/// All steps of a run, in order.
fn steps(scenario: &Arc<scenarios::Scenario>) -> Vec<(Duration, String, StepRecord)> {
    let mut steps = Vec::new();
    let mut simulation = Simulation::new(Arc::clone(scenario), policies(scenario)).unwrap();
    let mut told = |event| {
        if let Event::Step {
            workload,
            at,
            record,
        } = event
        {
            steps.push((at.since(scenario.starts), workload, *record));
        }
    };
    while !simulation.advance(Duration::MAX, &mut told).unwrap().done {}
    steps
}

fn shop(scaling: &str, rate: &str, more: &str) -> Arc<scenarios::Scenario> {
    let service = format!(
        "{{slots: 4, queue: 1000, start_up: 2s{more}, operations: {{page: {{route: GET /, do: [work: 100ms]}}}}}}"
    );
    let text = one_service("120s", rate, &service, "");
    let text = text.replace(
        "rate: [constant: {rate: ",
        "arrivals: even, rate: [constant: {rate: ",
    );
    scenario(&format!(
        "{text}control: {{period: 15s, scrape: {{interval: 5s, window: 15s, lag: 1s}}}}\nscaling: {{shop: {scaling}}}\n"
    ))
}

fn samples(seen: &Observation, name: &str) -> Vec<f64> {
    let id = MetricId::Pods { name: name.into() };
    let of = |sample: &ReadySample| (sample.metric == id).then_some(sample.value);
    seen.samples.iter().filter_map(of).collect()
}

#[test]
fn a_kpa_decides_every_two_seconds_on_readings_of_each_second() {
    let scenario = shop("{policy: kpa, min: 1, max: 9}", "20/s", "");
    let steps = steps(&scenario);
    let at: Vec<u64> = steps.iter().map(|(at, ..)| at.as_secs()).collect();
    assert_eq!(at[..4], [2, 4, 6, 8]);
    assert_eq!(at.len(), 59, "not at the end any more");
    // Twenty requests a second of a tenth of a second each.
    for (_, _, step) in &steps[3..] {
        let seen = samples(&step.observation, "concurrency");
        assert_eq!(seen.len(), 2, "the seconds since the last step");
        for value in seen {
            assert!((1.7..2.3).contains(&value), "{value}");
        }
        let at = step.observation.samples[1].at;
        assert_eq!(
            step.observation.at.since(at),
            Duration::from_secs(1),
            "the lag"
        );
    }
}

#[test]
fn what_a_kpa_scales_on_is_what_it_asked_for() {
    let entry = "{policy: kpa, min: 1, max: 9, target: {requests: 10/s}}";
    let steps = steps(&shop(entry, "30/s", ""));
    let last = &steps.last().unwrap().2;
    for value in samples(&last.observation, "requests") {
        assert!((28.0..32.0).contains(&value), "{value}");
    }
    assert!(samples(&last.observation, "concurrency").is_empty());
    // 30/s ÷ (10/s × 0.7), rounded up.
    assert_eq!(last.status.desired, Some(metrics::Replicas(5)));
}

#[test]
fn a_panic_goes_up_at_once_and_not_down_until_it_is_over() {
    let text = shop("{policy: kpa, min: 1, max: 20, window: 30s}", "8/s", "");
    let mut scenario = scenarios::Scenario::clone(&text);
    let flash = "version: 1\nname: t\nduration: 120s\ntraffic: {arrivals: even, begin: empty, rate: [steps: [{at: 0s, rate: 8/s}, {at: 40s, rate: 120/s}, {at: 50s, rate: 8/s}]]}\njourneys: {shopper: {start: page, pages: {page: {get: /}}}}\nservices: {shop: {operations: {page: {route: GET /, do: [work: 1ms]}}}}\n";
    scenario.traffic = super::scenario(flash).traffic.clone();
    let steps = steps(&scenario.shared());
    let wanted = |from: u64, to: u64| {
        let within = steps
            .iter()
            .filter(|(at, ..)| (from..to).contains(&at.as_secs()));
        within
            .map(|(_, _, step)| step.observation.scale.value().unwrap().spec.get())
            .collect::<Vec<_>>()
    };
    assert!(
        wanted(10, 40).iter().all(|n| *n <= 2),
        "{:?}",
        wanted(10, 40)
    );
    let rise = wanted(44, 60);
    assert!(rise.last().unwrap() >= &5, "{rise:?}");
    assert!(
        rise.windows(2).all(|w| w[0] <= w[1]),
        "never down in panic: {rise:?}"
    );
    let most = *wanted(50, 70).iter().max().unwrap();
    assert_eq!(wanted(70, 74).first(), Some(&most), "the panic holds");
    assert!(wanted(110, 120).last().unwrap() < &most, "and ends");
}

#[test]
fn two_policies_with_different_periods_fall_together_in_the_order_of_names() {
    let text = "version: 1\nname: t\nduration: 61s\ntraffic: {begin: empty, rate: [constant: {rate: 5/s}]}\n\
         journeys: {shopper: {start: page, pages: {page: {get: /}}}}\n\
         services: {b: {slots: 4, operations: {page: {route: GET /, do: [call: a.page]}}}, a: {slots: 4, operations: {page: {do: [work: 5ms]}}}}\n\
         scaling: {a: {policy: kpa, min: 1, max: 3}, b: {policy: hpa, min: 1, max: 3, target: {cpu: 50%}}}\n";
    let scenario = scenario(text);
    let at_thirty: Vec<String> = steps(&scenario)
        .into_iter()
        .filter(|(at, ..)| *at == Duration::from_secs(30))
        .map(|(_, name, _)| name)
        .collect();
    assert_eq!(at_thirty, ["a", "b"]);
    let counts = |name: &str| {
        steps(&scenario)
            .iter()
            .filter(|(_, n, _)| n == name)
            .count()
    };
    assert_eq!((counts("a"), counts("b")), (30, 4));
}

/// Traffic for 20 s, none until 80 s, and then again.
const PAUSES: &str = "steps: [{at: 0s, rate: 20/s}, {at: 20s, rate: 0/s}, {at: 80s, rate: 20/s}]";

fn sleeper(policy: &str, waiting: &str) -> Arc<scenarios::Scenario> {
    let text = format!(
        "version: 1\nname: t\nduration: 120s\ntraffic: {{begin: empty, rate: [{PAUSES}]}}\n\
         journeys: {{shopper: {{start: page, pages: {{page: {{get: /}}}}}}}}\n\
         control: {{period: 15s, scrape: {{interval: 5s, window: 15s, lag: 1s}}}}\n\
         services: {{shop: {{slots: 4, queue: 1000, start_up: 1s{waiting}, operations: {{page: {{route: GET /, do: [work: 50ms]}}}}}}}}\n\
         scaling: {{shop: {policy}}}\n"
    );
    scenario(&text)
}

/// Replicas asked for at about this second.
fn asked(steps: &[(Duration, String, StepRecord)], second: u64) -> u32 {
    let step = steps.iter().rfind(|(at, ..)| at.as_secs() <= second);
    step.unwrap()
        .2
        .observation
        .scale
        .value()
        .unwrap()
        .spec
        .get()
}

#[test]
fn a_kpa_goes_to_zero_and_wakes_up_and_nobody_is_turned_away_who_waits_at_the_gateway() {
    let entry = "{policy: kpa, min: 0, max: 9, window: 10s, grace_period: 5s}";
    let scenario = sleeper(entry, ", waiting: gateway");
    let steps = steps(&scenario);
    assert!(asked(&steps, 15) >= 1);
    assert_eq!(asked(&steps, 78), 0, "no traffic, no replicas");
    assert!(asked(&steps, 90) >= 1, "awake again");
    let told = run(&scenario);
    let counts = told.pages();
    assert_eq!((counts.served, counts.shed), (counts.offered, 0));
    // Who came first waited for a decision and a start-up.
    let slow = told
        .windows
        .iter()
        .map(|w| w.all_pages().counts.slow)
        .sum::<u64>();
    assert!(slow > 20, "{slow}");
}

#[test]
fn without_a_place_to_wait_they_are_turned_away_until_there_is_a_replica() {
    let entry = "{policy: kpa, min: 0, max: 9, window: 10s, grace_period: 5s}";
    let scenario = sleeper(entry, "");
    let counts = run(&scenario).pages();
    assert!((20..200).contains(&counts.shed), "{counts:?}");
    assert_eq!(counts.offered, counts.served + counts.shed);
    assert!(
        asked(&steps(&scenario), 90) >= 1,
        "those turned away wake it up"
    );
}

#[test]
fn keda_goes_to_zero_after_its_cooldown_and_wakes_up() {
    let entry =
        "{policy: keda, min: 0, max: 9, polling: 5s, cooldown: 20s, triggers: [{requests: 50/s}]}";
    for waiting in ["", ", waiting: gateway"] {
        let scenario = sleeper(entry, waiting);
        let steps = steps(&scenario);
        assert!(asked(&steps, 45) >= 1, "the cooldown lasts");
        assert_eq!(asked(&steps, 78), 0, "no activity for longer");
        assert!(asked(&steps, 95) >= 1, "awake again");
        let because: Vec<String> = steps
            .iter()
            .map(|(_, _, step)| step.decision.reason.because.to_string())
            .collect();
        assert!(because.iter().any(|b| b == "cooldown"), "{because:?}");
        assert!(because.iter().any(|b| b == "activation"), "{because:?}");
    }
}

#[test]
fn an_outage_of_metrics_leaves_gaps_not_zeros() {
    let base = shop("{policy: kpa, min: 1, max: 9, window: 10s}", "60/s", "");
    let mut scenario = scenarios::Scenario::clone(&base);
    scenario.faults = super::scenario(
        "version: 1\nname: t\nduration: 120s\ntraffic: {rate: [constant: {rate: 1/s}]}\njourneys: {j: {start: p, pages: {p: {get: /}}}}\nservices: {shop: {operations: {p: {route: GET /, do: [work: 1ms]}}}}\nfaults: [{at: 30s, for: 30s, no_metrics: true}]\n",
    )
    .faults
    .clone();
    let steps = steps(&scenario.shared());
    let during = steps
        .iter()
        .filter(|(at, ..)| (33..60).contains(&at.as_secs()));
    for (at, _, step) in during {
        assert!(step.observation.samples.is_empty(), "at {at:?}");
    }
    // Six requests at once, with a target of 4 × 0.7 each: what was known last holds, also when all windows are empty.
    for second in 31..60 {
        assert_eq!(asked(&steps, second), 3, "at {second}");
    }
    let after = steps.iter().find(|(at, ..)| at.as_secs() >= 64).unwrap();
    assert!(!after.2.observation.samples.is_empty());
}

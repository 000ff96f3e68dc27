use metrics::Ratio;
use proptest::prelude::*;

use super::levels::Loss;
use super::*;

fn s(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn task(rates: &[f64], start_up: f64, (min, max, replicas): (u32, u32, u32)) -> OracleTask {
    OracleTask {
        step: s(5.0),
        loads: rates
            .iter()
            .map(|rate| Load {
                rate: *rate,
                full_rate: 20.0,
            })
            .collect(),
        curve: CapacityCurve::of_slots(2, s(0.1), s(0.5)),
        start_up: s(start_up),
        min: Replicas(min),
        max: Replicas(max),
        replicas: Replicas(replicas),
    }
}

/// Every sequence of replica numbers within the bounds.
fn sequences(task: &OracleTask) -> Vec<Vec<u32>> {
    let mut all = vec![vec![]];
    for _ in &task.loads {
        all = all
            .into_iter()
            .flat_map(|begun: Vec<u32>| {
                (task.min.get()..=task.max.get()).map(move |n| {
                    let mut longer = begun.clone();
                    longer.push(n);
                    longer
                })
            })
            .collect();
    }
    all
}

/// Seconds of replicas, start-ups included.
fn paid(task: &OracleTask, counts: &[u32]) -> f64 {
    let before = std::iter::once(task.replicas.get()).chain(counts.iter().copied());
    let starts: u32 = counts
        .iter()
        .zip(before)
        .map(|(n, before)| n.saturating_sub(before))
        .sum();
    let seconds: u32 = counts.iter().sum();
    f64::from(seconds) * 5.0 + f64::from(starts) * task.start_up.as_secs_f64()
}

fn missed(task: &OracleTask, counts: &[u32]) -> f64 {
    let loss = Loss::of(&task.curve);
    let of_step = |(n, load): (&u32, &Load)| {
        let room = f64::from(*n) * load.full_rate / load.rate;
        5.0 * load.rate
            * if load.rate > 0.0 {
                loss.missed(room)
            } else {
                0.0
            }
    };
    counts.iter().zip(&task.loads).map(of_step).sum()
}

fn counts(plan: &Plan) -> Vec<u32> {
    plan.replicas.iter().map(|n| n.get()).collect()
}

proptest! {
    #[test]
    fn no_other_sequence_costs_less(
        rates in prop::collection::vec(prop_oneof![Just(0.0), 1.0_f64..60.0], 1..6),
        start_up in prop_oneof![Just(0.0), 1.0_f64..30.0],
        min in 0_u32..2,
        replicas in 0_u32..4,
        price in 0.01_f64..10.0,
    ) {
        let task = task(&rates, start_up, (min, 4, replicas));
        let plan = task.plan(price);
        let cost = |counts: &[u32]| paid(&task, counts) + price * missed(&task, counts);
        let least = sequences(&task).iter().map(|n| cost(n)).fold(f64::INFINITY, f64::min);
        let is = cost(&counts(&plan));
        prop_assert!((is - least).abs() < 1e-6, "{:?} costs {is}, the least is {least}", plan.replicas);
        prop_assert!((plan.cost.as_secs_f64() - paid(&task, &counts(&plan))).abs() < 1e-6);
        prop_assert!((plan.misses - missed(&task, &counts(&plan))).abs() < 1e-6);
    }

    #[test]
    fn never_short_is_the_cheapest_that_never_is(
        rates in prop::collection::vec(prop_oneof![Just(0.0), 1.0_f64..60.0], 1..6),
        start_up in 0.0_f64..30.0,
        replicas in 0_u32..4,
    ) {
        let task = task(&rates, start_up, (0, 4, replicas));
        let allowed = Ratio::new(0.02).unwrap();
        let needed = task.needed(allowed);
        let plan = counts(&task.plan_never_short(allowed));
        let enough = |n: &[u32]| n.iter().zip(&needed).all(|(n, needed)| *n >= needed.get());
        prop_assert!(enough(&plan));
        let all = sequences(&task);
        let costs = all.iter().filter(|n| enough(n)).map(|n| paid(&task, n));
        let least = costs.fold(f64::INFINITY, f64::min);
        prop_assert!((paid(&task, &plan) - least).abs() < 1e-6, "{plan:?}, the least is {least}");
    }

    #[test]
    fn a_higher_price_never_gives_more_misses(
        rates in prop::collection::vec(0.0_f64..200.0, 1..40),
        low in 0.01_f64..10.0,
        factor in 1.0_f64..10.0,
    ) {
        let task = task(&rates, 12.0, (1, 40, 3));
        let (cheap, dear) = (task.plan(low), task.plan(low * factor));
        prop_assert!(dear.misses <= cheap.misses + 1e-9);
        prop_assert!(dear.cost >= cheap.cost);
    }

    #[test]
    fn the_loss_is_convex_and_never_above_the_curve(
        shares in prop::collection::vec(0.0_f64..1.0, 1..12),
    ) {
        let place = |i: usize| 0.9 * (i + 1) as f64 / shares.len() as f64;
        let points = shares.iter().enumerate().map(|(i, share)| (place(i), *share)).collect();
        let curve = CapacityCurve::from_points(points).unwrap();
        let loss = Loss::of(&curve);
        let at = |i: u32| loss.missed(f64::from(i) / 20.0);
        for i in 1..400_u32 {
            prop_assert!(at(i - 1) + at(i + 1) - 2.0 * at(i) > -1e-9, "bends at {i}");
            prop_assert!(at(i) <= curve.missed(20.0 / f64::from(i)) + 1e-4, "above at {i}");
        }
    }
}

/// A day of two waves, in steps of 5 s.
fn day() -> Vec<f64> {
    let wave = |step: u32| {
        200.0 - 190.0 * libm::cos(f64::from(step) * 2.0 * std::f64::consts::TAU / 17_280.0)
    };
    (0..17_280).map(wave).collect()
}

#[test]
fn a_budget_is_kept_and_used() {
    let task = task(&day(), 30.0, (1, 60, 2));
    let budget = Ratio::new(0.02).unwrap();
    let plan = task.plan_within(budget);
    assert!(plan.share_missed() <= 0.02, "{}", plan.share_missed());
    assert!(plan.share_missed() > 0.0199, "{}", plan.share_missed());
    let stricter = task.plan_within(Ratio::new(0.01).unwrap());
    assert!(stricter.cost > plan.cost);
    // With 5 Erlangs of 2 slots each e^-5 = 0.67 % are slow even on an idle replica: no number of them helps.
    let hopeless = task.plan_within(Ratio::new(0.001).unwrap());
    assert!(hopeless.share_missed() > 0.0067);
}

#[test]
fn a_gap_is_bridged_if_a_start_costs_more() {
    let rates = [30.0, 30.0, 0.0, 0.0, 0.0, 30.0];
    let allowed = Ratio::new(0.02).unwrap();
    let plan = |start_up| counts(&task(&rates, start_up, (0, 9, 0)).plan_never_short(allowed));
    assert_eq!(
        plan(16.0),
        [3, 3, 3, 3, 3, 3],
        "15 s of waiting against 16 s"
    );
    assert_eq!(plan(14.0), [3, 3, 0, 0, 0, 3]);
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(1_000 + seconds)
}

#[test]
fn replicas_are_ordered_a_lead_before_they_are_needed() {
    let plan = Plan {
        step: s(10.0),
        replicas: [2, 2, 2, 7, 7, 1].map(Replicas).to_vec(),
        cost: Duration::ZERO,
        starts: 0,
        misses: 0.0,
        requests: 0.0,
        price: None,
    };
    let mut oracle = Oracle::new(OracleSpec::new(&plan, at(0), s(12.0), s(3.0)));
    for (now, wanted) in [
        (0, 2),
        (14, 2),
        (15, 7),
        (29, 7),
        (40, 7),
        (49, 7),
        (50, 1),
        (500, 1),
    ] {
        let decision = oracle.decide(&Observation {
            at: at(now),
            ..Observation::default()
        });
        assert_eq!(
            decision.verdict,
            Verdict::Scale(Replicas(wanted)),
            "at {now}"
        );
        assert_eq!(decision.next, at(now + 3));
    }
    let saved = oracle.save();
    assert!(oracle.restore(&saved).is_ok());
    assert!(oracle.restore(&PolicyState::of("static/1", &0)).is_err());
}

#[test]
fn without_a_plan_it_holds() {
    let empty = task(&[], 1.0, (1, 2, 1)).plan(1.0);
    let decision =
        Oracle::new(OracleSpec::new(&empty, at(0), s(1.0), s(1.0))).decide(&Observation::default());
    assert_eq!(decision.verdict, Verdict::Hold);
}

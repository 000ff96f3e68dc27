use std::time::Duration;

use metrics::Ratio;
use proptest::prelude::*;

use super::*;

fn breaker() -> CircuitBreaker {
    CircuitBreaker::new(Breaker {
        failures: Ratio::new(0.5).unwrap(),
        least: 4,
        window: Duration::from_secs(10),
        open: Duration::from_secs(5),
    })
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

/// Lets requests pass at `now` and answers them.
fn answer(breaker: &mut CircuitBreaker, now: Timestamp, verdicts: &[Verdict]) {
    for verdict in verdicts {
        let permit = breaker.admit(now).expect("it lets requests pass");
        breaker.record(now, permit, *verdict);
    }
}

fn opened() -> CircuitBreaker {
    let mut breaker = breaker();
    answer(&mut breaker, at(0), &[Verdict::Bad; 4]);
    breaker
}

#[test]
fn opens_at_the_share_of_failures_and_not_before() {
    use Verdict::{Bad, Good, Neutral};
    for (verdicts, open, why) in [
        (vec![Bad, Bad, Bad], false, "three are too few to judge"),
        (vec![Bad; 4], true, "four of four"),
        (vec![Good, Good, Bad, Bad], true, "half of four"),
        (vec![Good, Good, Good, Bad, Bad], false, "two of five"),
        (
            vec![Neutral, Neutral, Neutral, Bad],
            false,
            "neutral ones say nothing",
        ),
    ] {
        let mut breaker = breaker();
        answer(&mut breaker, at(0), &verdicts);
        let state = breaker.state(at(0));
        assert_eq!(state == BreakerState::Open { until: at(5) }, open, "{why}");
    }
}

#[test]
fn failures_outside_the_window_are_forgotten() {
    let mut breaker = breaker();
    answer(&mut breaker, at(0), &[Verdict::Bad; 3]);
    answer(&mut breaker, at(20), &[Verdict::Bad; 3]);
    assert_eq!(breaker.state(at(20)), BreakerState::Closed);
}

#[test]
fn one_may_try_after_the_time_and_its_answer_decides() {
    for (verdict, expected) in [
        (Verdict::Good, BreakerState::Closed),
        (Verdict::Bad, BreakerState::Open { until: at(11) }),
        (Verdict::Neutral, BreakerState::HalfOpen { trying: None }),
    ] {
        let mut breaker = opened();
        assert_eq!(breaker.admit(at(4)), Err(at(5)));
        let permit = breaker.admit(at(5)).unwrap();
        assert_eq!(breaker.admit(at(6)), Err(at(10)), "only one may try");
        breaker.record(at(6), permit, verdict);
        assert_eq!(breaker.state(at(6)), expected, "{verdict:?}");
    }
}

#[test]
fn one_that_never_comes_back_does_not_keep_it_half_open() {
    let mut breaker = opened();
    let lost = breaker.admit(at(5)).unwrap();
    let second = breaker.admit(at(10)).unwrap();
    breaker.record(at(11), lost, Verdict::Bad);
    breaker.record(at(11), second, Verdict::Good);
    assert_eq!(breaker.state(at(11)), BreakerState::Closed);
}

#[test]
fn answers_from_before_it_opened_do_not_count_after() {
    let mut breaker = breaker();
    let slow = breaker.admit(at(0)).unwrap();
    answer(&mut breaker, at(0), &[Verdict::Bad; 4]);
    breaker.record(at(1), slow, Verdict::Good);
    assert_eq!(breaker.state(at(1)), BreakerState::Open { until: at(5) });
}

proptest! {
    #[test]
    fn while_open_nothing_passes_and_it_always_opens_up_again(
        steps in prop::collection::vec((0_i64..3_000, 0_u8..4), 1..200),
    ) {
        let (mut breaker, mut now, mut out) = (breaker(), 0, Vec::new());
        for (step, what) in steps {
            now += step;
            let at = Timestamp::from_millis(now);
            let state = breaker.state(at);
            match what {
                0 => match breaker.admit(at) {
                    Ok(permit) => {
                        let is_open = matches!(state, BreakerState::Open { .. });
                        prop_assert!(!is_open);
                        out.push(permit);
                    }
                    Err(until) => {
                        prop_assert!(until > at);
                        prop_assert!(until <= at + Duration::from_secs(5));
                    }
                },
                1..=3 => if let Some(permit) = out.pop() {
                    let verdict = [Verdict::Good, Verdict::Bad, Verdict::Neutral][usize::from(what) - 1];
                    breaker.record(at, permit, verdict);
                },
                _ => unreachable!(),
            }
        }
        prop_assert!(breaker.admit(Timestamp::from_millis(now) + Duration::from_secs(5)).is_ok());
    }
}

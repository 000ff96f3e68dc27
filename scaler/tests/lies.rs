//! Our own policies run against readings that lie: what may come of it while they do, and that nothing stays of it.
#![allow(clippy::unwrap_used, reason = "a test")]
#![allow(dead_code, reason = "the laws use the rest")]

#[path = "policy_laws/world.rs"]
mod world;

use std::time::Duration;

use metrics::{NoData, Ratio, Reading, Rps, Timestamp};
use scaler::{Observation, Policy, Scale, Verdict, WriteOutcome};
use world::{MAX, MIN};

const PERIOD: Duration = Duration::from_secs(15);
const RATE: f64 = 1000.0;

/// What a lie may lead to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum May {
    /// Nothing moves.
    Stay,
    /// It may go up, as what is shown could be true; never down.
    GoUp,
}

struct Lie {
    name: &'static str,
    /// For how many decisions.
    times: usize,
    may: May,
    tell: fn(&mut Observation),
}

/// A policy in its world.
struct Run {
    policy: Box<dyn Policy + Send>,
    at: Timestamp,
    n: u32,
}

impl Run {
    /// Six hours of truth.
    fn settled(name: &'static str) -> Self {
        let policy = world::subject(name).spec.build().unwrap();
        let mut run = Self {
            policy,
            at: Timestamp::from_secs(100_000),
            n: 20,
        };
        run.go_on(1440, |_| ());
        run
    }

    /// So many decisions; the numbers after each.
    fn go_on(&mut self, times: usize, tell: impl Fn(&mut Observation)) -> Vec<u32> {
        let step = |_| {
            self.at = self.at + PERIOD;
            let mut seen = world::seen(self.policy.wants(), self.at, self.n, RATE);
            tell(&mut seen);
            self.decide(&seen)
        };
        (0..times).map(step).collect()
    }

    fn decide(&mut self, seen: &Observation) -> u32 {
        let to = match self.policy.decide(seen).verdict {
            Verdict::Scale(to) => to.get(),
            Verdict::Hold => self.n,
        };
        let written = to != self.n;
        self.policy.settle(if written {
            &WriteOutcome::Written
        } else {
            &WriteOutcome::Unchanged
        });
        self.n = to;
        to
    }
}

fn rate(value: f64, seen: &Observation) -> Reading<Rps> {
    Reading::over(Rps::new(value).unwrap(), seen.at, PERIOD)
}

const LIES: [Lie; 19] = [
    Lie {
        name: "the queue is not a number",
        times: 240,
        may: May::Stay,
        tell: |seen| seen.traffic.queued = Reading::now(f64::NAN, seen.at),
    },
    Lie {
        name: "the queue is endless",
        times: 240,
        may: May::Stay,
        tell: |seen| seen.traffic.queued = Reading::now(f64::INFINITY, seen.at),
    },
    Lie {
        name: "the queue is negative",
        times: 240,
        may: May::Stay,
        tell: |seen| seen.traffic.queued = Reading::now(-1e308, seen.at),
    },
    Lie {
        name: "the queue is huge",
        times: 20,
        may: May::GoUp,
        tell: |seen| seen.traffic.queued = Reading::now(1e308, seen.at),
    },
    Lie {
        name: "more comes than there is in the world, three times",
        times: 3,
        may: May::GoUp,
        tell: |seen| seen.traffic.offered = rate(1e308, seen),
    },
    Lie {
        name: "more is answered than there is in the world",
        times: 3,
        may: May::GoUp,
        tell: |seen| seen.traffic.served = rate(1e308, seen),
    },
    Lie {
        name: "nothing came, and yet all is answered",
        times: 1,
        may: May::Stay,
        tell: |seen| seen.traffic.offered = rate(0.0, seen),
    },
    Lie {
        name: "what came is no number",
        times: 240,
        may: May::Stay,
        tell: |seen| seen.traffic.offered = Reading::NoData(NoData::Absurd("NaN".into())),
    },
    Lie {
        name: "a counter was reset: nothing was answered",
        times: 4,
        may: May::Stay,
        tell: |seen| {
            seen.traffic.served = rate(0.0, seen);
            seen.traffic.slow = rate(0.0, seen);
        },
    },
    Lie {
        name: "more are slow than were answered",
        times: 4,
        may: May::GoUp,
        tell: |seen| seen.traffic.slow = rate(1e9, seen),
    },
    Lie {
        name: "all slots are free",
        times: 240,
        may: May::Stay,
        tell: |seen| seen.traffic.busy = Reading::now(Ratio::ZERO, seen.at),
    },
    Lie {
        name: "all slots are held",
        times: 40,
        may: May::GoUp,
        tell: |seen| seen.traffic.busy = Reading::now(Ratio::ONE, seen.at),
    },
    Lie {
        name: "all slots are held, for an hour",
        times: 240,
        may: May::GoUp,
        tell: |seen| seen.traffic.busy = Reading::now(Ratio::ONE, seen.at),
    },
    Lie {
        name: "more replicas are listed than exist",
        times: 240,
        may: May::Stay,
        tell: |seen| {
            let twice: Vec<_> = std::iter::repeat_n(&seen.replicas, 50)
                .flatten()
                .cloned()
                .collect();
            seen.replicas = twice;
        },
    },
    Lie {
        name: "no replica is ready, and yet all is answered",
        times: 240,
        may: May::Stay,
        tell: |seen| {
            for replica in &mut seen.replicas {
                replica.ready.state = scaler::ReadyState::False;
            }
        },
    },
    Lie {
        name: "replicas became ready in the future",
        times: 240,
        may: May::Stay,
        tell: |seen| {
            for replica in &mut seen.replicas {
                replica.ready.since = Some(Timestamp::from_nanos(i64::MAX));
                replica.created = Some(Timestamp::from_nanos(i64::MIN));
            }
        },
    },
    Lie {
        name: "readings come from the future",
        times: 240,
        may: May::Stay,
        tell: |seen| {
            let later = seen.at + Duration::from_secs(86_400);
            seen.traffic.offered = Reading::over(Rps::new(RATE).unwrap(), later, PERIOD);
        },
    },
    Lie {
        name: "the readings are those of an hour ago",
        times: 240,
        may: May::Stay,
        tell: |seen| {
            let ago = seen.at.back(Duration::from_secs(3600));
            seen.traffic.offered = Reading::over(Rps::new(10.0).unwrap(), ago, PERIOD);
        },
    },
    Lie {
        name: "the scale cannot be read",
        times: 240,
        may: May::Stay,
        tell: |seen| seen.scale = Reading::<Scale>::NoData(NoData::Failed("etcd".into())),
    },
];

#[test]
fn readings_that_lie_lead_to_nothing_worse_than_more_replicas_and_nothing_stays_of_them() {
    let mut wrong = Vec::new();
    for name in ["reactive", "foresight"] {
        for lie in &LIES {
            let mut run = Run::settled(name);
            let before = run.n;
            let mut during = run.go_on(lie.times, lie.tell);
            let fine = match lie.may {
                May::Stay => during.iter().all(|n| *n == before),
                May::GoUp => during.iter().all(|n| (before..=MAX).contains(n)),
            };
            let mut after = run.go_on(240, |_| ());
            let over = run.n > before + before / 10 || after.iter().any(|n| *n < before);
            if !fine || over {
                during.dedup();
                after.dedup();
                wrong.push(format!(
                    "{name}: {}: {before}, then {during:?}, in the hour after {after:?}",
                    lie.name
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn time_that_stands_still_or_goes_back_and_readings_shown_again_move_nothing_down() {
    for name in ["reactive", "foresight"] {
        for back in [0, 15, 3600, 90_000] {
            let mut run = Run::settled(name);
            let before = run.n;
            let then = run.at.back(Duration::from_secs(back));
            for _ in 0..20 {
                let seen = world::seen(run.policy.wants(), then, run.n, RATE);
                assert_eq!(run.decide(&seen), before, "{name}, {back} s back");
            }
            // From there it goes on, and more load is answered all the same.
            run.at = then;
            run.go_on(20, |seen| seen.traffic.offered = rate(1.6 * RATE, seen));
            assert!(run.n > before, "{name}, {back} s back: {}", run.n);
        }
    }
}

/// Its source answers with the same for an hour, while the real load grows: what replicas finish says so.
#[test]
fn a_load_that_is_stuck_is_found_out_by_what_replicas_finish() {
    for name in ["reactive", "foresight"] {
        for stuck in [0.0, 100.0] {
            let mut run = Run::settled(name);
            let before = run.n;
            run.go_on(240, |seen| seen.traffic.offered = rate(stuck, seen));
            let least = (0.75 * f64::from(before)) as u32;
            assert!(run.n >= least.max(MIN), "{name}: {before}, then {}", run.n);
        }
    }
}

//! Whole ways of both policies, minute by minute, by hand from AWS's documents.

use std::time::Duration;

use metrics::{NoData, Reading, Rps};

use super::*;
use crate::{Readiness, ReadyState, ReplicaObservation, Scale};

/// A workload with `n` replicas that answers what is written at once.
struct World {
    policy: Aws,
    minute: i64,
    n: u32,
}

impl World {
    fn new(policy: Aws, n: u32) -> Self {
        Self {
            policy,
            minute: 0,
            n,
        }
    }

    /// A minute later, with so many requests per second for each replica; nothing: no data. Gives the decision.
    fn minute(&mut self, each: Option<f64>) -> Decision {
        self.minute += 1;
        let at = Timestamp::from_secs(self.minute * 60);
        let rate = each.map(|each| Rps::new(each * f64::from(self.n)).unwrap());
        let replica = |i| ReplicaObservation {
            id: format!("r-{i}"),
            ready: Readiness {
                state: ReadyState::True,
                since: None,
            },
            ..ReplicaObservation::default()
        };
        let scale = Scale {
            spec: Replicas(self.n),
            status: Replicas(self.n),
            ..Scale::default()
        };
        let mut seen = Observation {
            at,
            scale: Reading::now(scale, at),
            replicas: (0..self.n).map(replica).collect(),
            ..Observation::default()
        };
        seen.traffic.offered = rate.map_or(Reading::NoData(NoData::NotAsked), |rate| {
            Reading::now(rate, at)
        });
        let decision = self.policy.decide(&seen);
        let written = match decision.verdict {
            Verdict::Scale(to) if to.get() != self.n => {
                self.n = to.get();
                WriteOutcome::Written
            }
            _ => WriteOutcome::Unchanged,
        };
        self.policy.settle(&written);
        decision
    }

    /// So many minutes of the same, and how many replicas there are after each.
    fn minutes(&mut self, count: usize, each: f64) -> Vec<u32> {
        let one = |_| {
            self.minute(Some(each));
            self.n
        };
        (0..count).map(one).collect()
    }
}

fn target() -> AwsTarget {
    AwsTarget {
        min: Replicas(1),
        max: Replicas(100),
        tick: Duration::from_secs(60),
        ..AwsTarget::default()
    }
}

/// Adds and takes so many replicas from 60 and 70 requests per second on, and from 40 and 30 down.
fn steps(adjust: impl Fn(i32) -> AwsAdjustment, periods: u32) -> StepScalingSpec {
    let step = |(at, by)| AwsStep {
        at,
        adjustment: adjust(by),
    };
    StepScalingSpec {
        target: target(),
        metric: AwsMetric::Requests,
        alarm: AwsAlarm {
            periods,
            datapoints: periods,
            ..AwsAlarm::default()
        },
        scale_out: [(60.0, 2), (70.0, 3)].map(step).into(),
        scale_in: [(40.0, -2), (30.0, -3)].map(step).into(),
        min_adjustment: 1,
    }
}

fn tracking() -> TargetTrackingSpec {
    TargetTrackingSpec {
        target: target(),
        targets: vec![(AwsMetric::Requests, 50.0)],
        disable_scale_in: false,
    }
}

/// The reference's own example: two are added, a cooldown begins, and a step of three within it adds one more.
#[test]
fn a_larger_step_within_the_cooldown_adds_what_is_missing() {
    let mut world = World::new(steps(AwsAdjustment::ChangeInCapacity, 1).build(), 10);
    assert_eq!(world.minutes(1, 65.0), [12]);
    assert_eq!(world.minutes(2, 65.0), [12, 12], "they count as added");
    assert_eq!(
        world.minutes(1, 75.0),
        [13],
        "three, of which two are there"
    );
    assert_eq!(world.minutes(4, 75.0), [13; 4], "the cooldown began anew");
    assert_eq!(world.minutes(1, 75.0), [16], "and is over");
}

#[test]
fn a_percentage_within_the_cooldown_is_of_what_there_was_before() {
    let percent = |by| AwsAdjustment::PercentChangeInCapacity(f64::from(by) * 10.0);
    let mut world = World::new(steps(percent, 1).build(), 20);
    assert_eq!(world.minutes(2, 65.0), [24, 24], "20 % of 20");
    assert_eq!(world.minutes(2, 75.0), [26, 26], "30 % of 20");
}

#[test]
fn a_scale_in_waits_for_the_last_one_and_a_scale_out_does_not() {
    let mut world = World::new(steps(AwsAdjustment::ChangeInCapacity, 1).build(), 20);
    assert_eq!(world.minutes(5, 35.0), [18; 5]);
    assert_eq!(world.minutes(1, 25.0), [15], "five minutes later");
    assert_eq!(world.minutes(1, 65.0), [17], "out at once");
    assert_eq!(world.minutes(1, 35.0), [15], "which ended the cooldown");
    let held = world.minute(Some(35.0));
    assert_eq!(held.reason.wanted, Some(Replicas(13)));
    let clip = &held.reason.clips[0];
    assert_eq!(
        (&*clip.by, clip.from, clip.to),
        ("cooldown", Replicas(13), Replicas(15))
    );
}

#[test]
fn an_alarm_takes_as_many_datapoints_as_it_is_told() {
    let mut world = World::new(steps(AwsAdjustment::ChangeInCapacity, 3).build(), 10);
    assert_eq!(world.minutes(2, 75.0), [10, 10]);
    assert_eq!(world.minutes(1, 50.0), [10]);
    assert_eq!(world.minutes(3, 75.0), [10, 10, 13]);
}

#[test]
fn exact_capacity_and_the_bounds_hold() {
    let exact = |by: i32| AwsAdjustment::ExactCapacity(by.unsigned_abs() * 50);
    let mut spec = steps(exact, 1);
    spec.scale_in.clear();
    let mut world = World::new(spec.build(), 10);
    let decision = world.minute(Some(75.0));
    assert_eq!(decision.verdict, Verdict::Scale(Replicas(100)));
    assert_eq!(decision.reason.wanted, Some(Replicas(150)));
    assert_eq!(decision.reason.clips[0].by, "max");
    assert_eq!(world.minutes(1, 65.0), [100], "it never takes any away");
}

#[test]
fn target_tracking_goes_out_in_proportion_after_three_minutes() {
    let mut world = World::new(tracking().build(), 10);
    assert_eq!(world.minutes(3, 72.0), [10, 10, 15], "10 × 72 ÷ 50 = 14.4");
    assert_eq!(
        world.minutes(3, 51.0),
        [15; 3],
        "within the cooldown as of ten"
    );
    assert_eq!(
        world.minutes(1, 90.0),
        [18],
        "10 × 90 ÷ 50, more than there are"
    );
    assert_eq!(
        world.minutes(5, 51.0),
        [18, 18, 18, 18, 19],
        "and as of 18 after it"
    );
}

#[test]
fn target_tracking_goes_in_after_fifteen_minutes_and_never_too_far() {
    let mut world = World::new(tracking().build(), 10);
    assert_eq!(world.minutes(14, 36.0), [10; 14]);
    assert_eq!(world.minutes(1, 36.0), [8], "10 × 36 ÷ 50 = 7.2");
    assert_eq!(world.minutes(4, 40.0), [8; 4], "the cooldown");
    assert_eq!(world.minutes(1, 40.0), [7], "8 × 40 ÷ 50 = 6.4");
    let mut calm = World::new(tracking().build(), 10);
    assert_eq!(calm.minutes(30, 45.0), [10; 30], "90 % is near enough");
}

#[test]
fn a_decision_says_what_was_measured_what_follows_and_that_it_is_approximate() {
    let mut world = World::new(tracking().build(), 10);
    world.minutes(2, 72.0);
    let reason = world.minute(Some(72.0)).reason;
    assert_eq!(
        reason.sentence(),
        "requests 72/s a replica against a target of 50/s a replica: 10 × 1.44 = 14.4, so 15 replicas"
    );
    let terms = reason.terms().into_iter();
    let terms: Vec<String> = terms.map(|t| format!("{}: {}", t.name, t.value)).collect();
    assert_eq!(
        terms,
        [
            "requests: 72/s a replica",
            "requests alarm above: ALARM, goes off at 3 of 3 datapoints above 50/s a replica; 3 known",
            "requests alarm below: OK, goes off at 15 of 15 datapoints below 45/s a replica; 3 known",
            "approximate: after AWS's documents, not its code",
        ]
    );
    let percent = |by| AwsAdjustment::PercentChangeInCapacity(f64::from(by) * 10.0);
    let mut world = World::new(steps(percent, 1).build(), 10);
    assert_eq!(
        world.minute(Some(75.5)).reason.sentence(),
        "requests 75.5/s a replica: the step at 70/s a replica adds 30 % to 10: 13 replicas"
    );
    assert_eq!(
        world.minute(Some(65.0)).reason.sentence(),
        "requests 65/s a replica: the step at 60/s a replica adds 20 % to 10: 12 replicas; 3 were added within the cooldown already"
    );
}

#[test]
fn insufficient_data_is_not_low_use() {
    let mut world = World::new(tracking().build(), 10);
    world.minutes(14, 10.0);
    for _ in 0..20 {
        let decision = world.minute(None);
        assert_eq!(decision.verdict, Verdict::Hold);
        assert_eq!(decision.reason.because, "no_data");
    }
    assert_eq!(world.n, 10);
    assert_eq!(
        world.minutes(14, 10.0)[12],
        10,
        "fifteen must be known again"
    );
}

#[test]
fn scale_in_can_be_switched_off() {
    let spec = TargetTrackingSpec {
        disable_scale_in: true,
        ..tracking()
    };
    let mut world = World::new(spec.build(), 10);
    assert_eq!(world.minutes(40, 1.0), [10; 40]);
    assert_eq!(world.minutes(3, 100.0)[2], 20);
}

#[test]
fn of_several_targets_the_largest_capacity_wins_and_all_must_agree_to_go_in() {
    let spec = TargetTrackingSpec {
        targets: vec![(AwsMetric::Requests, 50.0), (AwsMetric::Concurrency, 4.0)],
        ..tracking()
    };
    // Nobody tells of the second: it goes out by the first, and never in.
    let mut world = World::new(spec.build(), 10);
    assert_eq!(world.minutes(3, 72.0)[2], 15);
    assert_eq!(world.minutes(40, 5.0), [15; 40]);
}

#[test]
fn a_failed_write_begins_no_cooldown() {
    let mut world = World::new(steps(AwsAdjustment::ChangeInCapacity, 1).build(), 10);
    let before = world.policy.save();
    world.minute(Some(65.0));
    let mut failed = steps(AwsAdjustment::ChangeInCapacity, 1).build();
    failed.restore(&before).unwrap();
    let mut other = World::new(failed, 10);
    other.minute(Some(65.0));
    assert!(other.policy.memory.out.is_some());
    other.policy.memory.out = None;
    other.policy.pending = Pending {
        change: Some((12, 14, 12)),
        has_scale: true,
        ..Pending::default()
    };
    let status = other.policy.settle(&WriteOutcome::Failed("no".into()));
    assert_eq!(status.error.as_deref(), Some("no"));
    assert!(other.policy.memory.out.is_none());
}

#[test]
fn mistakes_are_all_told() {
    let mut spec = steps(AwsAdjustment::ChangeInCapacity, 3);
    spec.target.min = Replicas(200);
    spec.alarm.datapoints = 4;
    spec.scale_out.swap(0, 1);
    spec.scale_in[0].adjustment = AwsAdjustment::ChangeInCapacity(1);
    let fields: Vec<String> = spec.validate().into_iter().map(|m| m.field).collect();
    assert_eq!(
        fields,
        ["alarm.datapoints", "scale_in", "scale_out", "target.min"]
    );
    let none = TargetTrackingSpec {
        targets: vec![(AwsMetric::Cpu, 0.0), (AwsMetric::Cpu, 0.7)],
        ..tracking()
    };
    assert_eq!(none.validate().len(), 2);
}

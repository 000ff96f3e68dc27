//! Step policies of AWS's that must settle under a constant load.

use std::time::Duration;

use metrics::Replicas;
use scaler::{AwsAdjustment, AwsAlarm, AwsMetric, AwsMissing, AwsStep, AwsTarget, StepScalingSpec};

use crate::world::{CAPACITY, Draws, aws};

/// A step policy on requests per replica of which no step leads from one alarm to the other, and whose cooldowns last until a whole
/// datapoint is of what there is then.
pub(crate) fn short_steps(draws: &mut Draws) -> StepScalingSpec {
    loop {
        let spec = drawn_steps(draws);
        if spec.validate().is_empty() && end_between_alarms(&spec) {
            return spec;
        }
    }
}

fn drawn_steps(draws: &mut Draws) -> StepScalingSpec {
    let above = CAPACITY * (0.4 + 0.5 * draws.share());
    let below = above * (0.3 + 0.6 * draws.share());
    let periods = 1 + draws.below(3) as u32;
    let min = 2 + draws.below(14) as u32;
    let in_percent = draws.below(2) == 0;
    let step = |at: f64, sign: f64, size: f64| AwsStep {
        at,
        adjustment: if in_percent {
            AwsAdjustment::PercentChangeInCapacity(sign * 10.0 * size)
        } else {
            AwsAdjustment::ChangeInCapacity((sign * size.ceil()) as i32)
        },
    };
    let mut steps = |from: f64, sign: f64| {
        let (count, size) = (1 + draws.below(3), 0.5 + draws.share());
        let one = |k: u64| {
            let k = k as f64;
            step(from * (1.0 + sign * 0.2 * k), sign, size * (1.0 + k))
        };
        (0..count).map(one).collect::<Vec<_>>()
    };
    let (scale_out, scale_in) = (steps(above, 1.0), steps(below, -1.0));
    let cooldown = Duration::from_secs(draws.one(&[120, 180]));
    StepScalingSpec {
        target: AwsTarget {
            min: Replicas(min),
            tick: Duration::from_secs(60),
            scale_out_cooldown: cooldown,
            scale_in_cooldown: cooldown,
            ..aws()
        },
        metric: AwsMetric::Requests,
        alarm: AwsAlarm {
            periods,
            datapoints: 1 + draws.below(u64::from(periods)) as u32,
            missing: AwsMissing::Missing,
        },
        scale_out,
        scale_in,
        min_adjustment: draws.one(&[1, 1, 2]),
    }
}

/// Whether each step, from wherever it is taken, ends before the other alarm goes off.
fn end_between_alarms(spec: &StepScalingSpec) -> bool {
    let change = |adjustment, n: f64| match adjustment {
        AwsAdjustment::PercentChangeInCapacity(by) => (n * by.abs() / 100.0)
            .floor()
            .max(f64::from(spec.min_adjustment.max(1))),
        AwsAdjustment::ChangeInCapacity(by) => f64::from(by).abs(),
        AwsAdjustment::ExactCapacity(to) => (f64::from(to) - n).abs(),
    };
    let (above, below) = (spec.scale_out[0].at, spec.scale_in[0].at);
    let (min, max) = (spec.target.min.get(), spec.target.max.get());
    (min..=max).map(f64::from).all(|n| {
        let out = |s: &AwsStep| s.at * n / (n + change(s.adjustment, n)) > below;
        let down = |s: &AwsStep| {
            let left = (n - change(s.adjustment, n)).max(f64::from(min));
            s.at * n / left < above
        };
        spec.scale_out.iter().all(out) && spec.scale_in.iter().all(down)
    })
}

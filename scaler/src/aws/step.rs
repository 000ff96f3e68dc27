//! Step scaling: what is done depends on how far the metric is beyond the threshold.
//!
//! After "Step scaling policies" of the Application Auto Scaling and EC2 Auto Scaling user guides.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One step: from a value of the metric on, up to where the next one begins.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AwsStep {
    /// The value at which it begins: the alarm's threshold + AWS's `MetricIntervalLowerBound` on the way out, and
    /// + `MetricIntervalUpperBound` on the way in. The value itself is of this step.
    pub at: f64,
    /// What it does.
    pub adjustment: AwsAdjustment,
}

/// What a step does, with AWS's names.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AwsAdjustment {
    /// So many replicas more, or fewer if it is negative.
    ChangeInCapacity(i32),
    /// So many per cent more, or fewer if it is negative.
    PercentChangeInCapacity(f64),
    /// So many replicas.
    ExactCapacity(u32),
}

impl AwsAdjustment {
    /// How many replicas there should be instead of `capacity`. A percentage that is no whole number of replicas goes
    /// towards zero, but is at least one replica, and at least `magnitude`.
    pub(super) fn of(self, capacity: u32, magnitude: u32) -> u32 {
        let by = match self {
            Self::ExactCapacity(n) => return n,
            Self::ChangeInCapacity(by) => i64::from(by),
            Self::PercentChangeInCapacity(percent) => {
                let exact = f64::from(capacity) * percent / 100.0;
                let least = i64::from(magnitude.max(1));
                if exact == 0.0 || exact.is_nan() {
                    0
                } else if exact > 0.0 {
                    (exact as i64).max(least)
                } else {
                    (exact as i64).min(-least)
                }
            }
        };
        let to = i64::from(capacity).saturating_add(by);
        u32::try_from(to.clamp(0, i64::from(u32::MAX))).unwrap_or(u32::MAX)
    }

    /// In words: `adds 30 % to 10`, `takes 2 from 10`, or `sets the number`.
    pub(super) fn words(self, f: &mut fmt::Formatter<'_>, capacity: u32) -> fmt::Result {
        let is_more = match self {
            Self::ChangeInCapacity(by) => by >= 0,
            Self::PercentChangeInCapacity(by) => by >= 0.0,
            Self::ExactCapacity(_) => return f.write_str("sets the number"),
        };
        let (verb, preposition) = if is_more {
            ("adds", "to")
        } else {
            ("takes", "from")
        };
        write!(f, "{verb} ")?;
        match self {
            Self::ChangeInCapacity(by) => write!(f, "{}", by.unsigned_abs())?,
            Self::PercentChangeInCapacity(by) => write!(f, "{} %", by.abs())?,
            Self::ExactCapacity(_) => {}
        }
        write!(f, " {preposition} {capacity}")
    }
}

/// The step on the way out that a value is in.
pub(super) fn outward(steps: &[AwsStep], value: f64) -> Option<&AwsStep> {
    steps.iter().rev().find(|step| value >= step.at)
}

/// The step on the way in that a value is in.
pub(super) fn inward(steps: &[AwsStep], value: f64) -> Option<&AwsStep> {
    steps.iter().rev().find(|step| value <= step.at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percent(at: f64, percent: f64) -> AwsStep {
        AwsStep {
            at,
            adjustment: AwsAdjustment::PercentChangeInCapacity(percent),
        }
    }

    /// The example of the EC2 guide: an alarm at 50, ten replicas, steps of 10 and 30 per cent 10 and 20 beyond it.
    #[test]
    fn the_guides_example_goes_its_documented_way() {
        let out = [percent(60.0, 10.0), percent(70.0, 30.0)];
        let down = [percent(40.0, -10.0), percent(30.0, -30.0)];
        let mut capacity = 10;
        for (value, to) in [
            (50.0, 10),
            (59.9, 10),
            (60.0, 11),
            (70.0, 14),
            (40.0, 13),
            (30.0, 10),
            (41.0, 10),
        ] {
            let step = outward(&out, value).or_else(|| inward(&down, value));
            capacity = step.map_or(capacity, |step| step.adjustment.of(capacity, 1));
            assert_eq!(capacity, to, "at {value}");
        }
    }

    /// 12.7 is 12, 0.67 is 1, −0.58 is −1 and −6.67 is −6.
    #[test]
    fn percentages_are_rounded_as_the_guide_says() {
        for (capacity, by, change) in [
            (127, 10.0, 12_i64),
            (67, 1.0, 1),
            (58, -1.0, -1),
            (667, -1.0, -6),
            (10, 0.0, 0),
            (100, 10.0, 10),
        ] {
            let to = AwsAdjustment::PercentChangeInCapacity(by).of(capacity, 1);
            assert_eq!(
                i64::from(to) - i64::from(capacity),
                change,
                "{by}% of {capacity}"
            );
        }
    }

    /// The example of the API's reference: 25 % of four tasks is one, but at least two are asked for.
    #[test]
    fn the_least_magnitude_is_of_percentages_alone() {
        let quarter = AwsAdjustment::PercentChangeInCapacity(25.0);
        assert_eq!(quarter.of(4, 2), 6);
        assert_eq!(AwsAdjustment::PercentChangeInCapacity(-25.0).of(4, 2), 2);
        assert_eq!(AwsAdjustment::ChangeInCapacity(1).of(4, 2), 5);
        assert_eq!(AwsAdjustment::ExactCapacity(9).of(4, 2), 9);
        assert_eq!(AwsAdjustment::ChangeInCapacity(-9).of(4, 2), 0);
    }

    #[test]
    fn a_bound_belongs_to_the_step_farther_out() {
        let out = [percent(60.0, 10.0), percent(70.0, 30.0)];
        let down = [percent(40.0, -10.0), percent(30.0, -30.0)];
        let at = |step: Option<&AwsStep>| step.map(|step| step.at);
        assert_eq!(at(outward(&out, 70.0)), Some(70.0));
        assert_eq!(at(outward(&out, 69.9)), Some(60.0));
        assert_eq!(at(outward(&out, 59.9)), None);
        assert_eq!(at(inward(&down, 40.0)), Some(40.0));
        assert_eq!(at(inward(&down, 30.0)), Some(30.0));
        assert_eq!(at(inward(&down, 40.1)), None);
    }
}

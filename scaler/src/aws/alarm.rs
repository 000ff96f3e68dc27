//! CloudWatch's alarms: readings become one datapoint a period, and datapoints a state.
//!
//! After "Alarm evaluation" and "Configuring how CloudWatch alarms treat missing data" of the CloudWatch user guide.

use std::collections::VecDeque;
use std::time::Duration;

use metrics::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// So many datapoints more than its periods an alarm looks at if some are missing. CloudWatch does not say how many it
/// fetches; the tables of its guide have two.
const FURTHER: usize = 2;

/// When an alarm goes off.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AwsAlarm {
    /// Datapoints that are looked at. Range: 1 to 60.
    pub periods: u32,
    /// So many of them must breach. Range: 1 to `periods`.
    pub datapoints: u32,
    /// What stands in for a datapoint that is missing.
    pub missing: AwsMissing,
}

/// What stands in for a datapoint that is missing, with CloudWatch's names.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum AwsMissing {
    /// Nothing: the alarm judges by what there is.
    #[default]
    Missing,
    /// Nothing, and the alarm stays as it is.
    Ignore,
    /// One that breaches.
    Breaching,
    /// One that does not.
    NotBreaching,
}

/// An alarm's state.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) enum State {
    #[default]
    Unknown,
    Ok,
    Alarm,
}

impl Default for AwsAlarm {
    /// Three of three.
    fn default() -> Self {
        Self {
            periods: 3,
            datapoints: 3,
            missing: AwsMissing::default(),
        }
    }
}

impl AwsAlarm {
    /// So many of so many.
    pub(super) const fn all_of(periods: u32) -> Self {
        Self {
            periods,
            datapoints: periods,
            missing: AwsMissing::Missing,
        }
    }

    /// How many datapoints must be kept for it.
    pub(super) const fn kept(&self) -> usize {
        self.periods as usize + FURTHER
    }

    /// Its state by the datapoints, the newest last: whether each breaches, if it is there at all.
    pub(super) fn state(
        &self,
        points: impl DoubleEndedIterator<Item = Option<bool>> + Clone,
        before: State,
    ) -> State {
        let newest = points.rev().take(self.kept());
        let periods = self.periods as usize;
        let counted = newest.clone().flatten().take(periods);
        let known = counted.clone().count();
        let breach = counted.filter(|breaches| *breaches).count();
        let lacking = match self.missing {
            AwsMissing::Breaching => periods - known,
            _ => 0,
        };
        if breach + lacking >= self.datapoints as usize {
            return State::Alarm;
        }
        let is_filled = matches!(
            self.missing,
            AwsMissing::Breaching | AwsMissing::NotBreaching
        );
        if known == periods || is_filled {
            return State::Ok;
        }
        match (self.missing, known == 0, self.is_early(newest)) {
            (AwsMissing::Ignore, true, _) | (AwsMissing::Ignore, _, true) => before,
            (_, true, _) => State::Unknown,
            (_, _, true) => State::Alarm,
            _ => State::Ok,
        }
    }

    /// Whether all datapoints that are there breach, and the oldest is as old as an alarm takes: then CloudWatch does not
    /// wait for those that never come.
    fn is_early(&self, newest: impl Iterator<Item = Option<bool>>) -> bool {
        let (mut all, mut oldest) = (true, 0);
        for (age, point) in newest.enumerate() {
            if let Some(breaches) = point {
                all &= breaches;
                oldest = age + 1;
            }
        }
        all && oldest > 0 && oldest >= self.datapoints as usize
    }
}

/// The datapoints of one metric: means of what was read in each period.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Points {
    open: Option<Open>,
    /// The newest last.
    closed: VecDeque<Option<f64>>,
}

/// The period that is not over yet.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
struct Open {
    index: i64,
    sum: f64,
    count: u32,
}

impl Open {
    const fn at(index: i64) -> Self {
        Self {
            index,
            sum: 0.0,
            count: 0,
        }
    }

    fn mean(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / f64::from(self.count))
    }
}

impl Points {
    /// Takes what was read at an instant, and says whether a period is over with it. Periods are multiples since the
    /// epoch, and their ends are theirs.
    pub(super) fn take(
        &mut self,
        at: Timestamp,
        value: Option<f64>,
        period: Duration,
        kept: usize,
    ) -> bool {
        let period = i64::try_from(period.as_nanos()).unwrap_or(i64::MAX).max(1);
        let index = at.as_nanos().saturating_sub(1).div_euclid(period);
        let mut open = self.open.unwrap_or(Open::at(index));
        let mut is_over = false;
        if open.index < index {
            self.close(open.mean(), kept);
            let passed = usize::try_from(index - open.index - 1).unwrap_or(usize::MAX);
            for _ in 0..passed.min(kept) {
                self.close(None, kept);
            }
            open = Open::at(index);
            is_over = true;
        }
        // What is no number, or so large that the sum would be none, is no reading: a memory must be able to hold it.
        if let Some(sum) = value.map(|v| open.sum + v).filter(|sum| sum.is_finite()) {
            open.sum = sum;
            open.count += 1;
        }
        if at.as_nanos().rem_euclid(period) == 0 && open.index == index {
            self.close(open.mean(), kept);
            open = Open::at(index + 1);
            is_over = true;
        }
        self.open = Some(open);
        is_over
    }

    fn close(&mut self, mean: Option<f64>, kept: usize) {
        self.closed
            .push_back(mean.filter(|value| value.is_finite()));
        while self.closed.len() > kept {
            self.closed.pop_front();
        }
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = Option<f64>> + Clone {
        self.closed.iter().copied()
    }

    /// The newest, if it is there.
    pub(super) fn newest(&self) -> Option<f64> {
        self.closed.back().copied().flatten()
    }

    /// How many of the newest ones are there.
    pub(super) fn known(&self, of: u32) -> usize {
        self.iter().rev().take(of as usize).flatten().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MISSING: [AwsMissing; 4] = [
        AwsMissing::Missing,
        AwsMissing::Ignore,
        AwsMissing::Breaching,
        AwsMissing::NotBreaching,
    ];

    /// `0` is within the threshold, `X` breaches, `-` is missing; the newest last.
    fn states(points: &str, datapoints: u32, periods: u32) -> [State; 4] {
        let points = points.chars().map(|c| match c {
            '0' => Some(false),
            'X' => Some(true),
            _ => None,
        });
        let points: Vec<Option<bool>> = points.collect();
        MISSING.map(|missing| {
            let alarm = AwsAlarm {
                periods,
                datapoints,
                missing,
            };
            alarm.state(points.iter().copied(), State::Unknown)
        })
    }

    #[test]
    fn missing_datapoints_count_as_the_guides_table_says() {
        use State::{Alarm, Ok, Unknown as Retained};
        let unknown = Retained;
        for (points, expected) in [
            ("0-X-X", [Ok; 4]),
            ("----0", [Ok, Ok, Ok, Ok]),
            ("-----", [unknown, Retained, Alarm, Ok]),
            ("0XX-X", [Alarm; 4]),
            ("--X--", [Alarm, Retained, Alarm, Ok]),
        ] {
            assert_eq!(states(points, 3, 3), expected, "{points}");
        }
    }

    #[test]
    fn two_of_three_are_enough_if_that_is_asked() {
        use State::{Alarm, Ok, Unknown as Retained};
        for (points, expected) in [
            ("0-X-X", [Alarm; 4]),
            ("00X0X", [Alarm; 4]),
            ("0-X--", [Ok, Ok, Alarm, Ok]),
            ("----0", [Ok, Ok, Alarm, Ok]),
            ("---X-", [Alarm, Retained, Alarm, Ok]),
        ] {
            assert_eq!(states(points, 2, 3), expected, "{points}");
        }
    }

    #[test]
    fn a_datapoint_is_the_mean_of_its_period_and_its_end_belongs_to_it() {
        let minute = Duration::from_secs(60);
        let mut points = Points::default();
        let mut take = |s, value| points.take(Timestamp::from_secs(s), value, minute, 4);
        assert!(!take(15, Some(1.0)));
        assert!(!take(30, Some(2.0)));
        assert!(!take(45, None));
        assert!(take(60, Some(6.0)), "the minute is over");
        assert!(!take(75, Some(f64::NAN)));
        assert!(!take(80, Some(f64::INFINITY)));
        assert!(take(130, Some(5.0)), "late, but over");
        assert!(take(375, Some(5.0)), "three were missed");
        let all: Vec<Option<f64>> = points.iter().collect();
        assert_eq!(all, [Some(5.0), None, None, None]);
        assert_eq!((points.newest(), points.known(4)), (None, 1));
    }

    #[test]
    fn readings_whose_sum_is_no_number_can_still_be_saved() {
        let minute = Duration::from_secs(60);
        let mut points = Points::default();
        for (s, value) in [(10, 1e308), (20, 1e308), (30, f64::NAN)] {
            points.take(Timestamp::from_secs(s), Some(value), minute, 4);
        }
        let text = serde_json::to_string(&points).unwrap();
        assert_eq!(serde_json::from_str::<Points>(&text).unwrap(), points);
        assert!(points.take(Timestamp::from_secs(60), None, minute, 4));
        assert_eq!(points.newest(), Some(1e308), "the first was one");
    }
}

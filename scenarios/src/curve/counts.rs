//! Counts in bins of equal length, as measured.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Ratio, Rps};
use serde::{Deserialize, Serialize};

use super::{CurveError, faster};
use crate::time::seconds;

/// λ(t) = `scale` · count of t's bin ÷ the bin's length; 0 after the end.
///
/// The integral at each bin's end is exactly the sum of the counts until then (times `scale`), so that even arrivals
/// fall into each bin as often as was counted there.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Counts {
    bin: Duration,
    scale: Ratio,
    /// t = 0 is so long after the first bin's beginning.
    from: Duration,
    /// How long it is, from t = 0.
    length: Duration,
    /// How many came before the bin of this place; one more entry than there are bins, the first 0.
    before: Arc<[f64]>,
}

#[derive(Deserialize, Serialize)]
struct Fields {
    bin: Duration,
    scale: Ratio,
    from: Duration,
    length: Duration,
    counts: Vec<f64>,
}

impl Counts {
    /// Counts in bins of the length `bin`, the first of which begins at t = 0.
    ///
    /// # Errors
    /// If `bin` is 0, there are more than 4 million counts, or one is negative or not finite.
    pub fn new(
        bin: Duration,
        counts: impl IntoIterator<Item = f64>,
        scale: Ratio,
    ) -> Result<Self, CurveError> {
        if bin.is_zero() {
            return Err(CurveError::Zero("bin"));
        }
        let mut before = vec![0.0];
        let mut sum = 0.0;
        for count in counts {
            if !count.is_finite() || count < 0.0 {
                return Err(CurveError::Count {
                    place: before.len(),
                    count,
                });
            }
            sum += count;
            before.push(sum);
            if before.len() > crate::trace::ROWS_MAX + 1 {
                return Err(CurveError::TooLong(before.len() - 1));
            }
        }
        let length = seconds(bin.as_secs_f64() * (before.len() - 1) as f64);
        Ok(Self {
            bin,
            scale,
            from: Duration::ZERO,
            length,
            before: before.into(),
        })
    }

    /// The part that begins at `from` and is at most `length` long.
    #[must_use]
    pub fn cut(&self, from: Duration, length: Duration) -> Self {
        let left = self.length.saturating_sub(from);
        let from = self.from + from.min(self.length);
        Self {
            from,
            length: length.min(left),
            ..self.clone()
        }
    }

    /// The same, `factor` times as high.
    #[must_use]
    pub fn scaled(&self, factor: Ratio) -> Self {
        let scale = Ratio::new(self.scale.get() * factor.get()).unwrap_or(self.scale);
        Self {
            scale,
            ..self.clone()
        }
    }

    /// The same, so high that its mean is `mean`; unchanged if nothing was counted.
    #[must_use]
    pub fn with_mean(&self, mean: Rps) -> Self {
        let unscaled = Self {
            scale: Ratio::ONE,
            ..self.clone()
        };
        let length = self.length.as_secs_f64();
        let scale = Ratio::new(mean.get() / (unscaled.count(length) / length));
        Self {
            scale: scale.unwrap_or(self.scale),
            ..unscaled
        }
    }

    /// How long it is.
    #[must_use]
    pub const fn length(&self) -> Duration {
        self.length
    }

    /// The bins' length.
    #[must_use]
    pub const fn bin(&self) -> Duration {
        self.bin
    }

    fn bins(&self) -> usize {
        self.before.len() - 1
    }

    /// The bin of `t` seconds and the share of it that is over; past the last, its end.
    fn position(&self, t: f64) -> (usize, f64) {
        let x = ((t + self.from.as_secs_f64()) / self.bin.as_secs_f64()).max(0.0);
        let place = x as usize;
        if place >= self.bins() {
            (self.bins(), 0.0)
        } else {
            (place, x - place as f64)
        }
    }

    /// Unscaled counts from the first bin's beginning to `t` seconds.
    fn sum(&self, t: f64) -> f64 {
        let (place, share) = self.position(t);
        let inside = self
            .before
            .get(place + 1)
            .map_or(0.0, |after| share * (after - self.before[place]));
        self.before[place] + inside
    }

    pub(super) fn rate(&self, t: f64) -> f64 {
        if t >= self.length.as_secs_f64() {
            return 0.0;
        }
        let (place, _) = self.position(t);
        self.before.get(place + 1).map_or(0.0, |after| {
            self.scale.get() * (after - self.before[place]) / self.bin.as_secs_f64()
        })
    }

    /// The rate `back` seconds before t = 0: that of the bins which are there, then that of the first day; the mean of less
    /// than a day.
    pub(super) fn rate_before(&self, back: f64, day: f64) -> f64 {
        let from = self.from.as_secs_f64();
        let all = self.bins() as f64 * self.bin.as_secs_f64();
        let place = from - back;
        let place = if place >= 0.0 {
            place
        } else if all >= day {
            super::before::ahead(-place, day)
        } else {
            let mean = self.before.last().map_or(0.0, |sum| sum / all.max(1e-9));
            return self.scale.get() * mean;
        };
        let bin = (place / self.bin.as_secs_f64()) as usize;
        self.before.get(bin + 1).map_or(0.0, |after| {
            self.scale.get() * (after - self.before[bin]) / self.bin.as_secs_f64()
        })
    }

    pub(super) fn count(&self, t: f64) -> f64 {
        self.scale.get() * (self.sum(t.min(self.length.as_secs_f64())) - self.sum(0.0))
    }

    pub(super) fn invert(&self, count: f64, near: f64) -> Option<f64> {
        let sum = self.sum(0.0) + count / self.scale.get();
        let place = self.bin_of(sum, near)?;
        let after = self.before.get(place + 1)?;
        let share = (sum - self.before[place]) / (after - self.before[place]);
        let t = (place as f64 + share) * self.bin.as_secs_f64() - self.from.as_secs_f64();
        (t <= self.length.as_secs_f64()).then_some(t.max(0.0))
    }

    /// The first bin whose end is at or above the sum; it begins below it, so it is not empty. Arrivals follow each other, so
    /// it mostly is that of `near`.
    #[inline]
    fn bin_of(&self, sum: f64, near: f64) -> Option<usize> {
        let (guess, _) = self.position(near);
        match self.before.get(guess..guess + 2) {
            Some([begin, end]) if *begin < sum && sum <= *end => Some(guess),
            _ => self
                .before
                .partition_point(|before| *before < sum)
                .checked_sub(1),
        }
    }

    pub(super) fn corners(&self, until: f64) -> Vec<f64> {
        let bin = self.bin.as_secs_f64();
        let from = self.from.as_secs_f64();
        let until = until.min(self.length.as_secs_f64());
        let (first, _) = self.position(0.0);
        let begun = (((until + from) / bin).ceil() as usize).clamp(first, self.bins());
        let highest = (first..begun).max_by(|a, b| {
            let count = |place: usize| self.before[place + 1] - self.before[place];
            count(*a).total_cmp(&count(*b))
        });
        // The middle of the part of the bin that is inside stands for it.
        let middle = |place: usize| {
            let begin = (place as f64 * bin - from).max(0.0);
            let end = ((place + 1) as f64 * bin - from).min(until);
            (begin + end) / 2.0
        };
        highest.map(middle).into_iter().collect()
    }

    pub(crate) fn compressed(&self, speed: f64) -> Self {
        // Rates stay, so a bin of 1/speed the length holds 1/speed as many.
        let bin = faster(self.bin, speed).max(Duration::from_nanos(1));
        let shrunk = bin.as_secs_f64() / self.bin.as_secs_f64();
        Self {
            bin,
            scale: Ratio::new(self.scale.get() * shrunk).unwrap_or(self.scale),
            from: faster(self.from, speed),
            length: faster(self.length, speed),
            before: Arc::clone(&self.before),
        }
    }
}

impl TryFrom<Fields> for Counts {
    type Error = CurveError;

    fn try_from(fields: Fields) -> Result<Self, CurveError> {
        let whole = Self::new(fields.bin, fields.counts, fields.scale)?;
        Ok(whole.cut(fields.from, fields.length))
    }
}

impl From<Counts> for Fields {
    fn from(counts: Counts) -> Self {
        let Counts {
            bin,
            scale,
            from,
            length,
            before,
        } = counts;
        let counts = before.windows(2).map(|pair| pair[1] - pair[0]).collect();
        Self {
            bin,
            scale,
            from,
            length,
            counts,
        }
    }
}

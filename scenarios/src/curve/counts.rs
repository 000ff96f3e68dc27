//! Counts in bins of equal length, as measured.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Ratio, Rps};
use serde::{Deserialize, Serialize};

use super::{CurveError, faster};

/// λ(t) = `scale` · count of t's bin ÷ the bin's length; 0 after the last bin.
///
/// The integral at each bin's end is exactly the sum of the counts until then (times `scale`), so that even arrivals
/// fall into each bin as often as was counted there.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Counts {
    bin: Duration,
    scale: Ratio,
    /// How many came before the bin of this place; one more entry than there are bins, the first 0.
    before: Arc<[f64]>,
}

#[derive(Deserialize, Serialize)]
struct Fields {
    bin: Duration,
    scale: Ratio,
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
        Ok(Self {
            bin,
            scale,
            before: before.into(),
        })
    }

    /// The same, `factor` times as high.
    #[must_use]
    pub fn scaled(&self, factor: Ratio) -> Self {
        let scale = Ratio::new(self.scale.get() * factor.get()).unwrap_or(self.scale);
        Self {
            bin: self.bin,
            scale,
            before: Arc::clone(&self.before),
        }
    }

    /// The same, so high that its mean is `mean`; unchanged if nothing was counted.
    #[must_use]
    pub fn with_mean(&self, mean: Rps) -> Self {
        let unscaled = self.total() / self.length().as_secs_f64();
        match Ratio::new(mean.get() / unscaled) {
            Ok(scale) => Self {
                bin: self.bin,
                scale,
                before: Arc::clone(&self.before),
            },
            Err(_) => self.clone(),
        }
    }

    /// How long it is.
    #[must_use]
    pub fn length(&self) -> Duration {
        crate::time::seconds(self.bin.as_secs_f64() * self.bins() as f64)
    }

    /// How many bins there are.
    #[must_use]
    pub fn bins(&self) -> usize {
        self.before.len() - 1
    }

    /// All counts together, before scaling.
    fn total(&self) -> f64 {
        self.before[self.bins()]
    }

    /// The bin of `t` and the share of it that is over; past the end, the end.
    fn position(&self, t: f64) -> (usize, f64) {
        let x = (t / self.bin.as_secs_f64()).max(0.0);
        let place = x as usize;
        if place >= self.bins() {
            (self.bins(), 0.0)
        } else {
            (place, x - place as f64)
        }
    }

    pub(super) fn rate(&self, t: f64) -> f64 {
        let (place, _) = self.position(t);
        self.before.get(place + 1).map_or(0.0, |after| {
            self.scale.get() * (after - self.before[place]) / self.bin.as_secs_f64()
        })
    }

    pub(super) fn count(&self, t: f64) -> f64 {
        let (place, share) = self.position(t);
        let inside = self
            .before
            .get(place + 1)
            .map_or(0.0, |after| share * (after - self.before[place]));
        self.scale.get() * (self.before[place] + inside)
    }

    pub(super) fn invert(&self, count: f64) -> Option<f64> {
        let count = count / self.scale.get();
        // The first bin whose end is at or above the count; below its end there is room, so it is not empty.
        let place = self
            .before
            .partition_point(|before| *before < count)
            .checked_sub(1)?;
        let after = self.before.get(place + 1)?;
        let share = (count - self.before[place]) / (after - self.before[place]);
        Some((place as f64 + share) * self.bin.as_secs_f64())
    }

    pub(super) fn corners(&self, until: f64) -> Vec<f64> {
        let bin = self.bin.as_secs_f64();
        // The bin's middle stands for the bin; the highest of those that have begun is enough.
        let begun = ((until / bin).ceil() as usize).min(self.bins());
        let highest = (0..begun).max_by(|a, b| {
            let count = |place: usize| self.before[place + 1] - self.before[place];
            count(*a).total_cmp(&count(*b))
        });
        highest
            .map(|place| (place as f64 + 0.5) * bin)
            .into_iter()
            .collect()
    }

    pub(super) fn compressed(&self, speed: f64) -> Self {
        // Rates stay, so a bin of 1/speed the length holds 1/speed as many.
        let bin = faster(self.bin, speed).max(Duration::from_nanos(1));
        let shrunk = bin.as_secs_f64() / self.bin.as_secs_f64();
        let scale = Ratio::new(self.scale.get() * shrunk).unwrap_or(self.scale);
        Self {
            bin,
            scale,
            before: Arc::clone(&self.before),
        }
    }
}

impl TryFrom<Fields> for Counts {
    type Error = CurveError;

    fn try_from(fields: Fields) -> Result<Self, CurveError> {
        Self::new(fields.bin, fields.counts, fields.scale)
    }
}

impl From<Counts> for Fields {
    fn from(trace: Counts) -> Self {
        let counts = trace
            .before
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .collect();
        Self {
            bin: trace.bin,
            scale: trace.scale,
            counts,
        }
    }
}

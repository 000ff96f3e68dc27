//! Distributions of durations, and the one sampler that all worlds use.
//!
//! Every draw takes exactly one 64-bit number and is the inverse of the distribution function at it, so that the same luck
//! means the same rank under every scenario. Tails are exact to the resolution of the draw, 2⁻⁵⁴. Only `libm` and exactly
//! rounded operations are used, so that all platforms agree to the last bit.

mod normal;
mod quantiles;

use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::draws::unit_interval;
use crate::time::{nanos, seconds, whole, whole_nanos};

use normal::inverse_cdf as inverse_normal;
pub(crate) use quantiles::{exp, minus_log, normal as normal_quantile};

/// The longest duration that a distribution may be built from.
pub const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// The largest coefficient of variation of a log-normal.
const WIDEST_CV: f64 = 100.0;

/// A distribution of a duration. Build it with its constructors, which check.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Always the same.
    Constant(Duration),
    /// Log-normal: `scale` · exp(`mu` + `sigma` · Z) seconds, Z standard normal.
    LogNormal {
        /// The logarithm of the median in seconds.
        mu: f64,
        /// The spread of the logarithm; above 0.
        sigma: f64,
        /// Every draw is multiplied by this (time compression keeps the shape).
        scale: f64,
    },
    /// Exponential.
    Exponential {
        /// Its mean.
        mean: Duration,
    },
    /// One of these, each with the same chance; in ascending order, at least one.
    Empirical(Arc<[Duration]>),
}

/// Why a distribution cannot be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DistributionError {
    /// A duration is too long.
    #[error("{what} = {value:?}, must be at most 366 days")]
    TooLong {
        /// Which one.
        what: &'static str,
        /// What was given.
        value: Duration,
    },
    /// The coefficient of variation is no such thing.
    #[error("cv = {0}, must be from 0 to 100")]
    Cv(f64),
    /// The quantile is below the median, or the median is zero.
    #[error(
        "{what} = {quantile:?} beside a median of {median:?}: the median must be above 0 and {what} not below it"
    )]
    Order {
        /// Which quantile.
        what: &'static str,
        /// What was given.
        quantile: Duration,
        /// What was given.
        median: Duration,
    },
    /// There is nothing to draw from.
    #[error("an empirical distribution needs at least one value")]
    Empty,
}

impl Distribution {
    /// Always `value`.
    #[must_use]
    pub const fn constant(value: Duration) -> Self {
        Self::Constant(value)
    }

    /// Log-normal with this mean and coefficient of variation (standard deviation ÷ mean): σ² = ln(1 + cv²),
    /// μ = ln(mean) − σ²/2. With cv 0 or mean 0 it is constant.
    ///
    /// # Errors
    /// If the mean is over 366 days, or the cv is not from 0 to 100.
    pub fn from_mean_cv(mean: Duration, cv: f64) -> Result<Self, DistributionError> {
        check("mean", mean)?;
        if !(0.0..=WIDEST_CV).contains(&cv) {
            return Err(DistributionError::Cv(cv));
        }
        let variance = libm::log1p(cv * cv);
        if mean.is_zero() || variance == 0.0 {
            return Ok(Self::Constant(mean));
        }
        let mu = libm::log(mean.as_secs_f64()) - variance / 2.0;
        Ok(Self::LogNormal {
            mu,
            sigma: variance.sqrt(),
            scale: 1.0,
        })
    }

    /// Log-normal with this median and 90 % quantile.
    ///
    /// # Errors
    /// If the median is 0, the quantile below it, or either over 366 days.
    pub fn from_median_p90(median: Duration, p90: Duration) -> Result<Self, DistributionError> {
        Self::from_median_quantile(median, "p90", p90, 0.90)
    }

    /// Log-normal with this median and 99 % quantile.
    ///
    /// # Errors
    /// If the median is 0, the quantile below it, or either over 366 days.
    pub fn from_median_p99(median: Duration, p99: Duration) -> Result<Self, DistributionError> {
        Self::from_median_quantile(median, "p99", p99, 0.99)
    }

    fn from_median_quantile(
        median: Duration,
        what: &'static str,
        quantile: Duration,
        rank: f64,
    ) -> Result<Self, DistributionError> {
        check("median", median)?;
        check(what, quantile)?;
        if median.is_zero() || quantile < median {
            return Err(DistributionError::Order {
                what,
                quantile,
                median,
            });
        }
        if quantile == median {
            return Ok(Self::Constant(median));
        }
        let mu = libm::log(median.as_secs_f64());
        let sigma = (libm::log(quantile.as_secs_f64()) - mu) / inverse_normal(rank);
        Ok(Self::LogNormal {
            mu,
            sigma,
            scale: 1.0,
        })
    }

    /// Exponential with this mean.
    ///
    /// # Errors
    /// If the mean is over 366 days.
    pub fn exponential(mean: Duration) -> Result<Self, DistributionError> {
        check("mean", mean)?;
        Ok(Self::Exponential { mean })
    }

    /// One of `values`, each with the same chance.
    ///
    /// # Errors
    /// If there is none, or one is over 366 days.
    pub fn empirical(mut values: Vec<Duration>) -> Result<Self, DistributionError> {
        values.sort_unstable();
        let Some(longest) = values.last() else {
            return Err(DistributionError::Empty);
        };
        check("a value", *longest)?;
        Ok(Self::Empirical(values.into()))
    }

    /// Draws a duration.
    #[inline]
    pub fn sample(&self, draws: &mut impl Rng) -> Duration {
        Duration::from_nanos(self.sample_nanos(draws))
    }

    /// Draws a duration in nanoseconds: what a simulator counts in.
    #[inline]
    pub fn sample_nanos(&self, draws: &mut impl Rng) -> u64 {
        let bits = draws.next_u64();
        match self {
            Self::Constant(value) => whole_nanos(*value),
            Self::LogNormal { mu, sigma, scale } => {
                nanos(scale * exp(mu + sigma * normal_quantile(bits)))
            }
            // −ln(u) rather than −ln(1 − u): the long draws, where u is small, are the finest.
            Self::Exponential { mean } => {
                whole(whole_nanos(*mean) as i64 as f64 * minus_log(unit_interval(bits)))
            }
            Self::Empirical(values) => {
                let place = (u128::from(bits) * values.len() as u128) >> 64;
                values
                    .get(place as usize)
                    .map_or(0, |value| whole_nanos(*value))
            }
        }
    }

    /// Its mean.
    #[must_use]
    pub fn mean(&self) -> Duration {
        match self {
            Self::Constant(value) => *value,
            Self::LogNormal { mu, sigma, scale } => {
                seconds(scale * libm::exp(mu + sigma * sigma / 2.0))
            }
            Self::Exponential { mean } => *mean,
            Self::Empirical(values) => {
                let total: f64 = values.iter().map(Duration::as_secs_f64).sum();
                seconds(total / values.len().max(1) as f64)
            }
        }
    }

    /// The duration that a share `q` of the draws does not exceed; `q` is taken as at least 2⁻⁵⁴ and at most 1 − 2⁻⁵³.
    #[must_use]
    pub fn quantile(&self, q: metrics::Quantile) -> Duration {
        let q = q.get().clamp(f64::EPSILON / 4.0, 1.0 - f64::EPSILON / 2.0);
        match self {
            Self::Constant(value) => *value,
            Self::LogNormal { mu, sigma, scale } => {
                seconds(scale * libm::exp(mu + sigma * inverse_normal(q)))
            }
            Self::Exponential { mean } => seconds(mean.as_secs_f64() * -libm::log1p(-q)),
            Self::Empirical(values) => {
                // The nearest rank: the smallest value that at least a share q does not exceed.
                let rank = (q * values.len() as f64).ceil().max(1.0) as usize;
                values
                    .get(rank - 1)
                    .or(values.last())
                    .copied()
                    .unwrap_or_default()
            }
        }
    }

    /// The same with every draw multiplied by `factor`, which is at least 0 and finite; anything else leaves it as it is.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        if !factor.is_finite() || factor < 0.0 {
            return self.clone();
        }
        let times = |value: &Duration| seconds(value.as_secs_f64() * factor);
        match self {
            Self::Constant(value) => Self::Constant(times(value)),
            Self::LogNormal { mu, sigma, scale } => Self::LogNormal {
                mu: *mu,
                sigma: *sigma,
                scale: scale * factor,
            },
            Self::Exponential { mean } => Self::Exponential { mean: times(mean) },
            Self::Empirical(values) => Self::Empirical(values.iter().map(times).collect()),
        }
    }
}

fn check(what: &'static str, value: Duration) -> Result<(), DistributionError> {
    if value > LONGEST {
        return Err(DistributionError::TooLong { what, value });
    }
    Ok(())
}

#[cfg(test)]
mod tests;

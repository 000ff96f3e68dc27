//! All that a policy must not forget: a checkpoint of a few KiB.

use metrics::Timestamp;
use serde::{Deserialize, Serialize};

use super::budget::Budget;
use super::calendar::{Base, Lessons};
use super::curve::Seen;
use super::forecast::Start;
use super::full_rate::FullRate;
use super::holds::{Asked, Wanted};
use super::peaks::Peaks;
use super::recent::Recent;
use super::residuals::Residuals;
use super::start_up::StartUps;
use super::tried::Tried;

/// What safety needs: what was wanted and asked for, what a replica can do, the price, the margin.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Memory {
    /// The newest reading that something was learned from, as an instant and in seconds; nothing before the first.
    pub(super) read: Option<(Timestamp, f64)>,
    pub(super) full_rate: FullRate,
    /// The full rate for which the formula's curve was made.
    pub(super) prior_at: Option<f64>,
    pub(super) seen: Seen,
    pub(super) residuals: Residuals,
    pub(super) recent: Recent,
    pub(super) wanted: Wanted,
    pub(super) asked: Asked,
    #[serde(default)]
    pub(super) tried: Tried,
    /// The last decision: when, and how many.
    pub(super) decided: Option<(f64, u32)>,
    pub(super) budget: Budget,
    /// What the last days say of the price.
    #[serde(default)]
    pub(super) start: Start,
    pub(super) starts: StartUps,
    pub(super) base: Base,
    #[serde(default)]
    pub(super) lessons: Lessons,
    /// Until when a surge is held, in seconds.
    pub(super) surge_until: f64,
    /// When there was overload last, in seconds.
    pub(super) overload_at: f64,
    pub(super) peaks: Peaks,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            read: None,
            full_rate: FullRate::default(),
            prior_at: None,
            seen: Seen::default(),
            residuals: Residuals::default(),
            recent: Recent::default(),
            wanted: Wanted::default(),
            asked: Asked::default(),
            tried: Tried::default(),
            decided: None,
            budget: Budget::default(),
            start: Start::default(),
            starts: StartUps::default(),
            base: Base::default(),
            lessons: Lessons::default(),
            surge_until: -1e300,
            overload_at: -1e300,
            peaks: Peaks::default(),
        }
    }
}

impl Memory {
    /// Whether every part is as that part can be; what was saved may be damaged.
    pub(super) fn is_sound(&self) -> bool {
        self.seen.is_sound()
            && self.residuals.is_sound()
            && self.recent.is_sound()
            && self.budget.is_sound()
            && self.start.is_sound()
            && self.starts.is_sound()
            && self.base.is_sound()
            && self.tried.is_sound()
            && self.lessons.is_sound()
            && self.full_rate.is_sound()
            && self.prior_at.is_none_or(|at| (1e-9..1e15).contains(&at))
            && self.peaks.is_sound()
    }
}

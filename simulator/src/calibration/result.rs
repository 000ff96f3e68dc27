//! What a calibration comes to.

use serde::Serialize;

/// How requests share what works on them.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// So many slots; who finds none waits.
    Fifo,
    /// All at once, on so many cores.
    Sharing,
}

/// Why nothing can be fitted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CalibrationError {
    /// Too few steps.
    #[error("{0} steps of load, at least 3 are needed: two to fit, and the top one to judge by")]
    FewSteps(usize),
    /// A page was never answered.
    #[error(
        "page `{0}` was never answered well at the lowest load: there is nothing to fit its time from"
    )]
    NoTimes(String),
    /// A step has nothing to compare.
    #[error(
        "at {0:.1} pages/s fewer than 10 pages were answered well: longer steps are needed, or a lower top"
    )]
    NoAnswers(f64),
    /// The target was overloaded from the beginning.
    #[error(
        "already at {0:.1} pages/s, the lowest step, the target did not keep up: a lower top is needed"
    )]
    Overloaded(f64),
    /// The scenario is not of the form that is fitted.
    #[error("the scenario to be fitted must have one service, and an operation for each page")]
    Form,
}

/// A value and where it lies, nine times of ten, if the system is of the fitted kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Interval {
    /// The value.
    pub value: f64,
    /// The least that what was measured does not speak against; nothing if none was found.
    pub low: Option<f64>,
    /// The most; nothing if there is no most: what was measured fits any larger value as well.
    pub high: Option<f64>,
}

/// How far the fit is off at one step: (simulated − measured) ÷ measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct StepError {
    /// Pages per second that were offered.
    pub rate: f64,
    /// Whether the target did not keep up there: then of the step's figures only the throughput is fitted.
    pub overloaded: bool,
    /// Of the throughput.
    pub throughput: f64,
    /// Of p50; nothing with too few samples. So with the others.
    pub p50: Option<f64>,
    /// Of p95.
    pub p95: Option<f64>,
    /// Of p99.
    pub p99: Option<f64>,
}

/// One description of the system: slots, or shared cores.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Described {
    /// How requests share what works on them.
    pub kind: Kind,
    /// Slots, or cores.
    pub width: Interval,
    /// The share of work that only one can do at a time; 0 for slots. So with the next.
    pub alpha: Interval,
    /// What keeping each other informed costs.
    pub beta: Interval,
    /// Requests that may wait; nothing if none was ever turned away.
    pub queue: Option<Interval>,
    /// By how much the pages' times are longer than measured at the lowest load.
    pub scale: Interval,
    /// How much further off the fitted figures are than chance explains, as the root of the mean square; 1 or less: chance
    /// explains it.
    pub misfit: f64,
    /// The top step, which was not fitted.
    pub held_back: StepError,
}

/// What the system is like.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fitted {
    /// The description that what was measured speaks for more.
    #[serde(flatten)]
    pub best: Described,
    /// The description of the other kind.
    pub other: Described,
    /// How much more likely the best description makes what was measured than the other does, as a natural logarithm.
    pub log_odds: f64,
    /// The share of the pages' times that is work; the rest is waiting for others.
    pub work: f64,
    /// CPU time per page by the utilisation law, in seconds; nothing if it was not read.
    pub cpu_per_page: Option<f64>,
    /// The steps that were fitted.
    pub steps: Vec<StepError>,
}

/// From so many times as likely on, a description counts as told from the other.
const TOLD_APART: f64 = 20.0;

impl Fitted {
    /// Whether what was measured tells slots from shared cores: one is at least twenty times as likely.
    #[must_use]
    pub fn is_told_apart(&self) -> bool {
        self.log_odds >= libm::log(TOLD_APART)
    }
}

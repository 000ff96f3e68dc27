//! Estimates with their standard errors, by batch means.

/// What was seen of a quantity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) value: f64,
    /// The standard error; nothing if nothing varied or there are too few batches to say.
    pub(crate) error: Option<f64>,
}

impl Estimate {
    /// The value over all batches, and the spread of the batches' own values: after warm-up and with batches much longer
    /// than the model's memory they are all but independent (Law, *Simulation Modeling and Analysis*, 9.5.3).
    pub(crate) fn of_batches(value: f64, batches: &[f64]) -> Self {
        Self {
            value,
            error: error_of_mean(batches),
        }
    }

    /// The mean of independent values.
    pub(crate) fn of_values(values: &[f64]) -> Self {
        Self {
            value: mean(values),
            error: error_of_mean(values),
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The standard error of the mean; nothing for fewer than two values, for values that are no numbers (a batch in which
/// nothing happened), and for values that are all the same.
fn error_of_mean(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let mean = mean(values);
    let squares: f64 = values
        .iter()
        .map(|value| (value - mean) * (value - mean))
        .sum();
    let error = (squares / (n - 1.0) / n).sqrt();
    (error.is_finite() && error > 0.0).then_some(error)
}

//! Distributions of a model as the scenario language says them.

use super::case::{Fault, Model};
use super::gamma;

/// How many values stand for a distribution that the language has no word for: the mean of each of as many equal parts,
/// so that the mean is exact and the variance nearly.
const VALUES: usize = 100_000;

/// A service time. Most are one kind of request; a mixture is one kind per part.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) mean: f64,
    pub(crate) kinds: Vec<Kind>,
    /// Files that the steps name.
    pub(crate) files: Vec<(String, String)>,
}

/// One kind of request: its share, and its steps as the language writes them.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    pub(crate) share: f64,
    pub(crate) steps: Vec<String>,
}

impl Work {
    fn of(mean: f64, steps: Vec<String>) -> Self {
        Self {
            mean,
            kinds: vec![Kind { share: 1.0, steps }],
            files: Vec::new(),
        }
    }

    pub(crate) fn exponential(mean: f64) -> Self {
        Self::of(mean, vec![exponential(mean)])
    }

    pub(crate) fn constant(mean: f64) -> Self {
        Self::of(mean, vec![time(mean)])
    }

    /// Reads `dist` and its parameters; without `dist` it is exponential.
    pub(crate) fn read(model: &Model<'_>) -> Result<Self, Fault> {
        let dist = match model.get("dist") {
            Some(_) => model.text("dist")?,
            None => "exponential",
        };
        let work = match dist {
            "exponential" | "exp" => mean(model).map(Self::exponential),
            "deterministic" | "constant" => mean(model).map(Self::constant),
            "lognormal" => lognormal(model),
            "erlang" => erlang(model),
            "gamma" => gamma_distributed(model),
            "uniform" => uniform(model),
            "hyperexponential" | "hyperexp" | "h2" | "H2" => hyperexponential(model),
            "hypoexponential" => hypoexponential(model),
            "two_point" | "bimodal" | "discrete" | "empirical" => discrete(model),
            _ => Err(format!("no way to say the distribution `{dist}`")),
        }?;
        model.remark("cv");
        model.remark("scv");
        model.finish()?;
        Ok(work)
    }

    /// The one kind of request that there is, as a single distribution.
    pub(crate) fn single(&self) -> Result<&str, Fault> {
        match self.kinds.as_slice() {
            [Kind { steps, .. }] if steps.len() == 1 => Ok(&steps[0]),
            _ => Err("here only a distribution that is one step can be said".to_owned()),
        }
    }

    /// So many times as long.
    pub(crate) fn read_scaled(model: &Model<'_>, scale: f64) -> Result<Self, Fault> {
        // Only distributions with a mean and a shape can be told in another unit of time.
        let dist = match model.get("dist") {
            Some(_) => model.text("dist")?,
            None => "exponential",
        };
        let mean = mean(model)? * scale;
        let work = match dist {
            "exponential" | "exp" => Self::exponential(mean),
            "deterministic" | "constant" => Self::constant(mean),
            _ => return Err(format!("no way to say the distribution `{dist}` here")),
        };
        model.remark("cv");
        model.finish()?;
        Ok(work)
    }
}

/// The mean: said as such, as a rate, or as the one value.
fn mean(model: &Model<'_>) -> Result<f64, Fault> {
    for key in ["rate", "mu"] {
        if model.get(key).is_some() {
            return Ok(1.0 / model.positive(key)?);
        }
    }
    if model.get("mean").is_none() && model.get("value").is_some() {
        return model.positive("value");
    }
    model.positive("mean")
}

/// A time as the language writes it, to the nanosecond.
pub(crate) fn time(seconds: f64) -> String {
    format!("{}ns", (seconds * 1e9).round() as u64)
}

pub(crate) fn exponential(mean: f64) -> String {
    format!("{{exponential: {}}}", time(mean))
}

fn lognormal(model: &Model<'_>) -> Result<Work, Fault> {
    let (mean, cv) = (model.positive("mean")?, model.number("cv")?);
    // The same distribution, said once more: it must agree.
    let variance = libm::log1p(cv * cv);
    let said = [
        ("log_mu", libm::log(mean) - variance / 2.0),
        ("log_sigma", variance.sqrt()),
    ];
    for (key, due) in said {
        if let Some(number) = model.maybe_number(key)?
            && (number - due).abs() > 1e-6
        {
            return Err(format!("{key} = {number} does not fit mean and cv: {due}"));
        }
    }
    let step = format!("{{mean: {}, cv: {cv}}}", time(mean));
    Ok(Work::of(mean, vec![step]))
}

/// As many exponential steps in a row.
fn erlang(model: &Model<'_>) -> Result<Work, Fault> {
    let mean = model.positive("mean")?;
    let stages = model.number_of(&["k", "shape", "stages", "phases"])?;
    let cv = model.maybe_number("cv")?;
    let stages = stages.or(cv.map(|cv| (1.0 / (cv * cv)).round()));
    let stages = stages.ok_or("an Erlang distribution without its number of stages")?;
    if stages < 1.0 || stages.fract() != 0.0 || stages > 100.0 {
        return Err(format!("an Erlang distribution of {stages} stages"));
    }
    Ok(Work::of(
        mean,
        vec![exponential(mean / stages); stages as usize],
    ))
}

fn gamma_distributed(model: &Model<'_>) -> Result<Work, Fault> {
    let shape = match model.number_of(&["shape", "k"])? {
        Some(shape) => shape,
        None => {
            let cv = model.number("cv")?;
            1.0 / (cv * cv)
        }
    };
    let mean = match model.maybe_number("mean")? {
        Some(mean) => mean,
        None => shape * model.number("scale")?,
    };
    model.remark("scale");
    Ok(from_values(mean, "gamma.csv", gamma::parts(shape, VALUES)))
}

fn uniform(model: &Model<'_>) -> Result<Work, Fault> {
    let low = model.number_of(&["low", "min", "a", "from"])?;
    let high = model.number_of(&["high", "max", "b", "to"])?;
    let (low, high) = match (low, high, model.maybe_number("mean")?) {
        (Some(low), Some(high), _) => (low, high),
        (None, None, Some(mean)) => (0.0, 2.0 * mean),
        _ => return Err("a uniform distribution without its bounds".to_owned()),
    };
    let mean = f64::midpoint(low, high);
    let part = |n: usize| (low + (high - low) * (n as f64 + 0.5) / VALUES as f64) / mean;
    Ok(from_values(
        mean,
        "uniform.csv",
        (0..VALUES).map(part).collect(),
    ))
}

/// Exponential steps in a row, each with its own mean.
fn hypoexponential(model: &Model<'_>) -> Result<Work, Fault> {
    let means = means(model)?.ok_or("a hypoexponential distribution without its means")?;
    let mean = means.iter().sum();
    agrees(model, mean)?;
    Ok(Work::of(mean, means.into_iter().map(exponential).collect()))
}

/// One of a few values, each with its chance: a kind of request for each.
fn discrete(model: &Model<'_>) -> Result<Work, Fault> {
    let values = model.numbers("values")?;
    let shares = shares(model)?.unwrap_or_else(|| vec![1.0 / values.len() as f64; values.len()]);
    if shares.len() != values.len() || values.iter().any(|value| *value < 0.0) {
        return Err("each value needs its chance, and none may be below 0".to_owned());
    }
    let mean = mixed(&shares, &values);
    agrees(model, mean)?;
    let kind = |(share, value): (&f64, &f64)| Kind {
        share: *share,
        steps: vec![time(*value)],
    };
    Ok(Work {
        mean,
        kinds: shares.iter().zip(&values).map(kind).collect(),
        files: Vec::new(),
    })
}

/// The mean of a mixture.
fn mixed(shares: &[f64], means: &[f64]) -> f64 {
    shares
        .iter()
        .zip(means)
        .map(|(share, mean)| share * mean)
        .sum()
}

/// A mean that is said beside the parts it follows from must be theirs.
fn agrees(model: &Model<'_>, mean: f64) -> Result<(), Fault> {
    match model.maybe_number("mean")? {
        Some(said) if (said - mean).abs() > 1e-6 * mean => {
            Err(format!("the mean {said} does not fit its parts: {mean}"))
        }
        _ => Ok(()),
    }
}

/// One of these values, relative to the mean.
fn from_values(mean: f64, file: &str, values: Vec<f64>) -> Work {
    let lines: Vec<String> = values.iter().map(|value| time(value * mean)).collect();
    Work {
        files: vec![(file.to_owned(), lines.join("\n"))],
        ..Work::of(mean, vec![format!("{{from: {file}}}")])
    }
}

/// A mixture of exponentials: a kind of request for each.
fn hyperexponential(model: &Model<'_>) -> Result<Work, Fault> {
    let shares = shares(model)?;
    let means = means(model)?;
    let (shares, means) = match (shares, means) {
        (Some(shares), Some(means)) if shares.len() == means.len() => (shares, means),
        (None, None) => balanced(model)?,
        _ => return Err("a hyperexponential distribution that is half said".to_owned()),
    };
    let mean = mixed(&shares, &means);
    agrees(model, mean)?;
    let kind = |(share, mean): (&f64, &f64)| Kind {
        share: *share,
        steps: vec![exponential(*mean)],
    };
    Ok(Work {
        mean,
        kinds: shares.iter().zip(&means).map(kind).collect(),
        files: Vec::new(),
    })
}

fn shares(model: &Model<'_>) -> Result<Option<Vec<f64>>, Fault> {
    for key in ["p", "probs", "probabilities", "weights"] {
        match model.get(key) {
            Some(value) if value.is_array() => return model.numbers(key).map(Some),
            Some(_) => {
                let share = model.number(key)?;
                return Ok(Some(vec![share, 1.0 - share]));
            }
            None => {}
        }
    }
    match (model.maybe_number("p1")?, model.maybe_number("p2")?) {
        (Some(first), second) => Ok(Some(vec![first, second.unwrap_or(1.0 - first)])),
        (None, _) => Ok(None),
    }
}

fn means(model: &Model<'_>) -> Result<Option<Vec<f64>>, Fault> {
    if model.get("means").is_some() {
        return model.numbers("means").map(Some);
    }
    for key in ["rates", "mus", "mu"] {
        if model.get(key).is_some() {
            let rates = model.numbers(key)?;
            return Ok(Some(rates.iter().map(|rate| 1.0 / rate).collect()));
        }
    }
    let first = model.number_of(&["mean1", "m1"])?;
    let second = model.number_of(&["mean2", "m2"])?;
    if let (Some(first), Some(second)) = (first, second) {
        return Ok(Some(vec![first, second]));
    }
    let first = model.number_of(&["rate1", "mu1"])?;
    let second = model.number_of(&["rate2", "mu2"])?;
    Ok(first
        .zip(second)
        .map(|(first, second)| vec![1.0 / first, 1.0 / second]))
}

/// Two exponentials with balanced means (each brings half of the load), from mean and cv.
fn balanced(model: &Model<'_>) -> Result<(Vec<f64>, Vec<f64>), Fault> {
    let (mean, cv) = (model.positive("mean")?, model.number("cv")?);
    let square = cv * cv;
    if square < 1.0 {
        return Err(format!("a hyperexponential distribution with cv {cv}"));
    }
    let share = f64::midpoint(1.0, ((square - 1.0) / (square + 1.0)).sqrt());
    let shares = vec![share, 1.0 - share];
    let means = shares.iter().map(|share| mean / (2.0 * share)).collect();
    Ok((shares, means))
}

//! What one contender did on one day: a line of the results' file.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::trial::Outcome;

/// What one contender did on one day.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub class: String,
    pub seed: u64,
    pub hours: u64,
    pub contender: String,
    /// What knowing the future costs at the budget, in replica-hours.
    pub oracle: f64,
    /// What its best setting costs at the budget, found in hindsight; nothing if none reaches it.
    pub hindsight: Option<f64>,
    /// That setting, or the more careful of the two it lies between.
    pub best: Option<String>,
    /// With the setting that did on the day before: the setting and what it came to.
    pub replay: Option<(String, Outcome)>,
    /// With the setting that is the same everywhere.
    pub usual: Outcome,
}

fn outcome(value: &Value) -> Option<Outcome> {
    Some(Outcome {
        missed: value["missed"].as_f64()?,
        hours: value["hours"].as_f64()?,
    })
}

fn told(outcome: Outcome) -> Value {
    json!({"missed": outcome.missed, "hours": outcome.hours})
}

impl Row {
    fn json(&self) -> Value {
        let replay = self
            .replay
            .as_ref()
            .map(|(setting, run)| json!({"setting": setting, "run": told(*run)}));
        json!({
            "class": self.class, "seed": self.seed, "hours": self.hours, "contender": self.contender,
            "oracle": self.oracle, "hindsight": self.hindsight, "best": self.best, "replay": replay, "usual": told(self.usual),
        })
    }

    fn of(value: &Value) -> Option<Self> {
        let replay = &value["replay"];
        Some(Self {
            class: value["class"].as_str()?.to_owned(),
            seed: value["seed"].as_u64()?,
            hours: value["hours"].as_u64()?,
            contender: value["contender"].as_str()?.to_owned(),
            oracle: value["oracle"].as_f64()?,
            hindsight: value["hindsight"].as_f64(),
            best: value["best"].as_str().map(str::to_owned),
            replay: replay["setting"]
                .as_str()
                .map(str::to_owned)
                .zip(outcome(&replay["run"])),
            usual: outcome(&value["usual"])?,
        })
    }
}

/// Rows of a file; none if there is no such file. A last line that was cut off is left out.
pub fn read(path: &Path) -> anyhow::Result<Vec<Row>> {
    let Ok(file) = File::open(path) else {
        return Ok(Vec::new());
    };
    let mut rows = Vec::new();
    for line in BufReader::new(file).lines() {
        let line = line.with_context(|| format!("reading {}", path.display()))?;
        let value = serde_json::from_str::<Value>(&line).ok();
        rows.extend(value.as_ref().and_then(Row::of));
    }
    Ok(rows)
}

/// Adds rows at the end of a file, at once.
pub fn append(path: &Path, rows: &[Row]) -> anyhow::Result<()> {
    let text: String = rows.iter().map(|row| format!("{}\n", row.json())).collect();
    let file = OpenOptions::new().append(true).create(true).open(path);
    let mut file = file.with_context(|| format!("opening {}", path.display()))?;
    Ok(file.write_all(text.as_bytes())?)
}

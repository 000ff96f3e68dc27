//! `report.json`: the whole analysis, in a versioned form.

use std::io;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::analysis::Analysis;
use crate::comparison::Comparison;

/// The version of the form. Within it, things are only added.
pub const SCHEMA_VERSION: u32 = 1;

/// What the file holds. Times are in seconds (`_s`) or milliseconds (`_ms`), as each name says.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The exit code that the verdict stands for.
    pub exit_code: u8,
    /// How far the run's prediction was from it, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// Everything that the report says.
    #[serde(flatten)]
    pub analysis: Analysis,
}

/// Writes the file.
///
/// # Errors
/// If `to` cannot be written.
pub fn write(analysis: &Analysis, to: &mut dyn io::Write) -> io::Result<()> {
    write_beside(analysis, None, to)
}

/// Writes the file, with how far the run's prediction was from it.
///
/// # Errors
/// If `to` cannot be written.
pub fn write_beside(
    analysis: &Analysis,
    comparison: Option<&Comparison>,
    to: &mut dyn io::Write,
) -> io::Result<()> {
    let report = Report {
        schema_version: SCHEMA_VERSION,
        exit_code: analysis.verdict.exit_code(),
        comparison: comparison.cloned(),
        analysis: analysis.clone(),
    };
    serde_json::to_writer(&mut *to, &report)?;
    to.write_all(b"\n")
}

/// The file's JSON Schema.
#[must_use]
pub fn report_schema() -> serde_json::Value {
    schemars::schema_for!(Report).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{self, Kind};

    #[test]
    fn it_is_read_back_and_fits_its_schema() {
        let analysis = Analysis::of(&sample::record(Kind::Failed));
        let mut bytes = Vec::new();
        write(&analysis, &mut bytes).unwrap();
        let report: Report = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(report.analysis, analysis);
        assert_eq!(report.exit_code, 1);
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let schema = report_schema();
        for name in value.as_object().unwrap().keys() {
            assert!(
                schema["properties"].get(name).is_some(),
                "{name} is in the schema"
            );
        }
        for name in schema["required"].as_array().unwrap() {
            assert!(
                value.get(name.as_str().unwrap()).is_some(),
                "{name} is in the file"
            );
        }
    }
}

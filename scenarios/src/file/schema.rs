//! The JSON Schema of the language, for editors.

use schemars::generate::SchemaSettings;

use super::format::{EngineFile, ScenarioFile};

/// The JSON Schema (draft 2020-12) of scenario files.
#[must_use]
pub fn schema() -> serde_json::Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<ScenarioFile>();
    schema.insert("title".to_owned(), "A rushhour scenario".into());
    schema.to_value()
}

/// The JSON Schema (draft 2020-12) of engine files.
#[must_use]
pub fn engine_schema() -> serde_json::Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<EngineFile>();
    schema.insert("title".to_owned(), "What rushhour's engine drives".into());
    schema.to_value()
}

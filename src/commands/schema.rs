//! `rushhour schema`.

use crate::args::{Schema, SchemaArgs};
use crate::exit::Exit;
use crate::{Done, output};

pub(crate) fn run(args: &SchemaArgs) -> Done {
    let schema = match args.of {
        Schema::Scenario => scenarios::schema(),
        Schema::Record => reports::record::schema(),
        Schema::Report => reports::json::report_schema(),
        Schema::Summary => reports::grid::schema(),
        Schema::Compare => reports::trials::schema(),
        Schema::Plan => reports::plan::schema(),
        Schema::Tune => reports::tuning::schema(),
        Schema::Engine => scenarios::engine_schema(),
        Schema::Explain => reports::explain::schema(),
        Schema::Observation => schemars::schema_for!(scaler::Shown).to_value(),
        Schema::Decision => schemars::schema_for!(super::decide::Answer).to_value(),
    };
    output::print(&format!("{}\n", serde_json::to_string_pretty(&schema)?))?;
    Ok(Exit::Passed)
}

//! Writes the pages and pictures of made-up runs into a folder, to look at them:
//! `cargo run -p reports --features sample --example page -- FOLDER`.

use std::path::PathBuf;

use reports::analysis::Analysis;
use reports::sample::{self, Kind};

fn main() -> std::io::Result<()> {
    let folder = std::env::args_os().nth(1);
    let folder = folder.map_or_else(|| std::env::temp_dir().join("pages"), PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    let runs = [
        ("passed", sample::record(Kind::Passed)),
        ("failed", sample::record(Kind::Failed)),
        ("invalid", sample::record(Kind::Invalid)),
        ("interrupted", sample::record(Kind::Interrupted)),
        ("simulated", sample::simulated(Kind::Failed)),
        ("hostile", sample::hostile()),
        ("short", sample::begun(4)),
        ("empty", sample::begun(0)),
    ];
    for (name, record) in runs {
        let analysis = Analysis::of(&record);
        let write =
            |end: &str, text: String| std::fs::write(folder.join(format!("{name}.{end}")), text);
        write("html", reports::page::html(&analysis))?;
        write("svg", reports::charts::hero_svg(&analysis))?;
    }
    let of = |kind| Analysis::of(&sample::record(kind));
    let (measured, predicted) = (of(Kind::Failed), of(Kind::Passed));
    let page = reports::page::html_beside(&measured, &predicted.into());
    std::fs::write(folder.join("compared.html"), page)
}

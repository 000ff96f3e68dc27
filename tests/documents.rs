//! Documents that say what the program says: they are compared with it, and `RUSHHOUR_UPDATE=1` writes them anew.

mod blocks;
mod reference;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::run;

const README: &str = include_str!("../README.md");
const CI: &str = include_str!("../.ci/run");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compares a document with what it should be, or writes it.
fn same(path: &str, should: &str) {
    let path: PathBuf = root().join(path);
    if std::env::var_os("RUSHHOUR_UPDATE").is_some() {
        fs::write(&path, should).expect("it can be written");
    }
    let is = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        is == should,
        "{} is out of date: run the tests with RUSHHOUR_UPDATE=1",
        path.display()
    );
}

fn schema() -> (String, Value) {
    let ran = run(root(), &["schema"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let value = serde_json::from_str(&ran.stdout).expect("a schema is JSON");
    (ran.stdout, value)
}

#[test]
fn the_schema_in_the_documents_is_the_program_s() {
    same("docs/reference/rushhour.schema.json", &schema().0);
}

/// The commands of README's first block.
fn first_commands() -> Vec<&'static str> {
    let block = README
        .split("```console\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let lines = block.expect("README has a block of commands").lines();
    lines
        .filter_map(|line| line.strip_prefix("$ "))
        .map(|line| line.split('#').next().unwrap_or(line).trim())
        .collect()
}

#[test]
fn readme_s_first_screen_has_the_two_commands_and_ci_runs_them() {
    assert_eq!(
        first_commands(),
        ["cargo run --release", "cargo test --workspace"]
    );
    let first_screen: String = README.lines().take(15).collect::<Vec<_>>().join("\n");
    assert!(first_screen.contains("cargo test") && first_screen.contains("docs/flash-sale.svg"));
    assert!(
        root().join("docs/flash-sale.svg").exists(),
        "the picture is there"
    );
    assert!(
        CI.contains("readme_command 'cargo run'") && CI.contains("readme_command 'cargo test'")
    );
}

#[test]
fn every_command_and_scenario_that_readme_shows_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let ours = README
        .lines()
        .filter_map(|line| line.strip_prefix("$ rushhour "));
    for line in ours {
        let command = line.split('#').next().unwrap_or(line);
        let words: Vec<&str> = command
            .split_whitespace()
            .take_while(|w| !w.contains(['.', '/']))
            .collect();
        let name: Vec<&str> = words
            .iter()
            .copied()
            .take(if words[0] == "scenario" { 2 } else { 1 })
            .collect();
        let ran = run(folder.path(), &[&name[..], &["--help"]].concat());
        assert_eq!(ran.code, Some(0), "{line}: {}", ran.stderr);
    }
    let ran = run(
        folder.path(),
        &[
            "scenario",
            "check",
            "flash-sale",
            "--set",
            "scaling.order.min=16",
        ],
    );
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[test]
fn links_between_documents_lead_somewhere() {
    let others = ["ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"];
    let others = others.map(|name| root().join(name));
    for path in blocks::documents().into_iter().chain(others) {
        let document = path.display();
        let text = fs::read_to_string(&path).expect("the document is there");
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = link.split('#').next().unwrap_or(link);
            let there = file.is_empty()
                || file.starts_with("http")
                || path.parent().expect("a folder").join(file).exists();
            assert!(there, "{document} links to {link}, which is not there");
        }
    }
}

#[test]
fn exit_codes_are_those_of_the_program() {
    let documented = include_str!("../docs/reference/exit-codes.md");
    let source = include_str!("../src/exit.rs");
    let codes = source
        .lines()
        .filter_map(|line| line.trim().split_once(" = ")?.1.strip_suffix(','));
    let codes: Vec<&str> = codes.filter(|code| code.parse::<u8>().is_ok()).collect();
    assert_eq!(codes.len(), 8, "{codes:?}");
    for code in codes {
        assert!(
            documented.contains(&format!("| {code} |")),
            "{code} is not documented"
        );
    }
}

//! What the program says of itself: it is a promise, so it cannot change unseen. `INSTA_UPDATE=always` takes the new text.

use std::path::Path;
use std::time::Duration;

use crate::harness::{run_within, rushhour};

/// The help of a command, at the same width everywhere.
fn help(words: &[String]) -> String {
    let mut command = rushhour(Path::new(env!("CARGO_MANIFEST_DIR")));
    command.args(words).arg("--help").env("COLUMNS", "100");
    let ran = run_within(&mut command, Duration::from_secs(20));
    assert_eq!(ran.code, Some(0), "{words:?}: {}", ran.stderr);
    assert_eq!(ran.stderr, "", "help is a result");
    ran.stdout
}

/// The commands that a help lists.
fn commands(help: &str) -> Vec<String> {
    let list = help.split("Commands:\n").nth(1).unwrap_or_default();
    let lines = list.lines().take_while(|line| !line.is_empty());
    lines
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|word| !word.is_empty() && *word != "help")
        .map(str::to_owned)
        .collect()
}

/// The helps of a command and all below it, one after the other.
fn helps(words: &[String], text: &mut String) {
    let help = help(words);
    let name = [&["rushhour".to_owned()], words].concat().join(" ");
    text.push_str(&format!("===== {name} --help\n{help}\n"));
    for command in commands(&help) {
        helps(&[words, &[command]].concat(), text);
    }
}

#[test]
fn help_changes_only_when_it_is_meant_to() {
    let mut text = String::new();
    helps(&[], &mut text);
    // Not listed, for nobody types it.
    helps(&["serve".to_owned()], &mut text);
    assert!(text.matches("=====").count() >= 13, "{text}");
    let too_wide = text.lines().find(|line| line.chars().count() > 110);
    assert_eq!(too_wide, None);
    insta::with_settings!({omit_expression => true}, { insta::assert_snapshot!("help", text) });
}

//! The YAML in documents: all of it is read, as a whole scenario or as parts of one.
//!
//! What follows the word `yaml` says what a block is. Nothing: a whole scenario. Names, as in `yaml slo gates`: these
//! parts of one, in the place of those of the scenario that the page has so far, which begins as the one that
//! `rushhour scenario new` writes. `engine`: what `rushhour control` drives. `file NAME` (of a block in whatever language): a file beside the scenario.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;

use scenarios::{Engine, Files, Scenario, template};

use super::root;

/// A block of a document.
struct Block {
    /// The line on which it opens.
    line: usize,
    /// What stands behind the fence.
    info: String,
    text: String,
}

/// A scenario that a page shows, with what it names.
pub(super) struct Shown {
    /// The page, and the line of the block that makes it so.
    pub(super) place: String,
    /// The whole of it.
    pub(super) text: String,
    pub(super) files: Beside,
}

/// The files that a page shows.
#[derive(Clone, Default)]
pub(super) struct Beside(BTreeMap<String, String>);

impl Files for Beside {
    fn open(&self, name: &str) -> io::Result<Box<dyn Read>> {
        let text = self.0.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(io::Cursor::new(text.clone())))
    }
}

/// The blocks of a document, without the indent of their fences.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, Block)> = None;
    for (line, text) in (1..).zip(text.lines()) {
        let bare = text.trim_start();
        match (&mut open, bare.strip_prefix("```")) {
            (None, Some(info)) => {
                let indent = text.len() - bare.len();
                let (info, text) = (info.trim().to_owned(), String::new());
                open = Some((indent, Block { line, info, text }));
            }
            (Some(_), Some(_)) => blocks.extend(open.take().map(|(_, block)| block)),
            (Some((indent, block)), None) => {
                let cut = text.len().min(*indent);
                writeln!(block.text, "{}", text[cut..].trim_end()).expect("memory");
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block that is never closed");
    blocks
}

/// The top-level parts of a scenario by name, each with its own lines.
fn parts(text: &str) -> Vec<(String, String)> {
    let mut parts: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        let begins = line.starts_with(|c: char| c.is_ascii_alphanumeric());
        if let Some((name, _)) = line.split_once(':').filter(|_| begins) {
            parts.push((name.to_owned(), String::new()));
        }
        if let Some((_, part)) = parts.last_mut() {
            writeln!(part, "{line}").expect("memory");
        }
    }
    parts
}

/// The scenarios of a page in their order; or why a block is none.
fn scenarios_of(page: &str, text: &str) -> Vec<Result<Shown, String>> {
    let mut so_far = parts(template());
    let mut files = Beside::default();
    let mut shown = Vec::new();
    for block in blocks(text) {
        let place = format!("{page}, line {}", block.line);
        let (language, what) = block.info.split_once(' ').unwrap_or((&block.info, ""));
        if let Some(name) = what.strip_prefix("file ") {
            files.0.insert(name.trim().to_owned(), block.text);
            continue;
        }
        if language != "yaml" {
            continue;
        }
        if what == "engine" {
            let read = Engine::read(&place, block.text.as_bytes(), &files);
            shown.extend(read.err().map(|mistakes| Err(mistakes.to_string())));
            continue;
        }
        let own = parts(&block.text);
        let names: Vec<&str> = own.iter().map(|(name, _)| name.as_str()).collect();
        let said: Vec<&str> = what.split_whitespace().collect();
        if what.is_empty() {
            so_far = own;
        } else if names == said {
            for (name, part) in own {
                match so_far.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, old)) => *old = part,
                    None => so_far.push((name, part)),
                }
            }
        } else {
            shown.push(Err(format!(
                "{place}: says it is {said:?}, and is {names:?}"
            )));
            continue;
        }
        let text = so_far.iter().map(|(_, part)| part.as_str()).collect();
        let files = files.clone();
        shown.push(Ok(Shown { place, text, files }));
    }
    shown
}

/// The scenarios of the document at `path`, all of which say what they are.
pub(super) fn scenarios_in(path: &str) -> Vec<Shown> {
    let text = fs::read_to_string(root().join(path)).expect("the document is there");
    let all: Result<Vec<Shown>, String> = scenarios_of(path, &text).into_iter().collect();
    all.unwrap_or_else(|why| panic!("{why}"))
}

/// README and everything in `docs`.
pub(super) fn documents() -> Vec<PathBuf> {
    let mut found = vec![root().join("README.md")];
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn mistake(shown: Result<Shown, String>) -> Option<String> {
    let Shown { place, text, files } = match shown {
        Ok(shown) => shown,
        Err(why) => return Some(why),
    };
    let mistakes = Scenario::checked("scenario", text.as_bytes(), &files, &[]).err()?;
    Some(format!("{place}:\n{mistakes}"))
}

#[test]
fn all_yaml_in_documents_is_a_scenario_or_parts_of_one() {
    let mut looked_at = 0;
    let mut wrong = Vec::new();
    for path in documents() {
        let text = fs::read_to_string(&path).expect("the document is there");
        for shown in scenarios_of(&path.display().to_string(), &text) {
            looked_at += 1;
            wrong.extend(mistake(shown));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(looked_at >= 20, "only {looked_at} blocks were found");
}

#[test]
fn a_block_that_is_no_scenario_is_found_out() {
    let fence = "```";
    for (block, why) in [
        ("yaml\nversion: 1", "without `journeys`"),
        ("yaml slo\nslo: {within: 300}", "`300` is not a time"),
        ("yaml\nslo: {within: 300ms}", "without `version`"),
        ("yaml gates\nslo: {within: 300ms}", "says it is [\"gates\"]"),
        (
            "yaml slo\ngates: []\nslo: {within: 3s}",
            "and is [\"gates\", \"slo\"]",
        ),
    ] {
        let page = format!(
            "Words.\n\n1. In a list:\n\n   {fence}{}\n   {fence}\n",
            block.replace('\n', "\n   ")
        );
        let mut shown = scenarios_of("page.md", &page);
        assert_eq!(shown.len(), 1, "{page}");
        let told = mistake(shown.remove(0)).expect("it is no scenario");
        assert!(
            told.contains(why) && told.starts_with("page.md, line 5"),
            "{told}"
        );
    }
    let fine =
        format!("{fence}yaml slo\nslo: {{within: 2s}}\n{fence}\n{fence}console\n$ ls\n{fence}\n");
    let mut shown = scenarios_of("page.md", &fine);
    assert_eq!(shown.len(), 1);
    assert_eq!(mistake(shown.remove(0)), None);
}

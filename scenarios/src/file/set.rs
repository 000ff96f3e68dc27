//! `--set scaling.catalogue.min=6`: one value of a scenario, changed by its path.

use super::mistake::{Found, Mistakes, Source, Span, listed, short};
use super::tree::{Key, Kind, Node, is_bad_control, parse, text_of};

/// One value to change, and what to; or the scaling of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Set {
    /// What mistakes in it are said to stand in.
    name: String,
    text: String,
    kind: SetKind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum SetKind {
    /// `path=value`.
    Value {
        /// Where the value begins.
        value: usize,
    },
    /// A whole text, whose `scaling:` part says how services scale.
    Scaling,
}

impl Set {
    /// Reads `path=value`. The path's parts stand between dots, lists count from 0: `gates.0.below=1%`. The value is
    /// YAML: `6`, `12/s`, `{cpu: 60%}`.
    ///
    /// # Errors
    /// If there is no `=`, no path or no value, or a control character.
    pub fn parse(text: &str) -> Result<Self, Mistakes> {
        let mut found = Found::default();
        let set = Self::read(0, text, &mut found);
        told(found, &[text]).map(|()| set)
    }

    /// Reads each of `texts` as [`Set::parse`] does.
    ///
    /// # Errors
    /// All mistakes in all of them at once.
    pub fn parse_all(texts: &[impl AsRef<str>]) -> Result<Vec<Self>, Mistakes> {
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        let mut found = Found::default();
        let sets = texts.iter().enumerate();
        let sets = sets.map(|(source, text)| Self::read(source, text, &mut found));
        let sets = sets.collect();
        told(found, &texts).map(|()| sets)
    }

    fn read(source: usize, text: &str, found: &mut Found) -> Self {
        let whole = Span {
            source,
            start: 0,
            end: text.len(),
        };
        let rule = "a value is set by its path: `--set scaling.catalogue.min=6`, in lists by place: `--set gates.0.below=1%`";
        let value = text.find('=').map_or(text.len(), |i| i + 1);
        let path = text[..value].trim_end_matches('=');
        if text.len() > 65_536 || text.chars().any(is_bad_control) {
            found.add(whole, "too long, or a control character in it", "", rule);
        } else if value == text.len() {
            found.add(whole, "no value in it", "", rule);
        } else if path.is_empty() || path.split('.').any(|part| part.trim().is_empty()) {
            found.add(
                Span {
                    end: value - 1,
                    ..whole
                },
                "no path in it",
                "",
                rule,
            );
        }
        Self {
            name: "--set".to_owned(),
            text: text.to_owned(),
            kind: SetKind::Value { value },
        }
    }

    /// The `scaling:` part of the text of a file called `name`, as a scenario has it. It takes the place of the scaling of
    /// those services that it names, and of the calendar if it has one; what else the file holds is left aside.
    ///
    /// # Errors
    /// If the file is larger than 1 MiB, not UTF-8, or holds control characters. What it says is checked with the scenario.
    pub fn scaling(name: &str, bytes: &[u8]) -> Result<Self, Mistakes> {
        let mut found = Found::default();
        let name = name.to_owned();
        let text = text_of(bytes, &mut found);
        if found.any() {
            return Err(found.told(&[Source { name, text }]));
        }
        Ok(Self {
            name,
            text,
            kind: SetKind::Scaling,
        })
    }

    /// What mistakes in it are said to stand in.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Changes the value in `root`; mistakes point into the text number `source`.
    pub(crate) fn apply(&self, source: usize, root: &mut Node, found: &mut Found) {
        match self.kind {
            SetKind::Value { value } => self.apply_value(value, source, root, found),
            SetKind::Scaling => self.apply_scaling(source, root, found),
        }
    }

    fn apply_scaling(&self, source: usize, root: &mut Node, found: &mut Found) {
        let Some(file) = parse(source, 0, &self.text, found) else {
            return;
        };
        let at = file.at;
        let scaling = match file.kind {
            Kind::Map(entries) => entries.into_iter().find(|(key, _)| key.name == "scaling"),
            _ => None,
        };
        let Some((key, Node { kind, at: inside })) = scaling else {
            let rule = "a file with a policy has a scenario's part: `scaling: {catalogue: {policy: hpa, …}}`";
            found.add(at, "no `scaling` in it", "", rule);
            return;
        };
        let Kind::Map(services) = kind else {
            let rule = "`scaling` has an entry for each service";
            found.add(inside, "this is no `scaling`", "", rule);
            return;
        };
        let Kind::Map(entries) = &mut root.kind else {
            return;
        };
        let place = entries.iter().position(|(k, _)| k.name == "scaling");
        let place = place.unwrap_or_else(|| {
            let empty = Node {
                kind: Kind::Map(Vec::new()),
                at: inside,
            };
            entries.push((key, empty));
            entries.len() - 1
        });
        // What is no mapping is told by whoever reads the scenario.
        if let Kind::Map(there) = &mut entries[place].1.kind {
            for (key, node) in services {
                match there.iter_mut().find(|(k, _)| k.name == key.name) {
                    Some(entry) => *entry = (key, node),
                    None => there.push((key, node)),
                }
            }
        }
    }

    fn apply_value(&self, start: usize, source: usize, root: &mut Node, found: &mut Found) {
        let Some(mut value) = parse(source, start, &self.text[start..], found) else {
            return;
        };
        if let Kind::Scalar { .. } = value.kind {
            value.at = Span {
                source,
                start,
                end: self.text.len(),
            };
        }
        let path = &self.text[..start - 1];
        place(
            root,
            Path {
                source,
                start: 0,
                rest: path,
            },
            value,
            found,
        );
    }
}

/// The mistakes found in the texts of `--set`, if there are any.
fn told(found: Found, texts: &[&str]) -> Result<(), Mistakes> {
    if !found.any() {
        return Ok(());
    }
    let source = |text: &&str| Source {
        name: "--set".to_owned(),
        text: (*text).to_owned(),
    };
    let sources: Vec<Source> = texts.iter().map(source).collect();
    Err(found.told(&sources))
}

/// What is left of a path, and where it stands.
#[derive(Clone, Copy)]
struct Path<'a> {
    source: usize,
    start: usize,
    rest: &'a str,
}

impl<'a> Path<'a> {
    /// The first `length` bytes as a part, and what comes after its dot.
    fn split(self, length: usize) -> (&'a str, Span, Option<Self>) {
        let (part, after) = self.rest.split_at(length);
        let at = Span {
            source: self.source,
            start: self.start,
            end: self.start + length,
        };
        let next = after.strip_prefix('.').map(|rest| Self {
            start: self.start + length + 1,
            rest,
            ..self
        });
        (part.trim(), at, next)
    }

    fn first(self) -> usize {
        self.rest.find('.').unwrap_or(self.rest.len())
    }
}

fn place(node: &mut Node, path: Path<'_>, value: Node, found: &mut Found) {
    match &mut node.kind {
        Kind::Map(entries) => {
            let (part, at, rest) = path.split(key_length(entries, path));
            let index = entries
                .iter()
                .position(|(key, _)| key.name == part)
                .unwrap_or_else(|| {
                    let empty = Node {
                        kind: Kind::Map(Vec::new()),
                        at,
                    };
                    entries.push((
                        Key {
                            name: part.to_owned(),
                            at,
                        },
                        empty,
                    ));
                    entries.len() - 1
                });
            step(&mut entries[index].1, rest, value, found);
        }
        Kind::List(items) => {
            let (part, at, rest) = path.split(path.first());
            let index = part.parse::<usize>().ok().filter(|i| *i < items.len());
            if let Some(index) = index {
                step(&mut items[index], rest, value, found);
            } else {
                let rule = format!("places in this list: {}", places(items));
                let named = kinds(items).into_iter().find(|(_, name)| *name == part);
                let label =
                    named.map_or_else(String::new, |(place, _)| format!("did you mean `{place}`?"));
                found.add(
                    at,
                    format!("no place `{}` in a list of {}", short(part), items.len()),
                    label,
                    rule,
                );
            }
        }
        Kind::Scalar { .. } => {
            let (part, at, _) = path.split(path.first());
            found.add(
                at,
                format!("no `{}` inside {}", short(part), node.describe()),
                "",
                "the path leads into a value that has no parts",
            );
        }
    }
}

fn step(node: &mut Node, rest: Option<Path<'_>>, value: Node, found: &mut Found) {
    match rest {
        Some(rest) => place(node, rest, value, found),
        None => *node = value,
    }
}

/// How much of the path is the next key: names may hold dots, so the longest key that is there wins.
fn key_length(entries: &[(Key, Node)], path: Path<'_>) -> usize {
    let fits = |name: &str| {
        path.rest
            .strip_prefix(name)
            .is_some_and(|after| after.is_empty() || after.starts_with('.'))
    };
    let there = entries
        .iter()
        .filter(|(key, _)| !key.name.is_empty() && fits(&key.name));
    there
        .map(|(key, _)| key.name.len())
        .max()
        .unwrap_or_else(|| path.first())
}

/// The first key of each item, which says what it is.
fn kinds(items: &[Node]) -> Vec<(usize, &str)> {
    items
        .iter()
        .enumerate()
        .filter_map(|(index, node)| match &node.kind {
            Kind::Map(entries) => entries.first().map(|(key, _)| (index, key.name.as_str())),
            _ => None,
        })
        .collect()
}

fn places(items: &[Node]) -> String {
    let named = kinds(items);
    let all: Vec<String> = (0..items.len())
        .map(
            |index| match named.iter().find(|(place, _)| *place == index) {
                Some((_, name)) => format!("{index} ({name})"),
                None => index.to_string(),
            },
        )
        .collect();
    listed(all.iter().map(String::as_str))
}

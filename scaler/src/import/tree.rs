//! YAML as a tree that remembers where everything stands, within tight limits.

use std::collections::BTreeMap;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span, options};

use super::ImportError;

/// The largest file, in bytes.
pub(super) const MAX_BYTES: usize = 1 << 20;
/// How deep collections may nest.
pub(super) const MAX_DEPTH: usize = 64;
/// How many values there may be, aliases counted as what they stand for.
pub(super) const MAX_NODES: usize = 50_000;

/// A line and a column, both counted from 1.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Place {
    pub(super) line: u32,
    pub(super) column: u32,
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) at: Place,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// A text; `plain` if it stands without quotes.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    /// In the order of the file, with the places of the keys.
    Map(Vec<(String, Place, Node)>),
    /// Something that was taken out.
    Gone,
}

/// A scalar, as Kubernetes' reader of YAML understands it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar<'a> {
    Nothing,
    Truth(bool),
    Whole(i64),
    Fraction(f64),
    Text(&'a str),
}

impl Node {
    /// The value under a key. As in Go, what is null is not there.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Kind::Map(entries) = &self.kind else {
            return None;
        };
        let found = entries.iter().find(|(k, _, _)| k == key);
        found.map(|(_, _, node)| node).filter(|n| !n.is_nothing())
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        matches!(self.kind, Kind::Gone) || self.scalar() == Some(Scalar::Nothing)
    }

    /// Takes out what a field's path names; whether there was such a thing inside. What is around it, and the places in lists,
    /// stay as they are.
    pub(super) fn take_out(&mut self, path: &str) -> bool {
        let inside = match &mut self.kind {
            Kind::Map(entries) => entries
                .iter_mut()
                .filter_map(|(key, _, node)| {
                    let after = path.strip_prefix('.')?.strip_prefix(key.as_str())?;
                    let ends = after.is_empty() || after.starts_with(['.', '[']);
                    ends.then_some((after, node))
                })
                .min_by_key(|(after, _)| after.len()),
            Kind::List(items) => {
                let index = path.strip_prefix('[').and_then(|r| r.split_once(']'));
                index.and_then(|(i, after)| Some((after, items.get_mut(i.parse::<usize>().ok()?)?)))
            }
            Kind::Scalar { .. } | Kind::Gone => None,
        };
        let Some((after, node)) = inside else {
            return false;
        };
        if after.is_empty() || !node.take_out(after) {
            node.kind = Kind::Gone;
        }
        true
    }

    /// What it is, if it is a scalar.
    pub(super) fn scalar(&self) -> Option<Scalar<'_>> {
        let Kind::Scalar { text, plain } = &self.kind else {
            return None;
        };
        Some(if *plain {
            resolve(text)
        } else {
            Scalar::Text(text)
        })
    }

    /// The place of what a field's path names, or of the nearest thing around it. Keys may hold dots.
    pub(super) fn place(&self, path: &str) -> Place {
        let rest = path.strip_prefix('.').unwrap_or(path);
        if rest.is_empty() {
            return self.at;
        }
        match &self.kind {
            Kind::Map(entries) => entries
                .iter()
                .filter_map(|(key, at, node)| {
                    let after = rest.strip_prefix(key.as_str())?;
                    let ends = after.is_empty() || after.starts_with(['.', '[']);
                    ends.then_some((at, after, node))
                })
                .max_by_key(|(_, after, _)| std::cmp::Reverse(after.len()))
                .map_or(self.at, |(at, after, node)| match after {
                    "" => *at,
                    _ => node.place(after),
                }),
            Kind::List(items) => {
                let index = rest.strip_prefix('[').and_then(|r| r.split_once(']'));
                let item = index
                    .and_then(|(i, after)| Some((items.get(i.parse::<usize>().ok()?)?, after)));
                item.map_or(self.at, |(node, after)| node.place(after))
            }
            Kind::Scalar { .. } | Kind::Gone => self.at,
        }
    }
}

/// A plain scalar by YAML 1.1's words for true and false, as Kubernetes reads them.
fn resolve(text: &str) -> Scalar<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Nothing,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            Scalar::Truth(true)
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            Scalar::Truth(false)
        }
        _ => {
            let numeric = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
            if let Some(whole) = text.parse::<i64>().ok().filter(|_| numeric) {
                Scalar::Whole(whole)
            } else if let Some(number) = text
                .parse::<f64>()
                .ok()
                .filter(|n| numeric && n.is_finite())
            {
                Scalar::Fraction(number)
            } else {
                Scalar::Text(text)
            }
        }
    }
}

fn place(span: &Span) -> Place {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Place {
        line: number(span.start.line()),
        column: number(span.start.col() + 1),
    }
}

fn error(at: Place, detail: impl Into<String>) -> ImportError {
    ImportError::new(at, "", detail)
}

/// Reads all documents of a file.
pub(super) fn documents(text: &str) -> Result<Vec<Node>, ImportError> {
    if text.len() > MAX_BYTES {
        return Err(error(Place::default(), "the file is larger than 1 MiB"));
    }
    let options = options! {
        flow_nesting_limit: MAX_DEPTH + 1,
        block_nesting_limit: MAX_DEPTH + 1,
        disallow_directives: true,
    };
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((event, span)) => builder.take(event, place(&span))?,
            Err(wrong) => {
                let marker = wrong.marker();
                let at = Place {
                    line: u32::try_from(marker.line()).unwrap_or(u32::MAX),
                    column: u32::try_from(marker.col() + 1).unwrap_or(u32::MAX),
                };
                return Err(error(at, format!("this is no YAML: {}", wrong.info())));
            }
        }
    }
    Ok(builder.documents)
}

#[derive(Default)]
struct Builder {
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, (Node, usize)>,
    nodes: usize,
}

/// A collection that is not closed yet.
struct Open {
    node: Node,
    anchor: usize,
    key: Option<(String, Place)>,
    /// How many values there were when it began.
    before: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, at: Place) -> Result<(), ImportError> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let kind = Kind::Scalar {
                    text: text.into_owned(),
                    plain: style == ScalarStyle::Plain,
                };
                self.count(1, at)?;
                self.value(Node { kind, at }, anchor, 1)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(Kind::List(Vec::new()), anchor, at),
            Event::MappingStart(_, anchor, _) => self.begin(Kind::Map(Vec::new()), anchor, at),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(done) => self.value(done.node, done.anchor, self.nodes - done.before),
                None => Ok(()),
            },
            Event::Alias(anchor) => {
                let Some((node, nodes)) = self.anchors.get(&anchor).cloned() else {
                    return Err(error(at, "an alias to something that is not complete yet"));
                };
                self.count(nodes, at)?;
                self.value(node, 0, nodes)
            }
            _ => Ok(()),
        }
    }

    fn count(&mut self, nodes: usize, at: Place) -> Result<(), ImportError> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            return Err(error(at, format!("more than {MAX_NODES} values")));
        }
        Ok(())
    }

    fn begin(&mut self, kind: Kind, anchor: usize, at: Place) -> Result<(), ImportError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(error(at, format!("nested more than {MAX_DEPTH} deep")));
        }
        let before = self.nodes;
        self.count(1, at)?;
        self.open.push(Open {
            node: Node { kind, at },
            anchor,
            key: None,
            before,
        });
        Ok(())
    }

    fn value(&mut self, node: Node, anchor: usize, nodes: usize) -> Result<(), ImportError> {
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), nodes));
        }
        let Some(open) = self.open.last_mut() else {
            self.documents.push(node);
            return Ok(());
        };
        match &mut open.node.kind {
            Kind::List(items) => items.push(node),
            Kind::Map(entries) => match open.key.take() {
                Some((key, at)) => entries.push((key, at, node)),
                None => {
                    let Some(key) = node.text().map(str::to_owned) else {
                        return Err(error(node.at, "a key that is no text"));
                    };
                    if entries.iter().any(|(k, _, _)| *k == key) {
                        return Err(error(
                            node.at,
                            format!("the key `{}` is there twice", key.escape_debug()),
                        ));
                    }
                    open.key = Some((key, node.at));
                }
            },
            Kind::Scalar { .. } | Kind::Gone => {}
        }
        Ok(())
    }
}

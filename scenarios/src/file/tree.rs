//! YAML as a tree that remembers where everything stands, within tight limits.

use std::collections::{BTreeMap, BTreeSet};

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span as YamlSpan, options};

use super::mistake::{Found, Span, is_control, short};

/// The largest file, in bytes.
pub(crate) const MAX_BYTES: usize = 1 << 20;
/// How deep collections may nest.
pub(crate) const MAX_DEPTH: usize = 64;
/// How many values there may be, aliases counted as what they stand for.
pub(crate) const MAX_NODES: usize = 50_000;
/// How many anchors there may be.
pub(crate) const MAX_ANCHORS: usize = 100;

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) at: Span,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// A text; `plain` if it stands without quotes.
    Scalar { text: String, plain: bool },
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) at: Span,
}

impl Node {
    /// What it is, for a message.
    pub(crate) fn describe(&self) -> String {
        match &self.kind {
            Kind::Scalar { text, plain: true } if text.is_empty() => "nothing".to_owned(),
            Kind::Scalar { text, .. } => format!("`{}`", short(text)),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a mapping".to_owned(),
        }
    }

    /// Whether nothing stands there.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null"))
    }

    fn count(&self) -> usize {
        1 + match &self.kind {
            Kind::Scalar { .. } => 0,
            Kind::List(items) => items.iter().map(Self::count).sum(),
            Kind::Map(entries) => entries.iter().map(|(_, node)| node.count()).sum(),
        }
    }

    fn depth(&self) -> usize {
        match &self.kind {
            Kind::Scalar { .. } => 0,
            Kind::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Kind::Map(entries) => 1 + entries.iter().map(|(_, n)| n.depth()).max().unwrap_or(0),
        }
    }
}

/// Checks the bytes of a file: UTF-8, its size, no control characters. Where the text is not usable, says so.
pub(crate) fn text_of(bytes: &[u8], found: &mut Found) -> String {
    let whole = Span {
        source: 0,
        start: 0,
        end: 0,
    };
    if bytes.len() > MAX_BYTES {
        found.add(
            whole,
            format!("the file is larger than 1 MiB ({} bytes)", bytes.len()),
            "",
            "a scenario has at most 1 MiB; keep traces in files of their own: `trace: {file: day.csv.gz}`",
        );
        return String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            refuse_controls(text, found);
            text.to_owned()
        }
        Err(error) => {
            let start = error.valid_up_to();
            let shown = String::from_utf8_lossy(bytes).into_owned();
            found.add(
                Span {
                    start,
                    end: start + 1,
                    ..whole
                },
                "the file is not UTF-8",
                "this byte belongs to no character",
                "save the file as UTF-8",
            );
            shown
        }
    }
}

fn refuse_controls(text: &str, found: &mut Found) {
    let bad = text.char_indices().filter(|(_, c)| is_bad_control(*c));
    for (start, c) in bad.take(10) {
        let at = Span {
            source: 0,
            start,
            end: start + c.len_utf8(),
        };
        if c == '\u{feff}' {
            found.add(
                at,
                "the file holds a byte order mark",
                "",
                "save the file as UTF-8 without a byte order mark",
            );
        } else {
            let what = format!("control character U+{:04X}", u32::from(c));
            found.add(at, what, "remove it", "a scenario is plain text: no control characters, no marks that turn the writing direction");
        }
    }
}

/// Reads `text` (which stands in `source` at `offset`) into a tree. Nothing if it cannot be read at all.
pub(crate) fn parse(source: usize, offset: usize, text: &str, found: &mut Found) -> Option<Node> {
    let mut builder = Builder::new(source, offset, found);
    let options = options! {
        flow_nesting_limit: MAX_DEPTH + 1,
        block_nesting_limit: MAX_DEPTH + 1,
        disallow_directives: true,
    };
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((event, span)) => builder.take(event, span)?,
            Err(error) => {
                let start = offset
                    + error
                        .marker()
                        .byte_offset()
                        .unwrap_or(text.len())
                        .min(text.len());
                let at = Span {
                    source,
                    start,
                    end: start + 1,
                };
                let what = format!("not YAML: {}", error.info());
                builder.found.add(
                    at,
                    what,
                    "",
                    "check quotes, brackets and indentation on this line and the one before",
                );
                return None;
            }
        }
    }
    if builder.root.is_none() {
        let at = Span {
            source,
            start: offset,
            end: offset,
        };
        builder.found.add(
            at,
            "there is nothing in it",
            "",
            "`rushhour scenario new` writes a scenario to begin with",
        );
    }
    builder.root
}

struct Builder<'a> {
    source: usize,
    offset: usize,
    found: &'a mut Found,
    open: Vec<Open>,
    anchors: BTreeMap<usize, (Node, usize, usize)>,
    root: Option<Node>,
    nodes: usize,
}

/// A collection that is not closed yet.
struct Open {
    node: Node,
    anchor: usize,
    key: Option<Key>,
    seen: BTreeSet<String>,
}

impl<'a> Builder<'a> {
    fn new(source: usize, offset: usize, found: &'a mut Found) -> Self {
        Self {
            source,
            offset,
            found,
            open: Vec::new(),
            anchors: BTreeMap::new(),
            root: None,
            nodes: 0,
        }
    }

    fn span(&self, span: &YamlSpan) -> Span {
        let range = span.byte_range().unwrap_or(0..0);
        Span {
            source: self.source,
            start: self.offset + range.start,
            end: self.offset + range.end,
        }
    }

    /// Takes one event; nothing if the file must not be read on.
    fn take(&mut self, event: Event<'_>, span: YamlSpan) -> Option<()> {
        let at = self.span(&span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.no_tag(tag.is_some(), at);
                if text.chars().any(is_bad_control) {
                    self.found.add(
                        at,
                        "a control character in a text",
                        "remove it",
                        "texts hold no control characters, escaped or not",
                    );
                }
                let plain = style == ScalarStyle::Plain;
                let kind = Kind::Scalar {
                    text: text.into_owned(),
                    plain,
                };
                self.value(Node { kind, at }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.no_tag(tag.is_some(), at);
                self.begin(
                    Node {
                        kind: Kind::List(Vec::new()),
                        at,
                    },
                    anchor,
                )
            }
            Event::MappingStart(_, anchor, tag) => {
                self.no_tag(tag.is_some(), at);
                self.begin(
                    Node {
                        kind: Kind::Map(Vec::new()),
                        at,
                    },
                    anchor,
                )
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let mut done = self.open.pop()?;
                done.node.at.end = at.end.max(done.node.at.start);
                self.value(done.node, done.anchor)
            }
            Event::Alias(anchor) => self.alias(anchor, at),
            Event::DocumentStart(..) if self.root.is_some() => {
                self.found
                    .add(at, "a second document", "", "a file holds one scenario");
                None
            }
            _ => Some(()),
        }
    }

    fn no_tag(&mut self, tagged: bool, at: Span) {
        if tagged {
            self.found.add(
                at,
                "a tag on a value",
                "write it without the `!…`",
                "a scenario knows no tags",
            );
        }
    }

    fn begin(&mut self, node: Node, anchor: usize) -> Option<()> {
        if self.open.len() >= MAX_DEPTH {
            self.too_deep(node.at);
            return None;
        }
        self.open.push(Open {
            node,
            anchor,
            key: None,
            seen: BTreeSet::new(),
        });
        Some(())
    }

    fn too_deep(&mut self, at: Span) {
        self.found.add(
            at,
            format!("nested more than {MAX_DEPTH} deep"),
            "",
            "a scenario is a few levels deep",
        );
    }

    fn alias(&mut self, anchor: usize, at: Span) -> Option<()> {
        let Some((node, count, depth)) = self.anchors.get(&anchor) else {
            self.found.add(
                at,
                "an alias to something that is not complete yet",
                "",
                "an alias stands for a value that was written before",
            );
            return None;
        };
        if self.open.len() + depth > MAX_DEPTH {
            self.too_deep(at);
            return None;
        }
        // Only cloned once it is known to fit.
        self.nodes += count;
        if self.nodes > MAX_NODES {
            self.too_many(at);
            return None;
        }
        let node = node.clone();
        self.place(node, at)
    }

    fn too_many(&mut self, at: Span) {
        self.found.add(
            at,
            format!("more than {MAX_NODES} values"),
            "",
            "aliases count as what they stand for",
        );
    }

    /// A value is complete.
    fn value(&mut self, node: Node, anchor: usize) -> Option<()> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            self.too_many(node.at);
            return None;
        }
        if anchor > 0 {
            if self.anchors.len() >= MAX_ANCHORS {
                self.found.add(
                    node.at,
                    format!("more than {MAX_ANCHORS} anchors"),
                    "",
                    "a scenario has at most that many",
                );
                return None;
            }
            // The copy counts too, so that nested anchors cannot multiply what is held.
            let count = node.count();
            self.nodes += count;
            if self.nodes > MAX_NODES {
                self.too_many(node.at);
                return None;
            }
            self.anchors
                .insert(anchor, (node.clone(), count, node.depth()));
        }
        let at = node.at;
        self.place(node, at)
    }

    /// Puts a value where it belongs: as a key, into a collection, or as the whole.
    fn place(&mut self, node: Node, at: Span) -> Option<()> {
        let Some(top) = self.open.last_mut() else {
            self.root = Some(node);
            return Some(());
        };
        match &mut top.node.kind {
            Kind::List(items) => items.push(node),
            Kind::Map(entries) => match top.key.take() {
                Some(key) => entries.push((key, node)),
                None => match node.kind {
                    Kind::Scalar { text, .. } => {
                        if !top.seen.insert(text.clone()) {
                            self.found.add(
                                at,
                                format!("`{}` is there twice", short(&text)),
                                "the second",
                                "a mapping has each key once",
                            );
                        }
                        top.key = Some(Key { name: text, at });
                    }
                    _ => {
                        self.found
                            .add(at, "a key that is no text", "", "keys are plain words");
                        return None;
                    }
                },
            },
            Kind::Scalar { .. } => {}
        }
        Some(())
    }
}

/// A control character that no text may hold; line breaks and tabs are none.
pub(crate) fn is_bad_control(c: char) -> bool {
    is_control(c) && !matches!(c, '\n' | '\r' | '\t')
}

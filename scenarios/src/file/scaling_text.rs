//! How services scale, as it was written: to be changed, and to be pasted somewhere else.

use std::fmt::Write as _;

use super::mistake::{Found, Mistakes, Source};
use super::set::Set;
use super::tree::{self, Key, Kind, Node};

/// The `scaling:` part of a scenario file, as it was written.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ScalingText {
    /// By service, in the order of the file: its entry as flow YAML, `{policy: hpa, max: 30, …}`.
    pub services: Vec<(String, String)>,
    /// The manifests that entries name (`file: hpa.yaml`), by service.
    pub manifests: Vec<(String, String)>,
    /// What stands in entries, by service: each value that is no list or mapping, with its path inside the entry, as in
    /// `target.cpu` and `triggers.0.requests`.
    pub values: Vec<(String, Vec<(String, String)>)>,
    /// The calendar as flow YAML, if there is one.
    pub calendar: Option<String>,
}

impl ScalingText {
    /// Reads it from the text of a scenario called `name`, with the values in `sets` changed. What it says is not checked:
    /// [`Scenario::read`](crate::Scenario::read) does that.
    ///
    /// # Errors
    /// If the text is no YAML, or a value to be changed has no place in it.
    pub fn read(name: &str, text: &[u8], sets: &[Set]) -> Result<Self, Mistakes> {
        let mut found = Found::default();
        let text = tree::text_of(text, &mut found);
        let mut sources = vec![Source {
            name: name.to_owned(),
            text,
        }];
        let mut root = None;
        if !found.any() {
            root = tree::parse(0, 0, &sources[0].text, &mut found);
        }
        for set in sets {
            let source = sources.len();
            sources.push(Source {
                name: set.name().to_owned(),
                text: set.text().to_owned(),
            });
            if let Some(root) = &mut root {
                set.apply(source, root, &mut found);
            }
        }
        match root {
            Some(root) if !found.any() => Ok(Self::of(&root)),
            _ => Err(found.told(&sources)),
        }
    }

    fn of(root: &Node) -> Self {
        let mut part = Self::default();
        let Some(Kind::Map(entries)) = get(root, "scaling").map(|node| &node.kind) else {
            return part;
        };
        for (Key { name, .. }, node) in entries {
            if name == "calendar" {
                part.calendar = Some(flow(node));
                continue;
            }
            part.services.push((name.clone(), flow(node)));
            let mut values = Vec::new();
            leaves(node, "", &mut values);
            part.values.push((name.clone(), values));
            if let Some(Kind::Scalar { text, .. }) = get(node, "file").map(|node| &node.kind) {
                part.manifests.push((name.clone(), text.clone()));
            }
        }
        part
    }

    /// What stands at a path inside a service's entry.
    #[must_use]
    pub fn value(&self, service: &str, path: &str) -> Option<&str> {
        let (_, values) = self.values.iter().find(|(name, _)| name == service)?;
        let value = values.iter().find(|(at, _)| at == path);
        value.map(|(_, text)| text.as_str())
    }

    /// The part of these services as a file that `--policy` takes, and a scenario.
    #[must_use]
    pub fn yaml(&self, of: impl Fn(&str) -> bool) -> String {
        let mut text = "scaling:\n".to_owned();
        let services: Vec<_> = self.services.iter().filter(|(name, _)| of(name)).collect();
        for (name, entry) in &services {
            writeln!(text, "  {}: {entry}", plain(name)).expect("a String takes everything");
        }
        if services.is_empty() {
            text += "  {}\n";
        }
        text
    }
}

fn get<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    match &node.kind {
        Kind::Map(entries) => entries
            .iter()
            .find(|(k, _)| k.name == key)
            .map(|(_, node)| node),
        _ => None,
    }
}

/// The values inside `node`, which stands at `path`.
fn leaves(node: &Node, path: &str, into: &mut Vec<(String, String)>) {
    let dot = if path.is_empty() { "" } else { "." };
    match &node.kind {
        Kind::Scalar { text, .. } => into.push((path.to_owned(), text.clone())),
        Kind::List(items) => {
            for (i, item) in items.iter().enumerate() {
                leaves(item, &format!("{path}{dot}{i}"), into);
            }
        }
        Kind::Map(entries) => {
            for (key, node) in entries {
                leaves(node, &format!("{path}{dot}{}", key.name), into);
            }
        }
    }
}

/// A value as flow YAML that reads back as the same.
fn flow(node: &Node) -> String {
    match &node.kind {
        Kind::Scalar { text, plain: true } if fits_flow(text) => text.clone(),
        Kind::Scalar { text, .. } => quoted(text),
        Kind::List(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Kind::Map(entries) => {
            let entry = |(key, node): &(Key, Node)| format!("{}: {}", plain(&key.name), flow(node));
            let entries: Vec<String> = entries.iter().map(entry).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// Whether a plain text is the same between brackets and commas.
fn fits_flow(text: &str) -> bool {
    let breaks = |c: char| ",[]{}#\"'".contains(c) || c.is_control();
    !text.is_empty() && !text.contains(breaks) && !text.contains(": ") && !text.ends_with(':')
}

/// A key: as it is if it is a plain word, or else in quotes.
fn plain(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
    if begins && text.chars().all(safe) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// As JSON has it, which YAML reads.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NoFiles, Scenario, library};

    fn read(text: &str, sets: &[&str]) -> ScalingText {
        let sets = Set::parse_all(sets).unwrap();
        ScalingText::read("t.yaml", text.as_bytes(), &sets).unwrap_or_else(|m| panic!("{m}"))
    }

    #[test]
    fn entries_keep_what_was_written_and_take_what_is_set() {
        let text = "scaling:\n  order:   # slow\n    policy: hpa\n    max: 30\n    target: {cpu: 70%}\n  pay: {file: 'hpa.yaml'}\n  calendar: [{at: 10m, expect: 6x}]\n";
        let part = read(
            text,
            &[
                "scaling.order.target.cpu=55%",
                "scaling.order.behavior.scaleDown={policies: [{type: Percent, value: 10, periodSeconds: 60}]}",
            ],
        );
        assert_eq!(
            part.yaml(|name| name == "order"),
            "scaling:\n  order: {policy: hpa, max: 30, target: {cpu: 55%}, behavior: {scaleDown: {policies: [{type: Percent, value: 10, periodSeconds: 60}]}}}\n"
        );
        assert_eq!(part.value("order", "target.cpu"), Some("55%"));
        assert_eq!(
            part.value("order", "behavior.scaleDown.policies.0.value"),
            Some("10")
        );
        assert_eq!(part.value("order", "min"), None);
        assert_eq!(part.manifests, [("pay".to_owned(), "hpa.yaml".to_owned())]);
        assert_eq!(part.calendar.as_deref(), Some("[{at: 10m, expect: 6x}]"));
        assert_eq!(read("a: 1", &[]).yaml(|_| true), "scaling:\n  {}\n");
    }

    #[test]
    fn what_is_pasted_says_the_same_in_every_scenario_of_the_library() {
        for (name, text) in library() {
            let part = read(text, &[]).yaml(|_| true);
            let same = Set::scaling("pasted.yaml", part.as_bytes()).unwrap();
            let scenario = |sets: &[Set]| {
                Scenario::read(name, text.as_bytes(), &NoFiles, sets)
                    .unwrap_or_else(|m| panic!("{name}: {m}\n{part}"))
            };
            assert_eq!(scenario(&[]).scaling, scenario(&[same]).scaling, "{name}");
        }
    }

    #[test]
    fn what_is_no_yaml_is_told() {
        let set = Set::parse("a.b=1").unwrap();
        for text in ["a: [1", "a: 1"] {
            let sets = std::slice::from_ref(&set);
            assert!(
                ScalingText::read("t.yaml", text.as_bytes(), sets).is_err(),
                "{text}"
            );
        }
    }
}

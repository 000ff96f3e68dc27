//! The numbers of a manifest, and the same manifest with others in their places: nothing else of its text changes.

use std::ops::Range;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span, options};

use super::ObjectPlace;
use super::tree::{MAX_BYTES, MAX_DEPTH, MAX_NODES};

/// A number of a manifest, with the text that it stands in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ManifestNumber {
    /// The object of the file it is in.
    pub object: ObjectPlace,
    /// Its field, as upstream names it: `spec.metrics[0].resource.target.averageUtilization`.
    pub field: String,
    /// How it is written, without quotes: `70`, `500m`, `"100"` as `100`.
    pub text: String,
    /// Where that stands in the file, in bytes.
    pub at: Range<usize>,
}

/// All numbers of the documents in `text`, in the order of the file: scalars that are a number, with a unit or none (`70`,
/// `500m`, `0.05`), in quotes or not. Those that an alias repeats are there once. Nothing if the text is no YAML.
#[must_use]
pub fn manifest_numbers(text: &str) -> Vec<ManifestNumber> {
    let options = options! {
        flow_nesting_limit: MAX_DEPTH + 1,
        block_nesting_limit: MAX_DEPTH + 1,
        disallow_directives: true,
    };
    if text.len() > MAX_BYTES {
        return Vec::new();
    }
    let mut walk = Walk::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let Ok((event, span)) = event else {
            return Vec::new();
        };
        if walk.take(text, event, &span).is_none() {
            return Vec::new();
        }
    }
    walk.found
}

/// `text` with each of these numbers written as the text beside it; everything else, comments and spaces too, stays byte for
/// byte. The numbers are of this very text and none is there twice.
#[must_use]
pub fn with_numbers(text: &str, changed: &[(&ManifestNumber, String)]) -> String {
    let mut changed: Vec<&(&ManifestNumber, String)> = changed.iter().collect();
    changed.sort_by_key(|(number, _)| number.at.start);
    let (mut out, mut from) = (String::with_capacity(text.len()), 0);
    for (number, new) in changed {
        let (Some(between), true) = (text.get(from..number.at.start), number.at.end >= from) else {
            continue;
        };
        out.push_str(between);
        out.push_str(new);
        from = number.at.end;
    }
    out.push_str(&text[from..]);
    out
}

/// A collection that is not closed yet.
enum Open {
    Map { key: Option<String> },
    List { next: usize },
}

#[derive(Default)]
struct Walk {
    found: Vec<ManifestNumber>,
    open: Vec<Open>,
    documents: usize,
    nodes: usize,
}

impl Walk {
    /// Takes one event; nothing if there are too many.
    fn take(&mut self, text: &str, event: Event<'_>, span: &Span) -> Option<()> {
        self.nodes += 1;
        if self.nodes > MAX_NODES || self.open.len() > MAX_DEPTH {
            return None;
        }
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                self.open.clear();
            }
            Event::Scalar(value, style, _, _) => {
                if let Some(Open::Map { key: key @ None }) = self.open.last_mut() {
                    *key = Some(value.into_owned());
                    return Some(());
                }
                self.number(text, &value, style, span);
                self.placed();
            }
            Event::Alias(_) => self.placed(),
            Event::MappingStart(..) => self.open.push(Open::Map { key: None }),
            Event::SequenceStart(..) => self.open.push(Open::List { next: 0 }),
            Event::MappingEnd | Event::SequenceEnd => {
                self.open.pop();
                self.placed();
            }
            _ => {}
        }
        Some(())
    }

    /// A value is complete: the next one has another place.
    fn placed(&mut self) {
        match self.open.last_mut() {
            Some(Open::Map { key }) => *key = None,
            Some(Open::List { next }) => *next += 1,
            None => {}
        }
    }

    fn number(&mut self, text: &str, value: &str, style: ScalarStyle, span: &Span) {
        let Some(range) = span.byte_range().filter(|_| is_number(value)) else {
            return;
        };
        let quote = match style {
            ScalarStyle::Plain => 0,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => 1,
            _ => return,
        };
        let at = range.start + quote..range.start + quote + value.len();
        // An escaped text stands otherwise than it reads, and is left alone.
        if text.get(at.clone()) != Some(value) {
            return;
        }
        let (item, field) = of_item(self.field());
        self.found.push(ManifestNumber {
            object: ObjectPlace {
                document: self.documents.saturating_sub(1),
                item,
            },
            field,
            text: value.to_owned(),
            at,
        });
    }

    fn field(&self) -> String {
        let mut field = String::new();
        for open in &self.open {
            match open {
                Open::Map { key } => {
                    let dot = if field.is_empty() { "" } else { "." };
                    field += dot;
                    field += key.as_deref().unwrap_or_default();
                }
                Open::List { next } => field += &format!("[{next}]"),
            }
        }
        field
    }
}

/// `items[3].spec.x` as the third and `spec.x`. Only lists have items.
fn of_item(field: String) -> (Option<usize>, String) {
    let within = field.strip_prefix("items[").and_then(|rest| {
        let (item, field) = rest.split_once("].")?;
        Some((item.parse().ok()?, field.to_owned()))
    });
    match within {
        Some((item, field)) => (Some(item), field),
        None => (None, field),
    }
}

/// Digits, perhaps with a sign, a point and a unit: `70`, `-0.5`, `500m`, `2Gi`, `1e3`.
fn is_number(text: &str) -> bool {
    let digits = text.trim_start_matches(['+', '-']);
    let after = digits.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && text.chars().any(|c| c.is_ascii_digit())
        && after.len() <= 4
        && after.chars().all(|c| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HPA: &str = "\
# Ours since the sale of 2024.
apiVersion: autoscaling/v2
kind:   HorizontalPodAutoscaler
metadata: {name: catalogue-2, labels: {tier: \"1\"}}
spec:
  minReplicas: 2      # never less
  maxReplicas: 30
  metrics:
  - type: Resource
    resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}
  - type: Pods
    pods:
      metric: {name: requests}
      target: {type: AverageValue, averageValue: '12500m'}
  behavior:
    scaleDown:
      stabilizationWindowSeconds: &calm 300
      policies:
        - { type: Percent, value: 10, periodSeconds: 60 }   # slowly
    scaleUp: {stabilizationWindowSeconds: *calm}
";

    #[test]
    fn every_number_has_its_field_and_place() {
        let numbers = manifest_numbers(HPA);
        let fields: Vec<(&str, &str)> = numbers
            .iter()
            .map(|n| (n.field.as_str(), n.text.as_str()))
            .collect();
        assert_eq!(
            fields,
            [
                ("metadata.labels.tier", "1"),
                ("spec.minReplicas", "2"),
                ("spec.maxReplicas", "30"),
                ("spec.metrics[0].resource.target.averageUtilization", "70"),
                ("spec.metrics[1].pods.target.averageValue", "12500m"),
                ("spec.behavior.scaleDown.stabilizationWindowSeconds", "300"),
                ("spec.behavior.scaleDown.policies[0].value", "10"),
                ("spec.behavior.scaleDown.policies[0].periodSeconds", "60"),
            ]
        );
        for number in &numbers {
            assert_eq!(&HPA[number.at.clone()], number.text);
        }
    }

    #[test]
    fn several_documents_are_counted_and_what_is_no_yaml_has_no_numbers() {
        let two = manifest_numbers("a: 1\n---\nitems:\n- {a: 2}\n- {a: {b: 3}}\n");
        let places: Vec<_> = two
            .iter()
            .map(|n| (n.object.document, n.object.item, n.field.as_str()))
            .collect();
        assert_eq!(
            places,
            [(0, None, "a"), (1, Some(0), "a"), (1, Some(1), "a.b")]
        );
        assert!(manifest_numbers("a: [1, 2").is_empty());
        assert!(manifest_numbers("a: {b: v2, c: 1.2.x-3, d: autoscaling/2}").is_empty());
    }

    proptest! {
        #[test]
        fn nothing_but_the_numbers_changes(
            picked in prop::collection::vec(any::<bool>(), 8),
            new in prop::collection::vec(0_u32..100_000, 8),
        ) {
            let numbers = manifest_numbers(HPA);
            let changed: Vec<(&ManifestNumber, String)> = numbers
                .iter()
                .zip(picked.iter().zip(&new))
                .filter(|(_, (picked, _))| **picked)
                .map(|(number, (_, new))| (number, new.to_string()))
                .collect();
            let text = with_numbers(HPA, &changed);
            let after = manifest_numbers(&text);
            prop_assert_eq!(after.len(), numbers.len());
            // Between the numbers every byte is the same, and so is each number that was not picked.
            let (mut old_from, mut new_from) = (0, 0);
            for (before, now) in numbers.iter().zip(&after) {
                prop_assert_eq!(&HPA[old_from..before.at.start], &text[new_from..now.at.start]);
                let wanted = changed.iter().find(|(n, _)| *n == before);
                let wanted = wanted.map_or(before.text.as_str(), |(_, new)| new);
                prop_assert_eq!(wanted, now.text.as_str());
                (old_from, new_from) = (before.at.end, now.at.end);
            }
            prop_assert_eq!(&HPA[old_from..], &text[new_from..]);
        }

        #[test]
        fn any_text_survives_and_without_a_change_stays_as_it_is(text in "[ -~\n]{0,200}") {
            let numbers = manifest_numbers(&text);
            let same: Vec<_> = numbers.iter().map(|n| (n, n.text.clone())).collect();
            prop_assert_eq!(with_numbers(&text, &same), text);
        }
    }
}

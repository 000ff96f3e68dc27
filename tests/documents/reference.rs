//! The reference of the scenario language: its schema in words, with examples from a page whose scenarios are checked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use scenarios::{Scenario, Set};
use serde_json::Value;

use super::blocks::{Shown, scenarios_in};
use super::{same, schema};

const EXAMPLES: &str = "docs/reference/examples.md";
/// A longer example than this says more than a table can hold.
const LONGEST_EXAMPLE: usize = 64;

/// A field of a part: the part's name in the schema (empty: the scenario itself), and its own.
type FieldName = (String, String);

/// A field in a scenario: where it stands, as `--set` says it, and its value.
struct Use {
    path: String,
    value: Value,
}

fn tree(shown: &Shown) -> Value {
    serde_saphyr::from_str(&shown.text).unwrap_or_else(|why| panic!("{}: {why}", shown.place))
}

/// The part that a schema refers to, and its name.
fn resolved<'a>(root: &'a Value, part: &'a Value) -> (Option<&'a str>, &'a Value) {
    match part["$ref"].as_str().and_then(|to| to.rsplit('/').next()) {
        Some(name) => (Some(name), &root["$defs"][name]),
        None => (None, part),
    }
}

/// Notes each field that is there in `value`, which is what `part` describes.
fn note(
    root: &Value,
    (part, name): (&Value, &str),
    (value, path): (&Value, &str),
    uses: &mut BTreeMap<FieldName, Vec<Use>>,
) {
    let (own, part) = resolved(root, part);
    let name = own.unwrap_or(name);
    for way in part["anyOf"].as_array().into_iter().flatten() {
        note(root, (way, name), (value, path), uses);
    }
    let inside = |key: &str| match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    };
    if let (Some(items), true) = (value.as_array(), part["items"].is_object()) {
        for (place, item) in items.iter().enumerate() {
            note(
                root,
                (&part["items"], name),
                (item, &inside(&place.to_string())),
                uses,
            );
        }
    }
    for (key, value) in value.as_object().into_iter().flatten() {
        let path = inside(key);
        if let Some(field) = part["properties"].get(key) {
            let used = uses.entry((name.to_owned(), key.clone())).or_default();
            used.push(Use {
                path: path.clone(),
                value: value.clone(),
            });
            note(root, (field, ""), (value, &path), uses);
        } else if part["additionalProperties"].is_object() {
            note(
                root,
                (&part["additionalProperties"], ""),
                (value, &path),
                uses,
            );
        }
    }
}

/// Every field that the scenario uses.
fn uses_in(schema: &Value, shown: &Shown) -> BTreeMap<FieldName, Vec<Use>> {
    let mut uses = BTreeMap::new();
    note(schema, (schema, ""), (&tree(shown), ""), &mut uses);
    uses
}

/// Every field of the language, with its schema.
fn fields(schema: &Value) -> Vec<(FieldName, &Value)> {
    let parts = schema["$defs"].as_object().expect("parts");
    let parts = parts.iter().map(|(name, part)| (name.as_str(), part));
    let parts = parts.chain([("", schema)]);
    let fields = parts.flat_map(|(name, part)| {
        let fields = part["properties"].as_object().into_iter().flatten();
        fields.map(move |(field, value)| ((name.to_owned(), field.clone()), value))
    });
    fields.collect()
}

/// The first value of each field that fits into a table.
fn examples(schema: &Value) -> BTreeMap<FieldName, String> {
    let mut examples = BTreeMap::new();
    for shown in scenarios_in(EXAMPLES) {
        for (field, uses) in uses_in(schema, &shown) {
            let mut short = uses.iter().map(|one| flow(&one.value));
            if let Some(short) = short.find(|text| text.len() <= LONGEST_EXAMPLE) {
                examples.entry(field).or_insert(short);
            }
        }
    }
    examples
}

/// A value as YAML on one line.
fn flow(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(key, value)| format!("{key}: {}", flow(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => {
            let starts = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/');
            let plain = starts
                && !text.contains(['{', '}', '[', ']', ',', '#', '"', '\''])
                && !text.contains(": ")
                && text.parse::<f64>().is_err();
            // A time of day alone would be a number in base 60 to some readers.
            let plain = plain && !text.split(':').all(|part| part.parse::<u32>().is_ok());
            if plain {
                text.clone()
            } else {
                value.to_string()
            }
        }
        other => other.to_string(),
    }
}

#[test]
fn the_reference_of_the_scenario_language_is_its_schema_in_words() {
    let (_, schema) = schema();
    let examples = examples(&schema);
    let mut text = String::from(
        "# The scenario language\n\nThis page is made from `rushhour schema`, which editors use as well. \
         `rushhour scenario new FILE` writes a commented\nscenario to begin with, `rushhour scenario show NAME` prints one \
         of the library; [writing a scenario](../how-to/write-a-scenario.md)\ngoes through its parts. The examples are from \
         [scenarios that use every field](examples.md). Everything about the course of events is\nin scenario time: see \
         [what `--speed` does](../explanation/speed.md).\n",
    );
    section(&mut text, &schema, ("", "A scenario", &schema), &examples);
    for (name, part) in schema["$defs"].as_object().expect("parts") {
        section(&mut text, &schema, (name, bare(name), part), &examples);
    }
    same("docs/reference/scenario.md", &text);
}

#[test]
fn every_field_of_the_language_has_an_example_that_is_checked() {
    let (_, schema) = schema();
    let shown = scenarios_in(EXAMPLES);
    let used: Vec<_> = shown.iter().map(|shown| uses_in(&schema, shown)).collect();
    let missing: Vec<FieldName> = fields(&schema)
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| !used.iter().any(|uses| uses.contains_key(name)))
        .collect();
    assert!(missing.is_empty(), "{EXAMPLES} does not use {missing:?}");
}

#[test]
fn what_is_outside_of_a_field_s_range_is_refused() {
    let (_, schema) = schema();
    let mut tried = BTreeSet::new();
    let mut accepted = Vec::new();
    for shown in scenarios_in(EXAMPLES) {
        let uses = uses_in(&schema, &shown);
        for (name, field) in fields(&schema) {
            let (about, own, _) = told(field);
            let Some(range) = own.or_else(|| of_type(&schema, field)) else {
                continue;
            };
            let Some(one) = uses.get(&name).and_then(|uses| uses.first()) else {
                continue;
            };
            if !tried.insert(name) {
                continue;
            }
            for beyond in outside(&range) {
                let set = format!("{}={beyond}", one.path);
                let sets = [Set::parse(&set).unwrap_or_else(|why| panic!("{set}: {why}"))];
                let read = Scenario::read("page", shown.text.as_bytes(), &shown.files, &sets);
                if read.is_ok() {
                    accepted.push(format!(
                        "{}: {set}, outside of {range} ({about})",
                        shown.place
                    ));
                }
            }
        }
    }
    assert!(accepted.is_empty(), "{}", accepted.join("\n"));
    assert!(tried.len() >= 100, "only {} fields were tried", tried.len());
}

/// Values that are just outside of a range: `1 to 100`, `above 0s to 366d`, `at least 1`.
fn outside(range: &str) -> Vec<String> {
    let (range, _) = range.split_once(',').unwrap_or((range, ""));
    let (range, open) = match range.strip_prefix("above ") {
        Some(rest) => (rest, true),
        None => (range, false),
    };
    let (least, most) = match range.strip_prefix("at least ") {
        Some(least) => (least, None),
        None => range
            .split_once(" to ")
            .map(|(least, most)| (least, Some(most)))
            .unwrap_or_else(|| panic!("a range is written `1 to 100`, not `{range}`")),
    };
    let (low, unit) = number(least);
    let below = match (open, low) {
        (true, low) => Some(format!("{low}{unit}")),
        (false, 0) => None,
        (false, low) => Some(format!("{}{unit}", low - 1)),
    };
    let above = most.map(|most| {
        let (high, unit) = number(most);
        format!("{}{unit}", high + 1)
    });
    below.into_iter().chain(above).collect()
}

fn number(text: &str) -> (u128, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    (number.parse().expect("a whole number"), unit)
}

#[test]
fn the_values_around_a_range_are_those_just_outside() {
    for (range, values) in [
        ("1 to 100", vec!["0", "101"]),
        ("0 to 1000, or `unlimited`", vec!["1001"]),
        ("above 0s to 366d", vec!["0s", "367d"]),
        ("200ms to 366d", vec!["199ms", "367d"]),
        ("at least 1", vec!["0"]),
    ] {
        assert_eq!(outside(range), values, "{range}");
    }
}

/// What a schema says of a field: about it, its range, and its default.
fn told(part: &Value) -> (String, Option<String>, Option<String>) {
    let about = part["description"]
        .as_str()
        .unwrap_or("")
        .replace('\n', " ");
    let (about, range) = without(&about, "Range: ");
    let (about, default) = without(&about, "Default: ");
    (about, range, default)
}

/// A text without the sentence that begins with `key`, and what that says.
fn without(text: &str, key: &str) -> (String, Option<String>) {
    let Some((before, after)) = text.split_once(key) else {
        return (text.trim().to_owned(), None);
    };
    let (said, rest) = after
        .split_once(". ")
        .unwrap_or((after.trim_end_matches('.'), ""));
    (
        format!("{before}{rest}").trim().to_owned(),
        Some(said.to_owned()),
    )
}

/// The range of everything of a field's type.
fn of_type(schema: &Value, field: &Value) -> Option<String> {
    match resolved(schema, field) {
        (Some(_), part) => told(part).1,
        _ => None,
    }
}

/// The words that a field may be.
fn words(field: &Value) -> Option<String> {
    let words = field["enum"].as_array()?.iter().filter_map(Value::as_str);
    Some(
        words
            .map(|word| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(", "),
    )
}

/// One part of the language: what it is, and a row for each of its fields.
fn section(
    text: &mut String,
    schema: &Value,
    (key, name, part): (&str, &str, &Value),
    examples: &BTreeMap<FieldName, String>,
) {
    let (about, range, _) = told(part);
    write!(text, "\n## {name}\n\n{about}\n").expect("memory");
    if let Some(range) = range {
        write!(text, "\nFrom {range}.\n").expect("memory");
    }
    let Some(fields) = part["properties"]
        .as_object()
        .filter(|fields| !fields.is_empty())
    else {
        return;
    };
    let needed = part["required"].as_array().cloned().unwrap_or_default();
    text.push_str("\n| field | is | range | default | example | what it says |\n| --- | --- | --- | --- | --- | --- |\n");
    for (field, value) in fields {
        let (about, range, default) = told(value);
        let range = range
            .or_else(|| words(value))
            .or_else(|| of_type(schema, value))
            .unwrap_or_default();
        let default = if needed.iter().any(|needed| needed == field) {
            "(needed)".to_owned()
        } else {
            default.unwrap_or_default()
        };
        let example = examples.get(&(key.to_owned(), field.clone()));
        let example = example.map_or_else(String::new, |example| format!("`{example}`"));
        let cells = [
            format!("`{field}`"),
            kind(value),
            range,
            default,
            example,
            about,
        ];
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        writeln!(text, "| {} |", cells.join(" | ")).expect("memory");
    }
    if part["additionalProperties"].is_object() {
        let kind = kind(&part["additionalProperties"]);
        writeln!(text, "| any name | {kind} | | | | What is called so. |").expect("memory");
    }
}

fn bare(name: &str) -> &str {
    name.trim_end_matches("File")
}

/// What a field is: a link to its part, or its JSON type.
fn kind(value: &Value) -> String {
    if let Some(name) = value["$ref"].as_str().and_then(|to| to.rsplit('/').next()) {
        let name = bare(name);
        return format!("[{name}](#{})", name.to_lowercase());
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(all) = value[key].as_array() {
            return all.iter().map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    match value["type"].as_str() {
        Some("array") => format!("list of {}", kind(&value["items"])),
        Some("object") if value["additionalProperties"].is_object() => {
            format!("map to {}", kind(&value["additionalProperties"]))
        }
        Some(plain) => plain.to_owned(),
        None if value["enum"].is_array() => "word".to_owned(),
        None => "anything".to_owned(),
    }
}

//! Counts what agrees, field by field, and keeps the first disagreements.

use std::collections::BTreeMap;

use serde_json::Value;

pub(crate) struct Tally {
    set: String,
    vectors: (usize, usize),
    /// (agreeing, compared) by field; whether the field must agree.
    fields: BTreeMap<(bool, &'static str), (usize, usize)>,
    first: Vec<String>,
}

impl Tally {
    pub(crate) fn new(set: &str) -> Self {
        Self {
            set: set.to_owned(),
            vectors: (0, 0),
            fields: BTreeMap::new(),
            first: Vec::new(),
        }
    }

    pub(crate) fn must(
        &mut self,
        field: &'static str,
        id: &str,
        expected: &Value,
        got: &Value,
    ) -> bool {
        self.count((true, field), id, expected, got)
    }

    pub(crate) fn should(&mut self, field: &'static str, id: &str, expected: &Value, got: &Value) {
        self.count((false, field), id, expected, got);
    }

    pub(crate) fn vector(&mut self, same: bool) {
        self.vectors.0 += usize::from(same);
        self.vectors.1 += 1;
    }

    fn count(
        &mut self,
        key: (bool, &'static str),
        id: &str,
        expected: &Value,
        got: &Value,
    ) -> bool {
        // Upstream itself varies there.
        if expected == "*" {
            return true;
        }
        let same = expected == got;
        let (agreeing, compared) = self.fields.entry(key).or_default();
        *agreeing += usize::from(same);
        *compared += 1;
        if !same && *compared - *agreeing <= 3 {
            let word = if key.0 { "must" } else { "should" };
            self.first.push(format!(
                "{id}: {} ({word}): expected {expected}, got {got}",
                key.1
            ));
        }
        same
    }

    /// Prints the counts; fails if a field that must agree does not.
    pub(crate) fn finish(self) {
        let (same, all) = self.vectors;
        println!("{}: {same} of {all} vectors agree", self.set);
        for ((must, field), (agreeing, compared)) in &self.fields {
            let word = if *must { "must" } else { "should" };
            println!("  {word:6} {field}: {agreeing}/{compared}");
        }
        for line in &self.first {
            println!("  {line}");
        }
        assert_eq!(same, all, "{}: every field that must agree", self.set);
    }
}

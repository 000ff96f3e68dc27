//! What a policy decided, and why.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use metrics::{Replicas, Timestamp};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{foresight, hpa, kpa};

/// A policy's answer to one observation.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Decision {
    /// What to do.
    pub verdict: Verdict,
    /// Why.
    pub reason: Arc<Reason>,
    /// When the policy wants to be asked again.
    pub next: Timestamp,
}

/// What to do.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Have so many replicas.
    Scale(Replicas),
    /// Leave everything as it is, and write nothing.
    Hold,
}

/// Why a decision is what it is. It holds what was found; words are made of that when someone reads them.
#[derive(Clone, Debug, Default)]
pub struct Reason {
    /// One word for what bound: `metric`, `schedule`, `fixed`, `hold`, `no_data`, `above_max`, `below_min`, …
    pub because: Cow<'static, str>,
    /// What the policy wanted before anything clipped it, if it got that far.
    pub wanted: Option<Replicas>,
    /// What changed the number on the way, in order.
    pub clips: Vec<Clip>,
    found: Found,
    /// Whether words are made of what was found. If not, that is of a former reason, kept for its room.
    is_found: bool,
    /// The sentence, if it is not made of what was found.
    sentence: String,
    /// Terms besides those of what was found, after them.
    terms: Vec<Term>,
    /// Terms of former reasons, to be written over.
    spare: Vec<Term>,
}

/// What a sentence and its terms are made of.
#[derive(Clone, Debug, Default)]
enum Found {
    #[default]
    Nothing,
    Ours(Box<foresight::Found>),
    Hpa(Box<hpa::Found>),
    Kpa(Box<kpa::Found>),
}

/// Why a decision is what it is: a sentence's worth of facts, and the terms behind them.
// So a reason is written and read.
#[derive(Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "Reason")]
struct Written<'a> {
    /// One word for what bound: `metric`, `schedule`, `fixed`, `hold`, `no_data`, `above_max`, `below_min`, …
    because: Cow<'a, str>,
    /// One sentence for people: what was measured, against what, and what follows before anything clipped it.
    sentence: Cow<'a, str>,
    /// What the policy wanted before anything clipped it, if it got that far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wanted: Option<Replicas>,
    /// The values it rests on, in order.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    terms: Cow<'a, [Term]>,
    /// What changed the number on the way, in order.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    clips: Cow<'a, [Clip]>,
}

/// One value that a decision rests on.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Term {
    /// What it is.
    pub name: String,
    /// How much, with its unit, or why there is no value.
    pub value: String,
}

/// One rule that changed the number.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Clip {
    /// The rule: `min`, `max`, `stabilisation`, `rate`, `no_data`, …
    pub by: Cow<'static, str>,
    /// The number before.
    pub from: Replicas,
    /// The number after.
    pub to: Replicas,
}

impl Term {
    pub(crate) fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
        }
    }
}

impl Reason {
    /// A reason with its word and its sentence.
    #[must_use]
    pub fn new(because: impl Into<Cow<'static, str>>, sentence: impl Into<String>) -> Self {
        Self {
            because: because.into(),
            sentence: sentence.into(),
            ..Self::default()
        }
    }

    /// One sentence for people: what was measured, against what, and what follows before anything clipped it.
    #[must_use]
    pub fn sentence(&self) -> Cow<'_, str> {
        match &self.found {
            Found::Ours(found) if self.is_found => Cow::Owned(found.sentence()),
            Found::Hpa(found) if self.is_found => Cow::Owned(found.sentence()),
            Found::Kpa(found) if self.is_found => Cow::Owned(found.sentence()),
            _ => Cow::Borrowed(&self.sentence),
        }
    }

    /// The values it rests on, in order.
    #[must_use]
    pub fn terms(&self) -> Vec<Term> {
        let mut terms = match &self.found {
            Found::Ours(found) if self.is_found => found.terms(),
            Found::Hpa(found) if self.is_found => found.terms(),
            Found::Kpa(found) if self.is_found => found.terms(),
            _ => Vec::new(),
        };
        terms.extend_from_slice(&self.terms);
        terms
    }

    /// Puts a word and a sentence in the place of what was found.
    pub fn say(&mut self, because: &'static str, sentence: fmt::Arguments<'_>) {
        self.because = Cow::Borrowed(because);
        self.is_found = false;
        write_over(&mut self.sentence, SENTENCE, sentence);
    }

    /// Puts another sentence in the place of its own; the terms stay.
    pub fn retell(&mut self, sentence: impl Into<String>) {
        self.terms = self.terms();
        self.is_found = false;
        self.sentence = sentence.into();
    }

    /// Goes on with the sentence that was said.
    pub(crate) fn go_on(&mut self, with: fmt::Arguments<'_>) {
        // Nothing is refused by a string.
        let _written = self.sentence.write_fmt(with);
    }

    /// Adds a value that it rests on.
    pub fn rest_on(&mut self, name: fmt::Arguments<'_>, value: fmt::Arguments<'_>) {
        let mut term = self.spare.pop().unwrap_or_default();
        write_over(&mut term.name, WORDS, name);
        write_over(&mut term.value, WORDS, value);
        self.terms.push(term);
    }

    /// Says that a rule changed the number.
    pub(crate) fn clip(&mut self, by: &'static str, from: Replicas, to: Replicas) {
        let by = Cow::Borrowed(by);
        self.clips.push(Clip { by, from, to });
    }

    /// What our own policies found is what it rests on.
    pub(crate) fn ours(&mut self, found: foresight::Found) {
        self.is_found = true;
        match &mut self.found {
            Found::Ours(before) => **before = found,
            other => *other = Found::Ours(Box::new(found)),
        }
    }

    /// The same of Knative's.
    pub(crate) fn kpa(&mut self, found: kpa::Found) {
        self.is_found = true;
        match &mut self.found {
            Found::Kpa(before) => **before = found,
            other => *other = Found::Kpa(Box::new(found)),
        }
    }

    /// The same of HPA's.
    pub(crate) fn hpa(&mut self, found: Box<hpa::Found>) {
        self.is_found = true;
        self.found = Found::Hpa(found);
    }

    /// What was found by an HPA before, to be written over.
    pub(crate) fn take_hpa(&mut self) -> Option<Box<hpa::Found>> {
        match std::mem::take(&mut self.found) {
            Found::Hpa(found) => Some(found),
            _ => None,
        }
    }

    /// As if it were new, but that it keeps its room.
    fn wipe(&mut self) {
        self.is_found = false;
        self.because = Cow::Borrowed("");
        self.wanted = None;
        self.clips.clear();
        self.sentence.clear();
        self.spare.append(&mut self.terms);
    }
}

/// Bytes that are enough for nearly every sentence, and for a few words: a text that is longer than those before it would need
/// new room.
pub(crate) const SENTENCE: usize = 256;
pub(crate) const WORDS: usize = 64;

/// Writes over a text, which gets this room at first.
pub(crate) fn write_over(text: &mut String, room: usize, with: fmt::Arguments<'_>) {
    text.clear();
    text.reserve(room);
    // Nothing is refused by a string.
    let _written = text.write_fmt(with);
}

/// Where a policy writes its reasons. The last one is written over once nobody else holds it, so that in the long run
/// nothing is allocated.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pad(Option<Arc<Reason>>);

impl Pad {
    /// A reason to be written, and to be given back with [`Pad::keep`].
    pub(crate) fn page(&mut self) -> Arc<Reason> {
        let mut page = self.0.take().unwrap_or_default();
        match Arc::get_mut(&mut page) {
            Some(reason) => {
                reason.wipe();
                page
            }
            None => Arc::default(),
        }
    }

    /// Takes a reason that is finished.
    pub(crate) fn keep(&mut self, page: &Arc<Reason>) {
        self.0 = Some(Arc::clone(page));
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = Written {
            because: Cow::Borrowed(&self.because),
            sentence: self.sentence(),
            wanted: self.wanted,
            terms: Cow::Owned(self.terms()),
            clips: Cow::Borrowed(&self.clips),
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::<'static>::deserialize(deserializer)?;
        Ok(Self {
            because: written.because,
            wanted: written.wanted,
            clips: written.clips.into_owned(),
            sentence: written.sentence.into_owned(),
            terms: written.terms.into_owned(),
            ..Self::default()
        })
    }
}

impl JsonSchema for Reason {
    fn schema_name() -> Cow<'static, str> {
        Written::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        Written::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Written::json_schema(generator)
    }
}

/// The same words, whatever they are made of.
impl PartialEq for Reason {
    fn eq(&self, other: &Self) -> bool {
        self.because == other.because
            && self.wanted == other.wanted
            && self.clips == other.clips
            && self.sentence() == other.sentence()
            && self.terms() == other.terms()
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence())
    }
}

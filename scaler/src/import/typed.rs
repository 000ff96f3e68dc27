//! From the tree to typed parts, with the field and its place in every mistake.

use std::fmt;

use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};

use super::ImportError;
use super::tree::{Kind, Node, Place, Scalar};

/// Reads a part of a manifest. Fields that the part does not have are refused, as `kubectl` refuses them.
///
/// # Errors
/// All that is of another type than it must be, or that is not known, in the order of the file.
pub(super) fn read<T: DeserializeOwned>(node: &Node, path: &str) -> Result<T, Vec<ImportError>> {
    let mut found: Vec<ImportError> = Vec::new();
    let mut left = node.clone();
    // What is wrong is taken out, and the rest is looked at again.
    let mut spoilt: Vec<String> = Vec::new();
    loop {
        let wrong = match T::deserialize(Part(&left)) {
            Ok(value) if found.is_empty() => return Ok(value),
            Ok(_) => break,
            Err(wrong) => wrong,
        };
        let missing = wrong.what.starts_with("missing field");
        // What is missing where something was taken out is no mistake of its own.
        if !(missing && spoilt.contains(&wrong.path)) {
            let field = format!("{path}{}", wrong.path);
            found.push(ImportError::new(
                wrong.at.unwrap_or(node.at),
                field,
                wrong.what,
            ));
        }
        spoilt.extend(around(&wrong.path).map(str::to_owned));
        if found.len() >= MOST || !left.take_out(&wrong.path) {
            break;
        }
    }
    found.sort_by_key(|error| (error.line, error.column));
    Err(found)
}

/// No more mistakes are told of a part.
const MOST: usize = 20;

/// The part that what a path names stands in.
fn around(path: &str) -> Option<&str> {
    path.rfind(['.', '[']).map(|end| &path[..end])
}

/// What is wrong, and where.
#[derive(Debug)]
struct Wrong {
    what: String,
    path: String,
    at: Option<Place>,
}

impl Wrong {
    /// It is inside this part.
    fn within(mut self, part: &str, at: Place) -> Self {
        self.path = format!("{part}{}", self.path);
        self.at.get_or_insert(at);
        self
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Wrong {}

impl de::Error for Wrong {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self {
            what: what.to_string(),
            path: String::new(),
            at: None,
        }
    }
}

#[derive(Clone, Copy)]
struct Part<'a>(&'a Node);

impl<'de> Deserializer<'de> for Part<'_> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match &self.0.kind {
            Kind::List(items) => visitor.visit_seq(Items { items, next: 0 }),
            Kind::Map(entries) => visitor.visit_map(Entries { entries, next: 0 }),
            Kind::Scalar { .. } | Kind::Gone => match self.0.scalar() {
                Some(Scalar::Truth(value)) => visitor.visit_bool(value),
                Some(Scalar::Whole(value)) => visitor.visit_i64(value),
                Some(Scalar::Fraction(value)) => visitor.visit_f64(value),
                Some(Scalar::Text(text)) => visitor.visit_str(text),
                Some(Scalar::Nothing) | None => visitor.visit_unit(),
            },
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        if self.0.is_nothing() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match self.0.text() {
            Some(text) => visitor.visit_enum(text.into_deserializer()),
            None => {
                let _ = name;
                Err(de::Error::custom(format!(
                    "one of: {}",
                    variants.join(", ")
                )))
            }
        }
    }

    /// Only what the part does not know is skipped.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Wrong> {
        Err(de::Error::custom("unknown field"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq
        tuple tuple_struct map struct identifier
    }
}

struct Items<'a> {
    items: &'a [Node],
    next: usize,
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = Wrong;

    fn next_element_seed<T: de::DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Wrong> {
        let gone = |item: &Node| matches!(item.kind, Kind::Gone);
        while self.items.get(self.next).is_some_and(gone) {
            self.next += 1;
        }
        let Some(item) = self.items.get(self.next) else {
            return Ok(None);
        };
        let value = seed.deserialize(Part(item));
        let value = value.map_err(|wrong| wrong.within(&format!("[{}]", self.next), item.at))?;
        self.next += 1;
        Ok(Some(value))
    }
}

struct Entries<'a> {
    entries: &'a [(String, Place, Node)],
    next: usize,
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = Wrong;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Wrong> {
        // As in Go, what is null is not there.
        while self
            .entries
            .get(self.next)
            .is_some_and(|(_, _, node)| node.is_nothing())
        {
            self.next += 1;
        }
        match self.entries.get(self.next) {
            None => Ok(None),
            Some((key, _, _)) => seed.deserialize(key.as_str().into_deserializer()).map(Some),
        }
    }

    fn next_value_seed<T: de::DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Wrong> {
        let (key, at, node) = &self.entries[self.next];
        self.next += 1;
        let value = seed.deserialize(Part(node));
        value.map_err(|mut wrong| {
            // Of numbers and `true`, YAML makes other things than texts.
            if let Some(text) = node
                .text()
                .filter(|_| wrong.what.ends_with("expected a string"))
            {
                wrong.what += &format!(": write \"{}\"", text.escape_debug());
            }
            let at = if wrong.what == "unknown field" {
                *at
            } else {
                node.at
            };
            wrong.within(&format!(".{key}"), at)
        })
    }
}

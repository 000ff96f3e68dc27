//! How the parts of a file are read: every field with its place, and every mistake noted instead of the first.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::mistake::{Found, Span, did_you_mean, listed, nearest, short};
use super::tree::{Key, Kind, Node};

/// Something that can stand in a file.
pub(crate) trait Written: Sized {
    /// Reads it. Nothing if it makes no sense, and then `found` says why.
    fn read(node: &Node, found: &mut Found) -> Option<Self>;
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) at: Span,
    /// Its place among the fields of its mapping.
    pub(crate) order: usize,
}

/// A field of a mapping: its value, if it has one, and where it stands, if it does. One that must be there and is not,
/// or whose value makes no sense, has been noted as a mistake.
#[derive(Clone, Debug)]
pub(crate) struct Field<T>(pub(crate) Option<At<T>>, Option<Span>);

impl<T> Default for Field<T> {
    fn default() -> Self {
        Self(None, None)
    }
}

impl<T> Field<T> {
    pub(crate) fn value(&self) -> Option<&T> {
        self.0.as_ref().map(|at| &at.value)
    }

    pub(crate) fn at(&self) -> Option<Span> {
        self.1
    }

    pub(crate) fn is_there(&self) -> bool {
        self.1.is_some()
    }

    /// A field that is not written so, but stands for something at `at`.
    pub(crate) fn of(value: T, at: Span) -> Self {
        Self(
            Some(At {
                value,
                at,
                order: 0,
            }),
            Some(at),
        )
    }
}

impl<T: Clone> Field<T> {
    pub(crate) fn or(&self, default: T) -> T {
        self.value().cloned().unwrap_or(default)
    }
}

impl<T: Written> Field<T> {
    pub(crate) fn read(node: &Node, order: usize, found: &mut Found) -> Self {
        Self(
            T::read(node, found).map(|value| At {
                value,
                at: node.at,
                order,
            }),
            Some(node.at),
        )
    }
}

macro_rules! transparent_schema {
    ($name:ident) => {
        impl<T: JsonSchema> JsonSchema for $name<T> {
            fn inline_schema() -> bool {
                T::inline_schema()
            }

            fn schema_name() -> Cow<'static, str> {
                T::schema_name()
            }

            fn schema_id() -> Cow<'static, str> {
                T::schema_id()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                T::json_schema(generator)
            }
        }
    };
}

transparent_schema!(Field);
transparent_schema!(Boxed);

/// A part that holds parts of its own kind.
#[derive(Clone, Debug)]
pub(crate) struct Boxed<T>(pub(crate) Box<T>);

impl<T: Written> Written for Boxed<T> {
    fn read(node: &Node, found: &mut Found) -> Option<Self> {
        T::read(node, found).map(|part| Self(Box::new(part)))
    }
}

/// A list of parts.
#[derive(Clone, Debug)]
pub(crate) struct List<T>(pub(crate) Vec<At<T>>);

impl<T: Written> Written for List<T> {
    fn read(node: &Node, found: &mut Found) -> Option<Self> {
        let Kind::List(items) = &node.kind else {
            found.add(
                node.at,
                format!("a list is due here, not {}", node.describe()),
                "",
                "a list is written `[a, b]`, or one `- a` a line",
            );
            return None;
        };
        let read = items.iter().enumerate().filter_map(|(order, item)| {
            T::read(item, found).map(|value| At {
                value,
                at: item.at,
                order,
            })
        });
        Some(Self(read.collect()))
    }
}

impl<T: JsonSchema> JsonSchema for List<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("ListOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "array", "items": generator.subschema_for::<T>()})
    }
}

/// Parts by name, in the order of the file.
#[derive(Clone, Debug)]
pub(crate) struct Named<T>(pub(crate) Vec<(Key, At<T>)>);

impl<T: Written> Written for Named<T> {
    fn read(node: &Node, found: &mut Found) -> Option<Self> {
        let entries = entries(node, "names", found)?;
        let mut read = Vec::new();
        for (order, (key, node)) in entries.iter().enumerate() {
            check_name(&key.name, key.at, found);
            if let Some(value) = T::read(node, found) {
                read.push((
                    key.clone(),
                    At {
                        value,
                        at: node.at,
                        order,
                    },
                ));
            }
        }
        Some(Self(read))
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}ByName", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "propertyNames": {"pattern": NAME_PATTERN},
            "additionalProperties": generator.subschema_for::<T>(),
        })
    }
}

/// What names look like.
pub(crate) const NAME_PATTERN: &str = "^[A-Za-z0-9._-]{1,63}$";

/// Whether `name` may be a name.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

pub(crate) fn check_name(name: &str, at: Span, found: &mut Found) {
    if !is_name(name) {
        found.add(
            at,
            format!("`{}` cannot be a name", short(name)),
            "",
            "a name has 1 to 63 of: letters a-z A-Z, digits, `.`, `_`, `-`",
        );
    }
}

/// A short form for the usual case, or a mapping.
#[derive(Clone, Debug)]
pub(crate) enum Form<S, M> {
    /// The short form, a scalar.
    Short(S),
    /// The long form, a mapping.
    Long(M),
}

impl<S: Written, M: Written> Written for Form<S, M> {
    fn read(node: &Node, found: &mut Found) -> Option<Self> {
        match &node.kind {
            Kind::Scalar { .. } => S::read(node, found).map(Self::Short),
            _ => M::read(node, found).map(Self::Long),
        }
    }
}

impl<S: JsonSchema, M: JsonSchema> JsonSchema for Form<S, M> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}Or{}", S::schema_name(), M::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [generator.subschema_for::<S>(), generator.subschema_for::<M>()]})
    }
}

/// Anything, as JSON.
#[derive(Clone, Debug)]
pub(crate) struct Json(pub(crate) serde_json::Value);

impl Written for Json {
    fn read(node: &Node, found: &mut Found) -> Option<Self> {
        json(node, found).map(Self)
    }
}

impl JsonSchema for Json {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Anything".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!(true)
    }
}

fn json(node: &Node, found: &mut Found) -> Option<serde_json::Value> {
    use serde_json::Value;
    Some(match &node.kind {
        Kind::List(items) => Value::Array(
            items
                .iter()
                .map(|i| json(i, found))
                .collect::<Option<_>>()?,
        ),
        Kind::Map(entries) => {
            let pairs = entries
                .iter()
                .map(|(k, v)| Some((k.name.clone(), json(v, found)?)));
            Value::Object(pairs.collect::<Option<_>>()?)
        }
        Kind::Scalar { text, plain: false } => Value::String(text.clone()),
        Kind::Scalar { text, plain: true } => match text.as_str() {
            "" | "~" | "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            ".nan" | ".NaN" | ".NAN" | ".inf" | "-.inf" | "+.inf" | ".Inf" | "-.Inf" | ".INF"
            | "-.INF" => {
                found.add(
                    node.at,
                    format!("`{text}` is no number"),
                    "",
                    "numbers are finite",
                );
                return None;
            }
            // YAML's numbers that JSON has too; anything else is text.
            text => serde_json::from_str::<serde_json::Number>(text)
                .map_or_else(|_| Value::String(text.to_owned()), Value::Number),
        },
    })
}

/// The entries of a mapping.
pub(crate) fn entries<'a>(
    node: &'a Node,
    what: &str,
    found: &mut Found,
) -> Option<&'a [(Key, Node)]> {
    if let Kind::Map(entries) = &node.kind {
        return Some(entries);
    }
    found.add(
        node.at,
        format!("a mapping of {what} is due here, not {}", node.describe()),
        "",
        "a mapping is written `{key: value}`, or one `key: value` a line",
    );
    None
}

/// A mapping with known fields, whose entries are taken one by one.
pub(crate) struct Fields<'a> {
    entries: BTreeMap<&'a str, (usize, &'a Node)>,
    at: Span,
    what: &'static str,
    known: &'static [&'static str],
}

impl<'a> Fields<'a> {
    /// The entries of `node`; unknown ones are noted, and taken for what they are near to.
    pub(crate) fn of(
        node: &'a Node,
        what: &'static str,
        known: &'static [&'static str],
        found: &mut Found,
    ) -> Option<Self> {
        let Kind::Map(all) = &node.kind else {
            let rule = format!("{what} has: {}", listed(known.iter().map(|k| bare(k))));
            found.add(
                node.at,
                format!("{what} is a mapping, not {}", node.describe()),
                "",
                rule,
            );
            return None;
        };
        let names = || known.iter().map(|k| bare(k));
        let mut entries: BTreeMap<&str, (usize, &Node)> = BTreeMap::new();
        let mut unknown = Vec::new();
        for (order, (key, value)) in all.iter().enumerate() {
            if names().any(|name| name == key.name) {
                entries.insert(&key.name, (order, value));
            } else {
                unknown.push((order, key, value));
            }
        }
        for (order, key, value) in unknown {
            if found.full() {
                break;
            }
            let unknown = format!("unknown field `{}` in {what}", short(&key.name));
            let rule = format!("{what} has: {}", listed(names()));
            found.add(key.at, unknown, did_you_mean(&key.name, names()), rule);
            // It is read as the field that it is near to: one slip is one mistake, and does not hide those inside it.
            if let Some(near) = nearest(&key.name, names()) {
                entries.entry(near).or_insert((order, value));
            }
        }
        Some(Self {
            entries,
            at: node.at,
            what,
            known,
        })
    }

    /// A field that may be missing. An empty value counts as a mistake, not as missing.
    pub(crate) fn may<T: Written>(&self, name: &str, found: &mut Found) -> Field<T> {
        match self.entries.get(bare(name)) {
            None => Field::default(),
            Some((_, node)) if node.is_nothing() => {
                let what = format!("`{}` of {} is empty", bare(name), self.what);
                found.add(node.at, what, "", "write a value, or leave the field out");
                Field(None, Some(node.at))
            }
            Some((order, node)) => Field::read(node, *order, found),
        }
    }

    /// A field that must be there.
    pub(crate) fn need<T: Written>(&self, name: &str, found: &mut Found) -> Field<T> {
        if !self.entries.contains_key(bare(name)) {
            let rule = format!(
                "{} has: {}",
                self.what,
                listed(self.known.iter().map(|k| bare(k)))
            );
            found.add(
                self.at,
                format!("{} without `{}`", self.what, bare(name)),
                format!("`{}` is missing", bare(name)),
                rule,
            );
        }
        self.may(name, found)
    }
}

/// A field's name without the mark of a Rust keyword.
pub(crate) fn bare(name: &str) -> &str {
    name.strip_prefix("r#").unwrap_or(name)
}

/// Marks in a schema which fields must be there.
pub(crate) fn require(schema: &mut Schema, fields: &[(&str, &str)]) {
    let needed: Vec<&str> = fields
        .iter()
        .filter(|(_, must)| *must == "need")
        .map(|(name, _)| bare(name))
        .collect();
    schema.remove("required");
    if !needed.is_empty() {
        schema.insert("required".to_owned(), needed.into());
    }
}

/// Declares a part of a file once: its fields, its JSON Schema and how it is read.
///
/// `need` fields must be there, `may` fields may be missing.
macro_rules! written {
    ($( $(#[$doc:meta])* $name:ident, $what:literal { $( $(#[$field_doc:meta])* $field:ident: $must:ident $type:ty, )* } )*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, schemars::JsonSchema)]
        #[schemars(deny_unknown_fields, transform = Self::mark_needed)]
        pub(crate) struct $name {
            $( $(#[$field_doc])* pub(crate) $field: $crate::file::written::Field<$type>, )*
        }

        impl $name {
            /// All its fields with the places of those that are there.
            #[allow(dead_code)] // Not every part has rules about which may stand together.
            pub(crate) fn places(&self) -> Vec<(&'static str, Option<$crate::file::mistake::Span>)> {
                vec![$(($crate::file::written::bare(stringify!($field)), self.$field.at())),*]
            }

            fn mark_needed(schema: &mut schemars::Schema) {
                $crate::file::written::require(schema, &[$((stringify!($field), stringify!($must))),*]);
            }
        }

        impl $crate::file::written::Written for $name {
            fn read(node: &$crate::file::tree::Node, found: &mut $crate::file::mistake::Found) -> Option<Self> {
                let fields = $crate::file::written::Fields::of(node, $what, &[$(stringify!($field)),*], found)?;
                Some(Self { $( $field: fields.$must(stringify!($field), found), )* })
            }
        }
    )* };
}
pub(crate) use written;

//! The file of cases: models, what is expected of them, and how closely.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};

/// Why a case cannot be run: in words for the row that is printed.
pub(crate) type Fault = String;

/// The whole file. What a case says is looked at when it is run, so that one that is not understood is one row.
#[derive(Deserialize)]
pub(crate) struct Theory {
    version: u32,
    time_unit: String,
    pub(crate) cases: Vec<Case>,
}

/// One model with its answers.
#[derive(Clone, Deserialize)]
pub(crate) struct Case {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) family: String,
    #[serde(default)]
    model: Map<String, Value>,
    /// Quantities by name. Of those that are null nothing is known.
    #[serde(default)]
    pub(crate) expect: BTreeMap<String, Value>,
    /// What is no tolerance is a remark.
    #[serde(default)]
    tol: BTreeMap<String, Value>,
}

/// No rate, mean or time of a model is larger.
const MOST: f64 = 1e9;
/// The requests of a case that does not say how many its tolerances are for.
const USUAL: f64 = 2e6;

/// How far a quantity may be off, after so many requests.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(crate) struct Tolerance {
    rel: Option<f64>,
    abs: Option<f64>,
    requests: Option<f64>,
    replications: Option<f64>,
}

impl Tolerance {
    fn read(value: &Value) -> Option<Self> {
        Self::deserialize(value).ok()
    }
}

impl Theory {
    pub(crate) fn read(text: &str) -> Result<Self, Fault> {
        let theory: Self = serde_json::from_str(text).map_err(|e| e.to_string())?;
        if (theory.version, theory.time_unit.as_str()) != (1, "s") {
            return Err(format!(
                "version {} in {}: this test reads version 1 in s",
                theory.version, theory.time_unit
            ));
        }
        Ok(theory)
    }
}

impl Case {
    pub(crate) fn model(&self) -> Model<'_> {
        Model::new("", &self.model)
    }

    fn tolerances(&self) -> impl Iterator<Item = Tolerance> {
        self.tol.values().filter_map(Tolerance::read)
    }

    /// How many requests the tightest of its tolerances stands for.
    pub(crate) fn requests(&self) -> f64 {
        let said = self.tolerances().filter_map(|tolerance| tolerance.requests);
        let said = said.filter(|requests| *requests >= 1.0);
        said.reduce(f64::max).unwrap_or(USUAL)
    }

    /// How many independent runs its tolerances stand for.
    pub(crate) fn replications(&self) -> Option<f64> {
        let mut said = self.tolerances().filter_map(|t| t.replications);
        said.find(|runs| *runs >= 1.0)
    }

    /// How far `quantity` may be off. The larger of a relative and an absolute bound holds.
    pub(crate) fn tolerance(&self, quantity: &str, expected: f64) -> Result<f64, Fault> {
        let own = self.tol.get(quantity).or_else(|| self.tol.get("default"));
        let Some(Tolerance { rel, abs, .. }) = own.and_then(Tolerance::read) else {
            return Err(format!("no tolerance for {quantity}"));
        };
        let bounds = [rel.map(|rel| rel * expected.abs()), abs];
        let bounds = bounds.into_iter().flatten();
        bounds
            .reduce(f64::max)
            .ok_or_else(|| format!("an empty tolerance for {quantity}"))
    }
}

/// A model's fields. Each must be read: one that is not understood must not be left out silently.
pub(crate) struct Model<'a> {
    place: String,
    fields: &'a Map<String, Value>,
    read: RefCell<BTreeSet<&'a str>>,
}

impl<'a> Model<'a> {
    fn new(place: &str, fields: &'a Map<String, Value>) -> Self {
        Self {
            place: place.to_owned(),
            fields,
            read: RefCell::default(),
        }
    }

    /// The field, unless it is missing or null.
    pub(crate) fn get(&self, key: &str) -> Option<&'a Value> {
        let (key, value) = self.fields.get_key_value(key)?;
        self.read.borrow_mut().insert(key);
        Some(value).filter(|value| !value.is_null())
    }

    fn wrong(&self, key: &str, due: &str) -> Fault {
        match self.fields.get(key) {
            Some(value) => format!("`{}{key}` is {value}, {due} is due", self.place),
            None => format!("no `{}{key}`", self.place),
        }
    }

    pub(crate) fn maybe_number(&self, key: &str) -> Result<Option<f64>, Fault> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let number = value.as_f64().ok_or_else(|| self.wrong(key, "a number"));
        number.map(Some)
    }

    pub(crate) fn number(&self, key: &str) -> Result<f64, Fault> {
        self.maybe_number(key)?
            .ok_or_else(|| self.wrong(key, "a number"))
    }

    /// A number above 0 and not beyond measure: rates, means, times.
    pub(crate) fn positive(&self, key: &str) -> Result<f64, Fault> {
        let number = self.number(key)?;
        if number > 0.0 && number < MOST {
            Ok(number)
        } else {
            Err(self.wrong(key, "a number above 0"))
        }
    }

    /// A number under the first of several names that is there.
    pub(crate) fn number_of(&self, keys: &[&str]) -> Result<Option<f64>, Fault> {
        for key in keys {
            if let Some(number) = self.maybe_number(key)? {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    pub(crate) fn maybe_whole(&self, key: &str) -> Result<Option<u32>, Fault> {
        let Some(number) = self.maybe_number(key)? else {
            return Ok(None);
        };
        let whole = number as u32;
        if f64::from(whole) == number {
            Ok(Some(whole))
        } else {
            Err(self.wrong(key, "a whole number"))
        }
    }

    /// A whole number from 1 on: servers, users, replicas.
    pub(crate) fn count(&self, key: &str) -> Result<u32, Fault> {
        self.maybe_count(key)?
            .ok_or_else(|| self.wrong(key, "a whole number"))
    }

    pub(crate) fn maybe_count(&self, key: &str) -> Result<Option<u32>, Fault> {
        match self.maybe_whole(key)? {
            Some(0) => Err(self.wrong(key, "a whole number above 0")),
            count => Ok(count),
        }
    }

    pub(crate) fn text(&self, key: &str) -> Result<&'a str, Fault> {
        let text = self.get(key).and_then(Value::as_str);
        text.ok_or_else(|| self.wrong(key, "a text"))
    }

    /// A field that, if it is there, must be one of these texts.
    pub(crate) fn only(&self, key: &str, allowed: &[&str]) -> Result<(), Fault> {
        match self.get(key) {
            None => Ok(()),
            Some(value) if value.as_str().is_some_and(|text| allowed.contains(&text)) => Ok(()),
            Some(_) => Err(self.wrong(key, &format!("one of {allowed:?}"))),
        }
    }

    /// A field that says nothing that changes the model.
    pub(crate) fn remark(&self, key: &str) {
        let _ = self.get(key);
    }

    pub(crate) fn numbers(&self, key: &str) -> Result<Vec<f64>, Fault> {
        let list = self.get(key).and_then(Value::as_array);
        let numbers = list.and_then(|list| list.iter().map(Value::as_f64).collect());
        numbers.ok_or_else(|| self.wrong(key, "a list of numbers"))
    }

    /// A square of numbers.
    pub(crate) fn matrix(&self, key: &str) -> Result<Vec<Vec<f64>>, Fault> {
        let rows = self.get(key).and_then(Value::as_array);
        let row = |row: &Value| row.as_array()?.iter().map(Value::as_f64).collect();
        let rows: Option<Vec<Vec<f64>>> = rows.and_then(|rows| rows.iter().map(row).collect());
        rows.filter(|rows| rows.iter().all(|row| row.len() == rows.len()))
            .ok_or_else(|| self.wrong(key, "a square of numbers"))
    }

    pub(crate) fn maybe_part(&self, key: &str) -> Result<Option<Self>, Fault> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let fields = value.as_object();
        let fields = fields.ok_or_else(|| self.wrong(key, "an object"))?;
        Ok(Some(Self::new(&format!("{}{key}.", self.place), fields)))
    }

    pub(crate) fn part(&self, key: &str) -> Result<Self, Fault> {
        self.maybe_part(key)?
            .ok_or_else(|| self.wrong(key, "an object"))
    }

    pub(crate) fn parts(&self, key: &str) -> Result<Vec<Self>, Fault> {
        let list = self.get(key).and_then(Value::as_array);
        let parts = list.and_then(|list| {
            let part = |(n, value): (usize, &'a Value)| {
                let fields = value.as_object()?;
                Some(Self::new(&format!("{}{key}[{n}].", self.place), fields))
            };
            list.iter().enumerate().map(part).collect()
        });
        parts.ok_or_else(|| self.wrong(key, "a list of objects"))
    }

    /// Every field must have been read.
    pub(crate) fn finish(&self) -> Result<(), Fault> {
        let read = self.read.borrow();
        let mut left = self
            .fields
            .keys()
            .filter(|key| !read.contains(key.as_str()));
        match left.next() {
            None => Ok(()),
            Some(key) => Err(format!(
                "`{}{key}: {}` is not understood here",
                self.place, self.fields[key]
            )),
        }
    }
}

//! The formula of scaling modifiers: one number from the values of several triggers.
//!
//! A part of expr-lang, which KEDA uses: arithmetic (`+ - * / ** ^`), comparison, `and or not && || !`, `a ? b : c`,
//! `a ?? b`, lists, and `min max avg mean sum count float`. Whatever else expr-lang knows is refused by its name.
//! Precedence and what may not be mixed are expr-lang's, so that a formula means here what it means there.

mod lexer;
mod parser;
mod value;
mod whole;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use parser::Node;
use value::Value;

/// A mistake in a formula.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize, thiserror::Error)]
#[error("{what} (at character {})", .at + 1)]
pub struct FormulaError {
    /// Which character of the formula, counted from 0.
    pub at: usize,
    /// What is wrong there, and what to do.
    pub what: String,
}

impl FormulaError {
    fn new(at: usize, what: impl Into<String>) -> Self {
        Self {
            at,
            what: what.into(),
        }
    }
}

/// What KEDA does with a formula before it runs it: it takes nothing but a float.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Cast {
    /// It puts `float(…)` around it, which fails on nil.
    All,
    /// The same, but nil stays nil: it has a `??`.
    AllButNil,
    /// It leaves it as it is: it begins with `float(`.
    Nothing,
}

impl Cast {
    fn of(text: &str) -> Self {
        if text.contains("??") {
            Self::AllButNil
        } else if text.starts_with("float(") {
            Self::Nothing
        } else {
            Self::All
        }
    }
}

/// A formula over triggers by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Formula {
    root: Node,
    cast: Cast,
}

impl Formula {
    /// Reads a formula over the triggers that have these names.
    ///
    /// # Errors
    /// At the first thing that cannot be read, is not known or does not go together.
    pub fn parse(text: &str, triggers: &[&str]) -> Result<Self, FormulaError> {
        let tokens = lexer::tokens(text)?;
        let root = parser::parse(&tokens, triggers)?;
        match root.kind()? {
            value::Kind::Number => Ok(Self {
                root,
                cast: Cast::of(text),
            }),
            other => Err(FormulaError::new(
                root.at,
                format!(
                    "the formula gives {}, where a number is needed",
                    other.name()
                ),
            )),
        }
    }

    /// The number for these values of the triggers, in the order in which their names were given; nothing if it is
    /// nil, as can happen with `??`.
    ///
    /// # Errors
    /// If it calculates with a trigger that has no value, or is nil without a `??` in it; or if it begins with `float(`, and what it gives is a whole number
    /// nevertheless, as in `float(a) > 1 ? 2 : a`: that is none of KEDA's floats.
    pub fn evaluate(&self, triggers: &[Option<f64>]) -> Result<Option<f64>, FormulaError> {
        match self.root.evaluate(triggers, None)? {
            Value::Number(_) if self.cast == Cast::Nothing && self.root.is_whole(triggers)? => {
                let what = "the formula gives a whole number, and KEDA wants a float: put `float(…)` around all of it";
                Err(FormulaError::new(self.root.at, what))
            }
            Value::Number(number) => Ok(Some(number)),
            Value::Nil if self.cast == Cast::All => {
                let what = "the formula gives nil, which is no number: say with `??` what stands in for it";
                Err(FormulaError::new(self.root.at, what))
            }
            Value::Nil => Ok(None),
            _ => Err(FormulaError::new(self.root.at, "this is no number")),
        }
    }
}

#[cfg(test)]
mod tests;

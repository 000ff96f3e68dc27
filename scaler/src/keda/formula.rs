//! The formula of scaling modifiers: one number from the values of several triggers.
//!
//! A part of expr-lang, which KEDA uses: arithmetic (`+ - * / ** ^`), comparison, `and or not && || !`, `a ? b : c`,
//! `a ?? b`, lists, and `min max avg mean sum count float`. Whatever else expr-lang knows is refused by its name.
//! Precedence and what may not be mixed are expr-lang's, so that a formula means here what it means there.

mod lexer;
mod parser;
mod value;

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

/// A formula over triggers by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Formula {
    root: Node,
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
            value::Kind::Number => Ok(Self { root }),
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
    /// If it calculates with a trigger that has no value.
    pub fn evaluate(&self, triggers: &[Option<f64>]) -> Result<Option<f64>, FormulaError> {
        match self.root.evaluate(triggers, None)? {
            Value::Number(number) => Ok(Some(number)),
            Value::Nil => Ok(None),
            _ => Err(FormulaError::new(self.root.at, "this is no number")),
        }
    }
}

#[cfg(test)]
mod tests;

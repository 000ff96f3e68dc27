//! What a formula calculates with.

use super::FormulaError;
use super::parser::{Call, Node, Op, What};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Number(f64),
    Truth(bool),
    List(Vec<Self>),
    /// A trigger without a value.
    Nil,
}

/// What kind of value something gives; a number may also be nil.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Number,
    Truth,
    List,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Truth => "true or false",
            Self::List => "a list",
        }
    }
}

fn mismatch(at: usize, what: &str, wanted: Kind, got: Kind) -> FormulaError {
    FormulaError::new(
        at,
        format!("{what} needs {}, and this is {}", wanted.name(), got.name()),
    )
}

impl Node {
    /// What it gives, if its parts go together.
    pub(super) fn kind(&self) -> Result<Kind, FormulaError> {
        let needs = |node: &Self, what: &str, wanted: Kind| match node.kind()? {
            kind if kind == wanted => Ok(()),
            kind => Err(mismatch(node.at, what, wanted, kind)),
        };
        match &self.what {
            What::Number(..) | What::Nil | What::Trigger(_) | What::Element => Ok(Kind::Number),
            What::Truth(_) => Ok(Kind::Truth),
            What::Minus(of) => needs(of, "`-`", Kind::Number).map(|()| Kind::Number),
            What::Plus(of) => needs(of, "`+`", Kind::Number).map(|()| Kind::Number),
            What::Not(of) => needs(of, "`not`", Kind::Truth).map(|()| Kind::Truth),
            What::Binary(op, left, right) => {
                let (wanted, given) = match op {
                    Op::Equal | Op::Unequal => (left.kind()?, Kind::Truth),
                    Op::And | Op::Or => (Kind::Truth, Kind::Truth),
                    Op::Less | Op::LessEqual | Op::Greater | Op::GreaterEqual => {
                        (Kind::Number, Kind::Truth)
                    }
                    Op::Else => (Kind::Number, Kind::Number),
                    _ => (Kind::Number, Kind::Number),
                };
                needs(left, op.sign(), wanted)?;
                needs(right, op.sign(), wanted)?;
                Ok(given)
            }
            What::Choice(condition, yes, no) => {
                needs(condition, "the condition of `?`", Kind::Truth)?;
                let kind = yes.kind()?;
                needs(no, "the other side of `:`", kind)?;
                Ok(kind)
            }
            What::List(items) => {
                for item in items {
                    needs(item, "a list", Kind::Number)?;
                }
                Ok(Kind::List)
            }
            What::Call(call, arguments, each) => self.call_kind(*call, arguments, each.as_deref()),
        }
    }

    fn call_kind(
        &self,
        call: Call,
        arguments: &[Self],
        each: Option<&Self>,
    ) -> Result<Kind, FormulaError> {
        for argument in arguments {
            let kind = argument.kind()?;
            let fits = match call {
                Call::Float => kind == Kind::Number,
                Call::Sum | Call::Count => kind == Kind::List,
                Call::Min | Call::Max | Call::Mean => kind != Kind::Truth,
            };
            if !fits {
                let wanted = if call == Call::Float {
                    Kind::Number
                } else {
                    Kind::List
                };
                return Err(mismatch(argument.at, call.name(), wanted, kind));
            }
        }
        match (call, each) {
            (Call::Count, Some(each)) if each.kind()? != Kind::Truth => {
                return Err(mismatch(
                    each.at,
                    "the condition of count",
                    Kind::Truth,
                    each.kind()?,
                ));
            }
            (Call::Count, None) => {
                return Err(FormulaError::new(
                    self.at,
                    "count needs a condition, as in `count([a, b], {# > 1})`",
                ));
            }
            (Call::Sum, Some(each)) if each.kind()? != Kind::Number => {
                return Err(mismatch(
                    each.at,
                    "the term of sum",
                    Kind::Number,
                    each.kind()?,
                ));
            }
            _ => {}
        }
        Ok(Kind::Number)
    }

    /// Its value; `element` is what `#` stands for.
    pub(super) fn evaluate(
        &self,
        triggers: &[Option<f64>],
        element: Option<f64>,
    ) -> Result<Value, FormulaError> {
        let number = |node: &Self| node.number(triggers, element);
        let truth = |node: &Self| node.truth(triggers, element);
        Ok(match &self.what {
            What::Number(value, _) => Value::Number(*value),
            What::Nil => Value::Nil,
            What::Truth(value) => Value::Truth(*value),
            What::Trigger(place) => {
                let value = triggers.get(*place).copied().flatten();
                value.map_or(Value::Nil, Value::Number)
            }
            What::Element => element.map_or(Value::Nil, Value::Number),
            What::Minus(of) => Value::Number(-number(of)?),
            What::Plus(of) => of.evaluate(triggers, element)?,
            What::Not(of) => Value::Truth(!truth(of)?),
            What::Binary(op, left, right) => match op {
                Op::And => Value::Truth(truth(left)? && truth(right)?),
                Op::Or => Value::Truth(truth(left)? || truth(right)?),
                Op::Else => match left.evaluate(triggers, element)? {
                    Value::Nil => right.evaluate(triggers, element)?,
                    value => value,
                },
                Op::Equal | Op::Unequal => {
                    let same =
                        left.evaluate(triggers, element)? == right.evaluate(triggers, element)?;
                    Value::Truth(same == (*op == Op::Equal))
                }
                _ => op.of(number(left)?, number(right)?),
            },
            What::Choice(condition, yes, no) => {
                let side = if truth(condition)? { yes } else { no };
                side.evaluate(triggers, element)?
            }
            What::List(items) => {
                let each = items.iter().map(|item| item.evaluate(triggers, element));
                Value::List(each.collect::<Result<_, _>>()?)
            }
            What::Call(call, arguments, each) => {
                let mut numbers = Vec::new();
                for argument in arguments {
                    argument.gather(triggers, element, &mut numbers)?;
                }
                Value::Number(self.called(*call, &numbers, each.as_deref(), triggers)?)
            }
        })
    }

    fn number(&self, triggers: &[Option<f64>], element: Option<f64>) -> Result<f64, FormulaError> {
        match self.evaluate(triggers, element)? {
            Value::Number(number) => Ok(number),
            _ => Err(FormulaError::new(
                self.at,
                "this has no value now, and is calculated with: give it one with `??`",
            )),
        }
    }

    fn truth(&self, triggers: &[Option<f64>], element: Option<f64>) -> Result<bool, FormulaError> {
        match self.evaluate(triggers, element)? {
            Value::Truth(truth) => Ok(truth),
            _ => Err(FormulaError::new(self.at, "this is neither true nor false")),
        }
    }

    /// Adds its number, or those of its list.
    fn gather(
        &self,
        triggers: &[Option<f64>],
        element: Option<f64>,
        numbers: &mut Vec<f64>,
    ) -> Result<(), FormulaError> {
        match self.evaluate(triggers, element)? {
            Value::Number(number) => numbers.push(number),
            Value::List(items) => {
                for item in items {
                    let Value::Number(number) = item else {
                        let what = "a part of this list has no value now: give it one with `??`";
                        return Err(FormulaError::new(self.at, what));
                    };
                    numbers.push(number);
                }
            }
            _ => {
                let what = "this has no value now, and is calculated with: give it one with `??`";
                return Err(FormulaError::new(self.at, what));
            }
        }
        Ok(())
    }

    fn called(
        &self,
        call: Call,
        numbers: &[f64],
        each: Option<&Self>,
        triggers: &[Option<f64>],
    ) -> Result<f64, FormulaError> {
        let none = || FormulaError::new(self.at, format!("{} of nothing", call.name()));
        match call {
            Call::Float => numbers.first().copied().ok_or_else(none),
            // What is no number is not less than anything, nor is anything less than it: it stays if it comes first.
            Call::Min => {
                let less = |least, one| if one < least { one } else { least };
                numbers.iter().copied().reduce(less).ok_or_else(none)
            }
            Call::Max => {
                let more = |most, one| if one > most { one } else { most };
                numbers.iter().copied().reduce(more).ok_or_else(none)
            }
            Call::Mean if numbers.is_empty() => Err(none()),
            Call::Mean => Ok(numbers.iter().sum::<f64>() / numbers.len() as f64),
            Call::Sum => {
                let term = |number: &f64| match each {
                    None => Ok(*number),
                    Some(each) => each.number(triggers, Some(*number)),
                };
                let terms = numbers.iter().map(term).collect::<Result<Vec<_>, _>>()?;
                Ok(terms.iter().sum())
            }
            Call::Count => {
                let mut count = 0.0;
                for number in numbers {
                    if each.is_some_and(|each| each.truth(triggers, Some(*number)) == Ok(true)) {
                        count += 1.0;
                    }
                }
                Ok(count)
            }
        }
    }
}

impl Op {
    /// Of two numbers.
    fn of(self, a: f64, b: f64) -> Value {
        match self {
            Self::Add => Value::Number(a + b),
            Self::Subtract => Value::Number(a - b),
            Self::Multiply => Value::Number(a * b),
            Self::Divide => Value::Number(a / b),
            Self::Power => Value::Number(libm::pow(a, b)),
            Self::Less => Value::Truth(a < b),
            Self::LessEqual => Value::Truth(a <= b),
            Self::Greater => Value::Truth(a > b),
            Self::GreaterEqual => Value::Truth(a >= b),
            Self::Equal => Value::Truth(a == b),
            Self::Unequal => Value::Truth(a != b),
            Self::And | Self::Or | Self::Else => Value::Nil,
        }
    }
}

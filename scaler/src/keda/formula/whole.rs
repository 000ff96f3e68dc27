//! Whether a formula gives one of expr-lang's whole numbers, which are of another type than its floats.

use super::FormulaError;
use super::parser::{Call, Node, Op, What};
use super::value::Value;

impl Node {
    /// Whether what it gives for these values is a whole number by its type. What `#` stands for counts as a float.
    pub(super) fn is_whole(&self, triggers: &[Option<f64>]) -> Result<bool, FormulaError> {
        Ok(match &self.what {
            What::Number(_, is_whole) => *is_whole,
            What::Minus(of) | What::Plus(of) => of.is_whole(triggers)?,
            What::Binary(Op::Add | Op::Subtract | Op::Multiply, left, right) => {
                left.is_whole(triggers)? && right.is_whole(triggers)?
            }
            What::Binary(Op::Else, left, right) => match left.evaluate(triggers, None)? {
                Value::Nil => right,
                _ => left,
            }
            .is_whole(triggers)?,
            What::Choice(condition, yes, no) => {
                let is = condition.evaluate(triggers, None)? == Value::Truth(true);
                (if is { yes } else { no }).is_whole(triggers)?
            }
            What::Call(call, arguments, each) => {
                is_whole_call(*call, arguments, each.as_deref(), triggers)?
            }
            _ => false,
        })
    }

    /// Its number, or those of its list, each with whether it is whole.
    fn typed(
        &self,
        triggers: &[Option<f64>],
        found: &mut Vec<(f64, bool)>,
    ) -> Result<(), FormulaError> {
        if let What::List(items) = &self.what {
            return items
                .iter()
                .try_for_each(|item| item.typed(triggers, found));
        }
        if let Value::Number(number) = self.evaluate(triggers, None)? {
            found.push((number, self.is_whole(triggers)?));
        }
        Ok(())
    }
}

fn is_whole_call(
    call: Call,
    arguments: &[Node],
    each: Option<&Node>,
    triggers: &[Option<f64>],
) -> Result<bool, FormulaError> {
    let mut typed = Vec::new();
    for argument in arguments {
        argument.typed(triggers, &mut typed)?;
    }
    // Of several that are the same the first is given.
    let first = |better: fn(f64, f64) -> bool| {
        let best = typed
            .iter()
            .copied()
            .reduce(|best, one| if better(one.0, best.0) { one } else { best });
        best.is_some_and(|(_, is_whole)| is_whole)
    };
    Ok(match call {
        Call::Float | Call::Mean => false,
        Call::Count => true,
        Call::Min => first(|a, b| a < b),
        Call::Max => first(|a, b| a > b),
        Call::Sum => match each {
            Some(each) => each.is_whole(triggers)?,
            None => typed.iter().all(|(_, is_whole)| *is_whole),
        },
    })
}

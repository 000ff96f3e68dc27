//! From words to a tree, by expr-lang's precedence.

use super::FormulaError;
use super::lexer::{Token, Word};

/// How deep brackets may nest.
const DEEPEST: u32 = 64;

/// A part of a formula and the character at which it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) what: What,
    pub(super) at: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// And whether it is one of expr-lang's whole numbers.
    Number(f64, bool),
    Truth(bool),
    Nil,
    /// By its place among the names.
    Trigger(usize),
    /// `#`: what a condition is asked of.
    Element,
    Minus(Box<Node>),
    Plus(Box<Node>),
    Not(Box<Node>),
    Binary(Op, Box<Node>, Box<Node>),
    Choice(Box<Node>, Box<Node>, Box<Node>),
    List(Vec<Node>),
    /// With what is asked of each element, for `count` and `sum`.
    Call(Call, Vec<Node>, Option<Box<Node>>),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Op {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Else,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Call {
    Min,
    Max,
    Mean,
    Sum,
    Count,
    Float,
}

/// Operators by their signs, with their precedence.
const OPERATORS: [(&str, Op, u32); 17] = [
    ("or", Op::Or, 10),
    ("||", Op::Or, 10),
    ("and", Op::And, 15),
    ("&&", Op::And, 15),
    ("==", Op::Equal, 20),
    ("!=", Op::Unequal, 20),
    ("<", Op::Less, 20),
    ("<=", Op::LessEqual, 20),
    (">", Op::Greater, 20),
    (">=", Op::GreaterEqual, 20),
    ("+", Op::Add, 30),
    ("-", Op::Subtract, 30),
    ("*", Op::Multiply, 60),
    ("/", Op::Divide, 60),
    ("**", Op::Power, 100),
    ("^", Op::Power, 100),
    ("??", Op::Else, 500),
];

const CALLS: [(&str, Call); 7] = [
    ("min", Call::Min),
    ("max", Call::Max),
    ("avg", Call::Mean),
    ("mean", Call::Mean),
    ("sum", Call::Sum),
    ("count", Call::Count),
    ("float", Call::Float),
];

impl Op {
    pub(super) fn sign(self) -> &'static str {
        let named = OPERATORS.iter().find(|(_, op, _)| *op == self);
        named.map_or("", |(sign, _, _)| sign)
    }

    const fn orders(self) -> bool {
        matches!(
            self,
            Self::Less | Self::LessEqual | Self::Greater | Self::GreaterEqual
        )
    }
}

impl Call {
    pub(super) fn name(self) -> &'static str {
        let named = CALLS.iter().find(|(_, call)| *call == self);
        named.map_or("", |(name, _)| name)
    }
}

pub(super) fn parse(tokens: &[Token], triggers: &[&str]) -> Result<Node, FormulaError> {
    let mut parser = Parser {
        tokens,
        triggers,
        place: 0,
        depth: 0,
        inside: 0,
    };
    let root = parser.expression(0)?;
    match parser.word() {
        Word::End => Ok(root),
        _ => Err(parser.unexpected()),
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    triggers: &'a [&'a str],
    place: usize,
    depth: u32,
    /// Inside how many conditions, where `#` means something.
    inside: u32,
}

impl Parser<'_> {
    fn word(&self) -> &Word {
        &self.tokens[self.place].word
    }

    fn at(&self) -> usize {
        self.tokens[self.place].at
    }

    fn advance(&mut self) {
        self.place = (self.place + 1).min(self.tokens.len() - 1);
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.word(), Word::Sign(s) if *s == sign)
    }

    fn takes(&mut self, sign: &str) -> bool {
        let is = self.is(sign);
        if is {
            self.advance();
        }
        is
    }

    fn expect(&mut self, sign: &str) -> Result<(), FormulaError> {
        if self.takes(sign) {
            return Ok(());
        }
        let got = self.shown();
        Err(FormulaError::new(
            self.at(),
            format!("`{sign}` is missing before {got}"),
        ))
    }

    fn shown(&self) -> String {
        match self.word() {
            Word::Number(number, _) => format!("`{number}`"),
            Word::Name(name) => format!("`{name}`"),
            Word::Sign(sign) => format!("`{sign}`"),
            Word::End => "the end".into(),
        }
    }

    fn unexpected(&self) -> FormulaError {
        let what = match self.word() {
            Word::Sign("%") => "`%` needs whole numbers, which triggers are not".into(),
            Word::Sign(sign @ ("|" | ".." | "?." | "?:" | "::" | "." | "{" | "=" | ";")) => {
                format!("`{sign}` of expr-lang is not supported here")
            }
            Word::Name(name) => format!("`{name}` of expr-lang is not supported here"),
            Word::Sign("#") => {
                "`#` stands for an element only in the condition of count or sum".into()
            }
            _ => format!("{} is not expected here", self.shown()),
        };
        FormulaError::new(self.at(), what)
    }

    fn operator(&self) -> Option<(Op, u32)> {
        let sign = match self.word() {
            Word::Sign(sign) => sign,
            Word::Name(name) => name.as_str(),
            _ => return None,
        };
        let found = OPERATORS.iter().find(|(s, _, _)| *s == sign);
        found.map(|(_, op, precedence)| (*op, *precedence))
    }

    fn expression(&mut self, least: u32) -> Result<Node, FormulaError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(FormulaError::new(self.at(), "brackets are nested too deep"));
        }
        let mut left = self.primary()?;
        let mut before = None;
        while let Some((op, precedence)) = self.operator() {
            if precedence < least {
                break;
            }
            let at = self.at();
            if before == Some(Op::Else) && op != Op::Else {
                let sign = op.sign();
                let what =
                    format!("`??` and `{sign}` cannot be mixed: put brackets around one of them");
                return Err(FormulaError::new(at, what));
            }
            left = if op.orders() {
                self.comparison(left, precedence)?
            } else {
                self.advance();
                let next = if op == Op::Power {
                    precedence
                } else {
                    precedence + 1
                };
                let right = self.expression(next)?;
                binary(op, at, left, right)
            };
            before = Some(op);
        }
        if least == 0 {
            left = self.choice(left)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    /// `a < b < c` is `a < b and b < c`.
    fn comparison(&mut self, first: Node, precedence: u32) -> Result<Node, FormulaError> {
        let mut left = first;
        let mut whole: Option<Node> = None;
        while let Some((op, _)) = self.operator().filter(|(op, _)| op.orders()) {
            let at = self.at();
            self.advance();
            let right = self.expression(precedence + 1)?;
            let one = binary(op, at, left, right.clone());
            whole = Some(match whole {
                None => one,
                Some(before) => binary(Op::And, at, before, one),
            });
            left = right;
        }
        whole.ok_or_else(|| self.unexpected())
    }

    fn choice(&mut self, condition: Node) -> Result<Node, FormulaError> {
        let mut node = condition;
        while self.is("?") {
            let at = self.at();
            self.advance();
            let yes = self.expression(0)?;
            self.expect(":")?;
            let no = self.expression(0)?;
            node = Node {
                what: What::Choice(Box::new(node), Box::new(yes), Box::new(no)),
                at,
            };
        }
        Ok(node)
    }

    fn primary(&mut self) -> Result<Node, FormulaError> {
        let at = self.at();
        let what = match self.word().clone() {
            Word::Number(number, is_whole) => {
                self.advance();
                What::Number(number, is_whole)
            }
            Word::Name(name) => return self.named(&name, at),
            Word::Sign("-") => {
                self.advance();
                What::Minus(Box::new(self.expression(90)?))
            }
            Word::Sign("+") => {
                self.advance();
                What::Plus(Box::new(self.expression(90)?))
            }
            Word::Sign("!") => {
                self.advance();
                What::Not(Box::new(self.expression(50)?))
            }
            Word::Sign("(") => {
                self.advance();
                let inner = self.expression(0)?;
                self.expect(")")?;
                return Ok(inner);
            }
            Word::Sign("[") => {
                self.advance();
                What::List(self.until("]")?)
            }
            Word::Sign("#") if self.inside > 0 => {
                self.advance();
                What::Element
            }
            _ => return Err(self.unexpected()),
        };
        Ok(Node { what, at })
    }

    fn named(&mut self, name: &str, at: usize) -> Result<Node, FormulaError> {
        self.advance();
        let what = match name {
            "true" => What::Truth(true),
            "false" => What::Truth(false),
            "nil" => What::Nil,
            "not" => What::Not(Box::new(self.expression(50)?)),
            _ if self.is("(") => return self.call(name, at),
            _ => match self.triggers.iter().position(|trigger| *trigger == name) {
                Some(place) => What::Trigger(place),
                None => {
                    let what = if self.triggers.is_empty() {
                        format!("unknown name `{name}`: no trigger has a name")
                    } else {
                        let known = self.triggers.join(", ");
                        format!("unknown name `{name}`: the triggers are {known}")
                    };
                    return Err(FormulaError::new(at, what));
                }
            },
        };
        Ok(Node { what, at })
    }

    fn call(&mut self, name: &str, at: usize) -> Result<Node, FormulaError> {
        let Some((_, call)) = CALLS.iter().find(|(known, _)| *known == name) else {
            let known = CALLS.map(|(known, _)| known).join(", ");
            let what = format!("`{name}` is not supported here: use {known}");
            return Err(FormulaError::new(at, what));
        };
        self.expect("(")?;
        let (arguments, each) = match call {
            Call::Count | Call::Sum => {
                let list = self.expression(0)?;
                let each = if self.takes(",") && !self.is(")") {
                    Some(Box::new(self.each()?))
                } else {
                    None
                };
                self.takes(",");
                self.expect(")")?;
                (vec![list], each)
            }
            _ => (self.until(")")?, None),
        };
        if arguments.is_empty() || (*call == Call::Float && arguments.len() != 1) {
            let what = format!(
                "`{name}` needs {}",
                if *call == Call::Float {
                    "one value"
                } else {
                    "values"
                }
            );
            return Err(FormulaError::new(at, what));
        }
        Ok(Node {
            what: What::Call(*call, arguments, each),
            at,
        })
    }

    /// What is asked of each element, with or without braces.
    fn each(&mut self) -> Result<Node, FormulaError> {
        let braces = self.takes("{");
        self.inside += 1;
        let each = self.expression(0)?;
        self.inside -= 1;
        if braces {
            self.expect("}")?;
        }
        Ok(each)
    }

    fn until(&mut self, end: &str) -> Result<Vec<Node>, FormulaError> {
        let mut items = Vec::new();
        while !self.takes(end) {
            if !items.is_empty() {
                self.expect(",")?;
                if self.takes(end) {
                    break;
                }
            }
            items.push(self.expression(0)?);
        }
        Ok(items)
    }
}

fn binary(op: Op, at: usize, left: Node, right: Node) -> Node {
    Node {
        what: What::Binary(op, Box::new(left), Box::new(right)),
        at,
    }
}

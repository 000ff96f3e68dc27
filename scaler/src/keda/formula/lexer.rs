//! A formula's text as words, each with its place.

use super::FormulaError;

/// The longest formula, in bytes.
const LONGEST: usize = 4096;

/// A word.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Word {
    /// And whether it is one of expr-lang's whole numbers.
    Number(f64, bool),
    Name(String),
    /// An operator or a bracket.
    Sign(&'static str),
    End,
}

/// A word and the character at which it begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) word: Word,
    pub(super) at: usize,
}

/// Longer ones before those that they begin with.
const SIGNS: [&str; 30] = [
    "**", "??", "?.", "?:", "==", "!=", "<=", ">=", "&&", "||", "..", "::", "+", "-", "*", "/",
    "%", "^", "<", ">", "!", "?", ":", ",", "(", ")", "[", "]", "#", "|",
];
const BRACES: [&str; 5] = ["{", "}", ".", ";", "="];

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, FormulaError> {
    if text.len() > LONGEST {
        let what = format!("the formula is longer than {LONGEST} bytes");
        return Err(FormulaError::new(0, what));
    }
    let letters: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(letter) = letters.get(at).copied() {
        if letter.is_whitespace() {
            at += 1;
            continue;
        }
        let rest = &letters[at..];
        let (word, length) = if letter.is_ascii_digit()
            || (letter == '.' && rest.get(1).is_some_and(char::is_ascii_digit))
        {
            number(rest, at)?
        } else if letter.is_alphabetic() || letter == '_' || letter == '$' {
            let named = |c: &&char| c.is_alphanumeric() || **c == '_' || **c == '$';
            let name: String = rest.iter().take_while(named).collect();
            let length = name.chars().count();
            (Word::Name(name), length)
        } else {
            sign(rest, at)?
        };
        found.push(Token { word, at });
        at += length;
    }
    found.push(Token {
        word: Word::End,
        at: letters.len(),
    });
    Ok(found)
}

fn number(rest: &[char], at: usize) -> Result<(Word, usize), FormulaError> {
    let mut length = 0;
    let mut text = String::new();
    while let Some(c) = rest.get(length).copied() {
        let exponent = text.ends_with(['e', 'E']) && (c == '+' || c == '-');
        if c.is_ascii_alphanumeric() || c == '.' || exponent {
            text.push(c);
        } else if c != '_' {
            break;
        }
        length += 1;
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => {
            let is_whole = text.bytes().all(|b| b.is_ascii_digit());
            Ok((Word::Number(value, is_whole), length))
        }
        _ => Err(FormulaError::new(at, format!("`{text}` is no number"))),
    }
}

fn sign(rest: &[char], at: usize) -> Result<(Word, usize), FormulaError> {
    let begins = |sign: &&&str| {
        let length = sign.len();
        rest.len() >= length && rest.iter().zip(sign.chars()).all(|(a, b)| *a == b)
    };
    match SIGNS.iter().chain(&BRACES).find(begins) {
        Some(sign) => Ok((Word::Sign(sign), sign.len())),
        None if matches!(rest[0], '"' | '\'' | '`') => Err(FormulaError::new(
            at,
            "a formula of triggers has no texts: use numbers",
        )),
        None => Err(FormulaError::new(
            at,
            format!("`{}` means nothing in a formula", rest[0].escape_default()),
        )),
    }
}

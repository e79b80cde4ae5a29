//! The words of a formula.

use crate::error::{Error, Result};
use unicode_normalization::UnicodeNormalization;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Number(String),
    /// Between quotes.
    Text(String),
    /// One of the signs below.
    Sign(&'static str),
}

/// Signs, those of two characters before those they begin with.
const SIGNS: [&str; 23] = [
    "%in%", "<=", ">=", "==", "!=", "**", "~", "|", "+", "-", "*", ":", "(", ")", ",", "/", "^",
    "=", "<", ">", "{", "}", ".",
];

/// A token and the character it begins at, counted from one.
pub(super) type Placed = (Token, usize);

pub(super) fn tokens(text: &str) -> Result<Vec<Placed>> {
    let characters: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < characters.len() {
        let start = at;
        let character = characters[at];
        let next = characters.get(at + 1).copied().unwrap_or(' ');
        let ends = |from: usize, part_of: fn(char) -> bool| {
            let rest = characters[from..].iter();
            from + rest.take_while(|c| part_of(**c)).count()
        };
        let token = if character.is_whitespace() {
            at += 1;
            continue;
        } else if character == '`' {
            let (name, end) = between(&characters, at, "backtick", "formula")?;
            at = end;
            Token::Name(name.nfc().collect())
        } else if character == '"' || character == '\'' {
            let (text, end) = between(&characters, at, "quote", "formula")?;
            at = end;
            Token::Text(text)
        } else if begins_name(character) || (character == '.' && begins_name(next)) {
            at = ends(at, continues_name);
            Token::Name(characters[start..at].iter().copied().nfc().collect())
        } else if character.is_ascii_digit() || (character == '.' && next.is_ascii_digit()) {
            at = number_end(&characters, at);
            Token::Number(characters[start..at].iter().collect())
        } else {
            let rest: String = characters[at..].iter().take(4).collect();
            let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) else {
                return Err(Error::usage(format!(
                    "the formula has {character:?} at character {}, which means nothing there; put names with such characters between backticks",
                    at + 1
                )));
            };
            at += sign.len();
            // Python's power.
            Token::Sign(if sign == "**" { "^" } else { sign })
        };
        found.push((token, start + 1));
    }
    Ok(found)
}

/// Digits with a decimal point and an exponent, and letters right behind them, which make it no number.
fn number_end(characters: &[char], start: usize) -> usize {
    let mut at = start;
    while let Some(&character) = characters.get(at) {
        let signed = (character == '-' || character == '+')
            && matches!(characters[at - usize::from(at > start)], 'e' | 'E')
            && characters.get(at + 1).is_some_and(char::is_ascii_digit)
            && characters[start..at - 1]
                .iter()
                .all(|c| c.is_ascii_digit() || *c == '.');
        if !(character.is_alphanumeric() || character == '.' || character == '_' || signed) {
            break;
        }
        at += 1;
    }
    at
}

/// The text between a mark and the next of its kind, where two of them stand for one, and the position behind it.
fn between(characters: &[char], start: usize, what: &str, of: &str) -> Result<(String, usize)> {
    let mark = characters[start];
    let mut name = String::new();
    let mut at = start + 1;
    while let Some(&character) = characters.get(at) {
        let next_too = characters.get(at + 1) == Some(&mark);
        match (character == mark, next_too) {
            (true, false) => return Ok((name, at + 1)),
            (true, true) => at += 2,
            (false, _) => at += 1,
        }
        name.push(character);
    }
    Err(Error::usage(format!(
        "the {what} at character {} of the {of} is never closed",
        start + 1
    )))
}

fn begins_name(character: char) -> bool {
    character.is_alphabetic() || character == '_'
}

fn continues_name(character: char) -> bool {
    // Marks that belong to the letter before them are composed with it.
    let is_mark = unicode_normalization::char::is_combining_mark(character);
    character.is_alphanumeric() || character == '_' || character == '.' || is_mark
}

/// Whether a name needs no backticks.
pub(super) fn is_plain_name(name: &str) -> bool {
    let mut characters = name.chars();
    let first = characters.next();
    let begins = match first {
        Some('.') => characters.next().is_some_and(begins_name),
        Some(character) => begins_name(character),
        None => false,
    };
    begins && characters.all(continues_name)
}

//! The words of a formula.

use crate::error::{Error, Result};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Number(String),
    /// One of `~ | + - * : ( ) , .`
    Sign(char),
}

/// A token and the character it begins at, counted from one.
pub(super) type Placed = (Token, usize);

pub(super) fn tokens(text: &str) -> Result<Vec<Placed>> {
    let characters: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < characters.len() {
        let start = at;
        let character = characters[at];
        let ends = |from: usize, part_of: fn(char) -> bool| {
            let rest = characters[from..].iter();
            from + rest.take_while(|c| part_of(**c)).count()
        };
        let token = if character.is_whitespace() {
            at += 1;
            continue;
        } else if character == '`' {
            let (name, end) = between_backticks(&characters, at)?;
            at = end;
            Token::Name(name)
        } else if begins_name(character)
            || (character == '.' && characters.get(at + 1).is_some_and(|c| begins_name(*c)))
        {
            at = ends(at, continues_name);
            Token::Name(characters[start..at].iter().collect())
        } else if character.is_ascii_digit() {
            at = ends(at, |c| c.is_ascii_alphanumeric() || c == '.');
            Token::Number(characters[start..at].iter().collect())
        } else if "~|+-*:(),.".contains(character) {
            at += 1;
            Token::Sign(character)
        } else {
            return Err(Error::usage(format!(
                "the formula has {character:?} at character {}, which means nothing there; put names with such characters between backticks",
                at + 1
            )));
        };
        found.push((token, start + 1));
    }
    Ok(found)
}

/// The name between backticks, where two of them stand for one, and the position behind it.
fn between_backticks(characters: &[char], start: usize) -> Result<(String, usize)> {
    let mut name = String::new();
    let mut at = start + 1;
    while let Some(&character) = characters.get(at) {
        let next_too = characters.get(at + 1) == Some(&'`');
        match (character, next_too) {
            ('`', false) => return Ok((name, at + 1)),
            ('`', true) => at += 2,
            _ => at += 1,
        }
        name.push(character);
    }
    Err(Error::usage(format!(
        "the backtick at character {} of the formula is never closed",
        start + 1
    )))
}

fn begins_name(character: char) -> bool {
    character.is_alphabetic() || character == '_'
}

fn continues_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '.'
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

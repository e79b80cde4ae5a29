//! From words to a [`Formula`].

use super::tokens::{Placed, Token, tokens};
use super::{Formula, Side, Term, Variable, same};
use crate::error::{Error, Result};

/// Reads a formula; see the grammar above.
pub(crate) fn parse(text: &str) -> Result<Formula> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        characters: text.chars().count(),
        depth: 0,
    };
    let targets = parser.targets()?;
    parser.expect('~')?;
    let features = parser.side()?;
    if parser.at_end() {
        return Err(Error::usage(format!(
            "the formula {text:?} has no contexts; say behind a bar what coefficients may depend on, as in `y ~ dose | age + sex`"
        )));
    }
    parser.expect('|')?;
    let contexts = parser.side()?;
    if parser.at_end() {
        Ok(Formula {
            targets,
            features,
            contexts,
        })
    } else {
        Err(parser.unexpected("the formula should end"))
    }
}

/// The deepest parentheses: none needs more, and the parser calls itself for each.
const DEEPEST: usize = 50;

/// The most terms that products of parentheses may grow to.
const MOST_TERMS: usize = 100_000;

struct Parser {
    tokens: Vec<Placed>,
    at: usize,
    characters: usize,
    depth: usize,
}

/// A sum inside the parser: terms, where the empty term is the intercept, each added or taken away.
#[derive(Default)]
struct Sum {
    terms: Vec<(Term, bool)>,
    dot: bool,
}

impl Sum {
    /// One term, added or taken away.
    fn of(term: Term, added: bool) -> Self {
        Self {
            terms: vec![(term, added)],
            dot: false,
        }
    }
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn at_end(&self) -> bool {
        self.at == self.tokens.len()
    }

    fn take(&mut self, sign: char) -> bool {
        let found = self.peek() == Some(&Token::Sign(sign));
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: char) -> Result<()> {
        if self.take(sign) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("{sign:?} should stand")))
        }
    }

    fn unexpected(&self, what: &str) -> Error {
        let found = match self.tokens.get(self.at) {
            None => format!("it ends after character {}", self.characters),
            Some((Token::Name(name), place)) => format!("{name:?} stands at character {place}"),
            Some((Token::Number(text), place)) => format!("{text} stands at character {place}"),
            Some((Token::Sign(sign), place)) => format!("{sign:?} stands at character {place}"),
        };
        Error::usage(format!(
            "{what} in the formula where {found}; a formula is `y ~ features | contexts`, such as `y ~ dose | age + sex`"
        ))
    }

    fn targets(&mut self) -> Result<Vec<Variable>> {
        if self.peek() == Some(&Token::Sign('~')) {
            return Ok(Vec::new());
        }
        let joined = matches!(self.tokens.get(self.at..self.at + 2),
            Some([(Token::Name(name), _), (Token::Sign('('), _)]) if name == "cbind");
        if !joined {
            return Ok(vec![self.variable()?]);
        }
        self.at += 2;
        let mut targets = vec![self.variable()?];
        while self.take(',') {
            targets.push(self.variable()?);
        }
        self.expect(')')?;
        for (position, target) in targets.iter().enumerate() {
            if targets[..position].contains(target) {
                return Err(Error::usage(format!(
                    "cbind() in the formula has {target} twice"
                )));
            }
        }
        Ok(targets)
    }

    fn side(&mut self) -> Result<Side> {
        let sum = self.sum()?;
        let mut side = Side {
            dot: sum.dot,
            ..Side::default()
        };
        for (term, added) in sum.terms {
            match (term.is_empty(), added) {
                (true, _) => {
                    side.intercept_named = true;
                    side.no_intercept = !added;
                }
                (false, true) => side.terms.push(term),
                (false, false) => {
                    side.terms.retain(|other| !same(other, &term));
                    side.without.push(term);
                }
            }
        }
        Ok(side)
    }

    fn sum(&mut self) -> Result<Sum> {
        let mut sum = Sum::default();
        let mut added = !self.take('-');
        if added {
            self.take('+');
        }
        loop {
            let product = self.product()?;
            if product.dot && !added {
                return Err(Error::usage(
                    "the formula takes away `.`, and with it everything",
                ));
            }
            sum.dot |= product.dot;
            for (term, inner) in product.terms {
                // What a parenthesis takes away from itself is settled in there, save the intercept.
                if inner || term.is_empty() {
                    sum.terms.push((term, inner == added));
                }
            }
            added = match (self.take('+'), self.take('-')) {
                (true, _) => true,
                (false, true) => false,
                (false, false) => return Ok(sum),
            };
        }
    }

    fn product(&mut self) -> Result<Sum> {
        let mut product = self.crossing()?;
        while self.take('*') {
            let right = self.crossing()?;
            let crossed = self.crossed(&product, &right)?;
            product.terms.extend(right.terms);
            product.terms.extend(crossed);
        }
        Ok(product)
    }

    fn crossing(&mut self) -> Result<Sum> {
        let mut crossing = self.atom()?;
        while self.take(':') {
            let right = self.atom()?;
            crossing.terms = self.crossed(&crossing, &right)?;
        }
        Ok(crossing)
    }

    /// Every term of the left joined with every term of the right.
    fn crossed(&self, left: &Sum, right: &Sum) -> Result<Vec<(Term, bool)>> {
        let number = |sum: &Sum| sum.terms.iter().any(|(term, _)| term.is_empty());
        if left.dot || right.dot || number(left) || number(right) {
            return Err(Error::usage(
                "the formula has `.`, 0 or 1 in an interaction; only columns can interact, name them",
            ));
        }
        if left.terms.len() * right.terms.len() > MOST_TERMS {
            return Err(Error::usage(format!(
                "the products in the formula make more than {MOST_TERMS} terms"
            )));
        }
        let mut crossed = Vec::new();
        for (a, _) in &left.terms {
            for (b, _) in &right.terms {
                let mut term = a.clone();
                term.extend(b.iter().filter(|variable| !a.contains(variable)).cloned());
                crossed.push((term, true));
            }
        }
        Ok(crossed)
    }

    fn atom(&mut self) -> Result<Sum> {
        if self.take('(') {
            self.depth += 1;
            if self.depth > DEEPEST {
                return Err(Error::usage(format!(
                    "the formula has more than {DEEPEST} parentheses within each other"
                )));
            }
            let mut inner = self.sum()?;
            self.expect(')')?;
            self.depth -= 1;
            let taken: Vec<Term> = inner
                .terms
                .iter()
                .filter(|(term, added)| !added && !term.is_empty())
                .map(|(term, _)| term.clone())
                .collect();
            inner
                .terms
                .retain(|(term, _)| term.is_empty() || !taken.iter().any(|t| same(t, term)));
            return Ok(inner);
        }
        if self.take('.') {
            return Ok(Sum {
                dot: true,
                terms: Vec::new(),
            });
        }
        if let Some(Token::Number(text)) = self.peek() {
            let intercept = match text.as_str() {
                "1" => true,
                "0" => false,
                other => {
                    return Err(Error::usage(format!(
                        "the formula has the number {other}; only 0 and 1 mean something, the intercept, and names that begin with a digit go between backticks"
                    )));
                }
            };
            self.at += 1;
            return Ok(Sum::of(Vec::new(), intercept));
        }
        Ok(Sum::of(vec![self.variable()?], true))
    }

    fn variable(&mut self) -> Result<Variable> {
        let name = self.name()?;
        if !self.take('(') {
            return Ok(Variable::of_numbers(name));
        }
        if name != "factor" {
            return Err(Error::usage(format!(
                "the formula has the function {name}(), which is not known; only factor() and, for several targets, cbind() are: add a column to the data instead"
            )));
        }
        let name = self.name()?;
        self.expect(')')?;
        Ok(Variable { name, factor: true })
    }

    fn name(&mut self) -> Result<String> {
        let Some(Token::Name(name)) = self.peek().cloned() else {
            return Err(self.unexpected("a column's name should stand"));
        };
        self.at += 1;
        Ok(name)
    }
}

//! From words to a [`Formula`].

use super::expression::{Expression, Operator};
use super::tokens::{Placed, Token, tokens};
use super::{Basis, Formula, Random, Side, Term, Variable, key};
use crate::error::{Error, Result};
use std::collections::HashSet;

/// Reads a formula; see the grammar above.
pub fn parse(text: &str) -> Result<Formula> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        characters: text.chars().count(),
        depth: 0,
        operations: 0,
        offsets: Vec::new(),
        random: None,
    };
    let (targets, survival) = parser.targets()?;
    parser.expect("~")?;
    let features = parser.side()?;
    if parser.at_end() && survival {
        // Coefficients may depend on time.
        return Ok(Formula {
            targets,
            survival,
            features,
            contexts: Side::default(),
            random: Vec::new(),
        });
    }
    if parser.at_end() {
        return Err(Error::usage(format!(
            "the formula {text:?} has no contexts; say behind a bar what coefficients may depend on, as in `y ~ dose | age + sex`"
        )));
    }
    parser.expect("|")?;
    parser.random = Some(Vec::new());
    let contexts = parser.side()?;
    if parser.at_end() {
        Ok(Formula {
            targets,
            survival,
            features,
            contexts,
            random: parser.random.unwrap_or_default(),
        })
    } else {
        Err(parser.unexpected("the formula should end"))
    }
}

/// The deepest parentheses: none needs more, and the parser calls itself for each.
const DEEPEST: usize = 50;

/// The most terms that products may grow to.
const MOST_TERMS: usize = 10_000;

pub(super) struct Parser {
    pub(super) tokens: Vec<Placed>,
    pub(super) at: usize,
    pub(super) characters: usize,
    pub(super) depth: usize,
    pub(super) operations: usize,
    /// Those of the side that is read.
    pub(super) offsets: Vec<Expression>,
    /// Random effects, where they may stand.
    random: Option<Vec<Random>>,
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
    pub(super) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn at_end(&self) -> bool {
        self.at == self.tokens.len()
    }

    pub(super) fn sees(&self, sign: &str) -> bool {
        matches!(self.peek(), Some(Token::Sign(found)) if *found == sign)
    }

    pub(super) fn take(&mut self, sign: &str) -> bool {
        let found = self.sees(sign);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, sign: &str) -> Result<()> {
        if self.take(sign) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("{sign:?} should stand")))
        }
    }

    pub(super) fn unexpected(&self, what: &str) -> Error {
        let found = match self.tokens.get(self.at) {
            None => format!("it ends after character {}", self.characters),
            Some((Token::Name(name), place)) => format!("{name:?} stands at character {place}"),
            Some((Token::Number(text), place)) => format!("{text} stands at character {place}"),
            Some((Token::Text(text), place)) => format!("{text:?} stands at character {place}"),
            Some((Token::Sign(sign), place)) => format!("{sign:?} stands at character {place}"),
        };
        let advice = match self.sign() {
            "|" if self.depth > 0 => {
                "random effects stand among the contexts, added to them, as in `y ~ x | c + (1 + x | g)` or `y ~ x | (1 | g)`"
            }
            "+" | "-" | "*" | "/" | "^" | "<" | ">" | "==" => {
                "numbers are computed within I(), as in `I(a / b)`"
            }
            _ => "a formula is `y ~ features | contexts`, such as `y ~ dose | age + sex`",
        };
        Error::usage(format!("{what} in the formula where {found}; {advice}"))
    }

    /// Targets, and whether they are those of `Surv`.
    fn targets(&mut self) -> Result<(Vec<Variable>, bool)> {
        if self.sees("~") {
            return Ok((Vec::new(), false));
        }
        let function = match self.tokens.get(self.at..self.at + 2) {
            Some([(Token::Name(name), _), (Token::Sign("("), _)])
                if name == "cbind" || name == "Surv" =>
            {
                name.clone()
            }
            _ => return Ok((vec![self.target()?], false)),
        };
        let survival = function == "Surv";
        self.at += 2;
        let mut targets = vec![self.target()?];
        while self.take(",") {
            targets.push(self.target()?);
        }
        self.expect(")")?;
        for (position, target) in targets.iter().enumerate() {
            if targets[..position].contains(target) {
                return Err(Error::usage(format!(
                    "{function}() in the formula has {target} twice"
                )));
            }
        }
        if survival {
            check_survival(&targets)?;
        }
        Ok((targets, survival))
    }

    fn target(&mut self) -> Result<Variable> {
        let start = self.at;
        let variable = self.variable()?;
        let ends = self.sees("~") || self.sees(",") || self.sees(")");
        let variable = match (variable, ends) {
            (Some(variable), true) => variable,
            // More numbers, such as log(y) - log(z).
            (_, false) if Operator::of_sign(self.sign()).is_some() => {
                self.at = start;
                Variable::Numbers(self.numbers(0)?)
            }
            (Some(_), false) => return Err(self.unexpected("\"~\" should stand")),
            (None, _) => {
                return Err(Error::usage(
                    "the formula has an offset() where a target should stand",
                ));
            }
        };
        match variable {
            Variable::Basis(Basis::Scale { .. }, _)
            | Variable::Column(_)
            | Variable::Factor { .. }
            | Variable::Numbers(_) => Ok(variable),
            Variable::Basis(..) => Err(Error::usage(format!(
                "the target {variable} is several columns; a target is one"
            ))),
        }
    }

    pub(super) fn sign(&self) -> &'static str {
        match self.peek() {
            Some(Token::Sign(sign)) => sign,
            Some(Token::Name(_) | Token::Number(_) | Token::Text(_)) | None => "",
        }
    }

    fn side(&mut self) -> Result<Side> {
        let sum = self.sum()?;
        let mut side = Side {
            dot: sum.dot,
            offsets: std::mem::take(&mut self.offsets),
            ..Side::default()
        };
        // Terms with their keys; a formula may take away thousands of thousands.
        let mut terms: Vec<(Vec<String>, Term)> = Vec::new();
        let mut taken = HashSet::new();
        for (term, added) in sum.terms {
            let key = key(&term);
            match (term.is_empty(), added) {
                (true, _) => {
                    side.intercept_named = true;
                    side.no_intercept = !added;
                }
                (false, true) => {
                    taken.remove(&key);
                    terms.push((key, term));
                }
                (false, false) => {
                    terms.retain(|(other, _)| *other != key);
                    taken.insert(key);
                    side.without.push(term);
                }
            }
        }
        side.terms = terms.into_iter().map(|(_, term)| term).collect();
        // What is added after it was taken away stays.
        side.without.retain(|term| taken.contains(&key(term)));
        Ok(side)
    }

    fn sum(&mut self) -> Result<Sum> {
        let mut sum = Sum::default();
        let mut added = !self.take("-");
        if added {
            self.take("+");
        }
        loop {
            let product = if self.random.is_some() && self.depth == 0 && self.sees_random() {
                if !added {
                    return Err(self.unexpected("a random effect cannot be taken away"));
                }
                self.random_term()?;
                if !(self.at_end() || self.sees("+") || self.sees("-")) {
                    return Err(self.unexpected("\"+\" should stand behind random effects"));
                }
                Sum::default()
            } else {
                self.product()?
            };
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
            added = match (self.take("+"), self.take("-")) {
                (true, _) => true,
                (false, true) => false,
                (false, false) => return Ok(sum),
            };
        }
    }

    /// Whether the parenthesis that begins here has a bar of its own.
    fn sees_random(&self) -> bool {
        if !self.sees("(") {
            return false;
        }
        let mut depth = 0_usize;
        for (token, _) in &self.tokens[self.at..] {
            match token {
                Token::Sign("(") => depth += 1,
                Token::Sign(")") if depth == 1 => return false,
                Token::Sign(")") => depth = depth.saturating_sub(1),
                Token::Sign("|") if depth == 1 => return true,
                Token::Sign(_) | Token::Name(_) | Token::Number(_) | Token::Text(_) => {}
            }
        }
        false
    }

    /// `(1 + x | g)`, `(1 + x || g)`, `(1 | g/h)`.
    fn random_term(&mut self) -> Result<()> {
        self.expect("(")?;
        self.deeper()?;
        let outside = std::mem::take(&mut self.offsets);
        let side = self.side()?;
        self.offsets = outside;
        if side.dot || !side.offsets.is_empty() {
            return Err(Error::usage(
                "the formula has `.` or an offset() among random effects; name the columns, as in (1 + x | g)",
            ));
        }
        let intercept = !side.no_intercept;
        if side.terms.is_empty() && !intercept {
            return Err(Error::usage(
                "the formula has random effects of nothing; write (1 | g) for an intercept of every g, (0 + x | g) for a slope",
            ));
        }
        self.expect("|")?;
        let correlated = !self.take("|");
        let mut groups = vec![vec![self.name()?]];
        loop {
            if self.take(":") {
                let name = self.name()?;
                for group in &mut groups {
                    group.push(name.clone());
                }
            } else if self.take("/") {
                let name = self.name()?;
                let mut within = groups.last().cloned().unwrap_or_default();
                within.push(name);
                groups.push(within);
            } else {
                break;
            }
        }
        self.expect(")")?;
        self.depth -= 1;
        for names in groups {
            let factor = |column: String| Variable::Factor {
                column,
                first: Vec::new(),
            };
            let term = Random {
                effects: Side {
                    dot: false,
                    ..side.clone()
                }
                .filled(&[]),
                intercept,
                group: names.into_iter().map(factor).collect(),
                correlated,
            };
            if let Some(all) = &mut self.random {
                if all.contains(&term) {
                    return Err(Error::usage(format!(
                        "the formula has the random effects {term} twice"
                    )));
                }
                all.push(term);
            }
        }
        Ok(())
    }

    fn product(&mut self) -> Result<Sum> {
        let mut product = self.nested()?;
        loop {
            if self.take("*") {
                let right = self.nested()?;
                product = crossed_with(product, right)?;
            } else if self.take("/") {
                let right = self.nested()?;
                // What stands on the right is within all of the left.
                let mut all = Term::new();
                for (term, _) in &product.terms {
                    join(&mut all, term);
                }
                let left = Sum::of(all, true);
                product.terms.extend(crossed(&left, &right)?);
            } else {
                return Ok(product);
            }
        }
    }

    fn nested(&mut self) -> Result<Sum> {
        let mut nested = self.crossing()?;
        while self.take("%in%") {
            let right = self.crossing()?;
            nested.terms = crossed(&nested, &right)?;
        }
        Ok(nested)
    }

    fn crossing(&mut self) -> Result<Sum> {
        let mut crossing = self.power()?;
        while self.take(":") {
            let right = self.power()?;
            crossing.terms = crossed(&crossing, &right)?;
        }
        Ok(crossing)
    }

    /// A sum times itself: all interactions of so many of its terms.
    fn power(&mut self) -> Result<Sum> {
        let base = self.atom()?;
        if !self.take("^") {
            return Ok(base);
        }
        let exponent = match self.peek() {
            Some(Token::Number(text)) => {
                let exponent = text.parse::<usize>().ok();
                exponent.filter(|exponent| (1..=20).contains(exponent))
            }
            Some(Token::Name(_) | Token::Text(_) | Token::Sign(_)) | None => None,
        };
        let Some(exponent) = exponent else {
            return Err(self.unexpected(
                "a whole number from 1 to 20 should stand behind ^ (powers of numbers are written I(x^2))",
            ));
        };
        self.at += 1;
        let mut power = Sum {
            terms: base.terms.clone(),
            dot: base.dot,
        };
        for _ in 1..exponent {
            let right = Sum {
                terms: base.terms.clone(),
                dot: base.dot,
            };
            power = crossed_with(power, right)?;
            let mut known = HashSet::new();
            power.terms.retain(|(term, _)| known.insert(key(term)));
        }
        Ok(power)
    }

    pub(super) fn deeper(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Error::usage(format!(
                "the formula has more than {DEEPEST} parentheses within each other"
            )));
        }
        Ok(())
    }

    fn atom(&mut self) -> Result<Sum> {
        if self.take("(") {
            self.deeper()?;
            let mut inner = self.sum()?;
            self.expect(")")?;
            self.depth -= 1;
            let taken: HashSet<Vec<String>> = inner
                .terms
                .iter()
                .filter(|(term, added)| !added && !term.is_empty())
                .map(|(term, _)| key(term))
                .collect();
            inner
                .terms
                .retain(|(term, _)| term.is_empty() || !taken.contains(&key(term)));
            return Ok(inner);
        }
        if self.take(".") {
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
                        "the formula has the number {other}; only 0 and 1 mean something, the intercept; numbers are computed within I(), and names that begin with a digit go between backticks"
                    )));
                }
            };
            self.at += 1;
            return Ok(Sum::of(Vec::new(), intercept));
        }
        Ok(match self.variable()? {
            Some(variable) => Sum::of(vec![variable], true),
            None => Sum::default(),
        })
    }

    /// A variable, none where an offset stands.
    fn variable(&mut self) -> Result<Option<Variable>> {
        let name = self.name()?;
        if !self.take("(") {
            return Ok(Some(Variable::Column(name)));
        }
        self.deeper()?;
        let variable = match name.as_str() {
            "factor" | "as.factor" => Some(self.factor()?),
            "ordered" => Some(self.ordered()?),
            "C" | "relevel" => Some(self.with_reference()?),
            "I" => Some(Variable::Numbers(self.numbers(0)?)),
            "offset" => {
                let offset = self.numbers(0)?;
                self.offsets.push(offset);
                None
            }
            "poly" | "bs" | "ns" | "scale" | "cyclic" | "periodic" => Some(self.basis(&name)?),
            _ => Some(Variable::Numbers(self.call(&name)?)),
        };
        self.expect(")")?;
        self.depth -= 1;
        Ok(variable)
    }

    pub(super) fn name(&mut self) -> Result<String> {
        let Some(Token::Name(name)) = self.peek().cloned() else {
            return Err(self.unexpected("a column's name should stand"));
        };
        self.at += 1;
        Ok(name)
    }
}

/// Refuses other than two or three numbers as what `Surv` is of.
fn check_survival(targets: &[Variable]) -> Result<()> {
    if !(2..=3).contains(&targets.len()) {
        return Err(Error::usage(format!(
            "Surv() in the formula is of {} columns; write Surv(time, event) or Surv(start, stop, event)",
            targets.len()
        )));
    }
    let is_number =
        |target: &&Variable| matches!(target, Variable::Column(_) | Variable::Numbers(_));
    match targets.iter().find(|target| !is_number(target)) {
        Some(target) => Err(Error::usage(format!(
            "Surv() in the formula is of {target}; it takes columns of numbers, and of TRUE and FALSE for events"
        ))),
        None => Ok(()),
    }
}

/// Appends a term's variables, each once.
fn join(to: &mut Term, term: &Term) {
    for variable in term {
        if !to.contains(variable) {
            to.push(variable.clone());
        }
    }
}

/// Both sides and all interactions between them.
fn crossed_with(left: Sum, right: Sum) -> Result<Sum> {
    let crossed = crossed(&left, &right)?;
    let mut terms = left.terms;
    terms.extend(right.terms);
    terms.extend(crossed);
    if terms.len() > MOST_TERMS {
        return Err(too_many_terms());
    }
    Ok(Sum {
        terms,
        dot: left.dot,
    })
}

/// Every term of the left joined with every term of the right.
fn crossed(left: &Sum, right: &Sum) -> Result<Vec<(Term, bool)>> {
    let number = |sum: &Sum| sum.terms.iter().any(|(term, _)| term.is_empty());
    if left.dot || right.dot || number(left) || number(right) {
        return Err(Error::usage(
            "the formula has `.`, 0 or 1 in an interaction; only columns can interact, name them",
        ));
    }
    if left.terms.len() * right.terms.len() > MOST_TERMS {
        return Err(too_many_terms());
    }
    let mut crossed = Vec::new();
    for (a, _) in &left.terms {
        for (b, _) in &right.terms {
            let mut term = a.clone();
            join(&mut term, b);
            crossed.push((term, true));
        }
    }
    Ok(crossed)
}

fn too_many_terms() -> Error {
    Error::usage(format!(
        "the products in the formula make more than {MOST_TERMS} terms"
    ))
}

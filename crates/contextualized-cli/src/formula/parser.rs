//! From words to a [`Formula`].

use super::expression::{Expression, Function, Operator};
use super::tokens::{Placed, Token, tokens};
use super::{Basis, Formula, Side, Term, Variable, key, quoted};
use crate::error::{Error, Result};
use std::collections::HashSet;

/// Reads a formula; see the grammar above.
pub(crate) fn parse(text: &str) -> Result<Formula> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        characters: text.chars().count(),
        depth: 0,
        operations: 0,
        offsets: Vec::new(),
    };
    let targets = parser.targets()?;
    parser.expect("~")?;
    let features = parser.side()?;
    if parser.at_end() {
        return Err(Error::usage(format!(
            "the formula {text:?} has no contexts; say behind a bar what coefficients may depend on, as in `y ~ dose | age + sex`"
        )));
    }
    parser.expect("|")?;
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

/// The most terms that products may grow to.
const MOST_TERMS: usize = 10_000;

/// The most operations among numbers.
const MOST_OPERATIONS: usize = 1_000;

struct Parser {
    tokens: Vec<Placed>,
    at: usize,
    characters: usize,
    depth: usize,
    operations: usize,
    /// Those of the side that is read.
    offsets: Vec<Expression>,
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

/// What a function was given: numbers, and settings with their names or in their order.
struct Given {
    of: Expression,
    settings: Vec<(Option<String>, Setting)>,
}

#[derive(Debug, Clone)]
enum Setting {
    Number(f64),
    Numbers(Vec<f64>),
    Truth(bool),
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn at_end(&self) -> bool {
        self.at == self.tokens.len()
    }

    fn sees(&self, sign: &str) -> bool {
        matches!(self.peek(), Some(Token::Sign(found)) if *found == sign)
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = self.sees(sign);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<()> {
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
            Some((Token::Text(text), place)) => format!("{text:?} stands at character {place}"),
            Some((Token::Sign(sign), place)) => format!("{sign:?} stands at character {place}"),
        };
        let advice = match self.sign() {
            "|" if self.depth > 0 => {
                "random terms such as (1 | g) are not known; --groups g keeps rows of one g together"
            }
            "+" | "-" | "*" | "/" | "^" | "<" | ">" | "==" => {
                "numbers are computed within I(), as in `I(a / b)`"
            }
            _ => "a formula is `y ~ features | contexts`, such as `y ~ dose | age + sex`",
        };
        Error::usage(format!("{what} in the formula where {found}; {advice}"))
    }

    fn targets(&mut self) -> Result<Vec<Variable>> {
        if self.sees("~") {
            return Ok(Vec::new());
        }
        let joined = matches!(self.tokens.get(self.at..self.at + 2),
            Some([(Token::Name(name), _), (Token::Sign("("), _)]) if name == "cbind");
        if !joined {
            return Ok(vec![self.target()?]);
        }
        self.at += 2;
        let mut targets = vec![self.target()?];
        while self.take(",") {
            targets.push(self.target()?);
        }
        self.expect(")")?;
        for (position, target) in targets.iter().enumerate() {
            if targets[..position].contains(target) {
                return Err(Error::usage(format!(
                    "cbind() in the formula has {target} twice"
                )));
            }
        }
        Ok(targets)
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

    fn sign(&self) -> &'static str {
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
        let mut taken = HashSet::new();
        for (term, added) in sum.terms {
            match (term.is_empty(), added) {
                (true, _) => {
                    side.intercept_named = true;
                    side.no_intercept = !added;
                }
                (false, true) => {
                    taken.remove(&key(&term));
                    side.terms.push(term);
                }
                (false, false) => {
                    taken.insert(key(&term));
                    side.terms.retain(|other| key(other) != key(&term));
                    side.without.push(term);
                }
            }
        }
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
            added = match (self.take("+"), self.take("-")) {
                (true, _) => true,
                (false, true) => false,
                (false, false) => return Ok(sum),
            };
        }
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

    fn deeper(&mut self) -> Result<()> {
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
            "factor" | "as.factor" | "ordered" => Some(self.factor()?),
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

    /// What stands in the parentheses of factor(): a column.
    fn factor(&mut self) -> Result<Variable> {
        Ok(Variable::Factor {
            column: self.name()?,
            reference: None,
        })
    }

    /// What stands in the parentheses of relevel(x, ref = "B") or C(x, Treatment("B")).
    fn with_reference(&mut self) -> Result<Variable> {
        let mut column = self.name()?;
        if column == "factor" && self.take("(") {
            column = self.name()?;
            self.expect(")")?;
        }
        let mut reference = None;
        if self.take(",") {
            let treatment = matches!(self.peek(), Some(Token::Name(name)) if name == "Treatment");
            if treatment {
                self.at += 1;
                self.expect("(")?;
            }
            if matches!(self.peek(), Some(Token::Name(_))) {
                // The setting's name: ref or reference.
                self.at += 1;
                self.expect("=")?;
            }
            reference = match self.peek() {
                Some(Token::Text(text) | Token::Number(text)) => Some(text.clone()),
                Some(Token::Name(_) | Token::Sign(_)) | None => {
                    return Err(self.unexpected("the first level, in quotes, should stand"));
                }
            };
            self.at += 1;
            if treatment {
                self.expect(")")?;
            }
        }
        Ok(Variable::Factor { column, reference })
    }

    fn basis(&mut self, name: &str) -> Result<Variable> {
        let given = self.given()?;
        let settings = Settings {
            function: name,
            all: given.settings,
        };
        let basis = match name {
            "poly" => {
                let [degree, raw] = settings.named(["degree", "raw"])?;
                Basis::Polynomial {
                    degree: settings.count("degree", degree)?.unwrap_or(1),
                    raw: settings.truth("raw", raw)?.unwrap_or(false),
                }
            }
            "bs" => {
                let [functions, knots, degree] = settings.named(["df", "knots", "degree"])?;
                Basis::BSpline {
                    functions: settings.count("df", functions)?,
                    knots: settings.numbers("knots", knots)?,
                    degree: settings.count("degree", degree)?.unwrap_or(3),
                }
            }
            "ns" => {
                let [functions, knots] = settings.named(["df", "knots"])?;
                Basis::NaturalSpline {
                    functions: settings.count("df", functions)?,
                    knots: settings.numbers("knots", knots)?,
                }
            }
            "scale" => {
                let [center, scale] = settings.named(["center", "scale"])?;
                Basis::Scale {
                    center: settings.truth("center", center)?.unwrap_or(true),
                    scale: settings.truth("scale", scale)?.unwrap_or(true),
                }
            }
            _ => {
                let [period] = settings.named(["period"])?;
                let period = match settings.numbers("period", period)?[..] {
                    [period] if period > 0.0 => period,
                    _ => {
                        return Err(Error::usage(format!(
                            "{name}() in the formula needs its period, as in cyclic(hour, 24)"
                        )));
                    }
                };
                Basis::Cyclic { period }
            }
        };
        match &basis {
            Basis::BSpline {
                functions: Some(_),
                knots,
                ..
            }
            | Basis::NaturalSpline {
                functions: Some(_),
                knots,
            } if !knots.is_empty() => Err(Error::usage(format!(
                "{name}() in the formula has both df and knots; one follows from the other"
            ))),
            Basis::Polynomial { .. }
            | Basis::BSpline { .. }
            | Basis::NaturalSpline { .. }
            | Basis::Scale { .. }
            | Basis::Cyclic { .. } => Ok(Variable::Basis(basis, given.of)),
        }
    }

    /// Numbers and settings up to the closing parenthesis.
    fn given(&mut self) -> Result<Given> {
        let of = self.numbers(0)?;
        let mut settings = Vec::new();
        while self.take(",") {
            let named = matches!(
                self.tokens.get(self.at..self.at + 2),
                Some([(Token::Name(_), _), (Token::Sign("="), _)])
            );
            let mut name = None;
            if named {
                name = Some(self.name()?);
                self.expect("=")?;
            }
            settings.push((name, self.setting()?));
        }
        Ok(Given { of, settings })
    }

    fn setting(&mut self) -> Result<Setting> {
        let truth = match self.peek() {
            Some(Token::Name(name)) => match name.as_str() {
                "TRUE" | "T" | "True" => Some(true),
                "FALSE" | "F" | "False" => Some(false),
                _ => None,
            },
            Some(Token::Number(_) | Token::Text(_) | Token::Sign(_)) | None => None,
        };
        if let Some(truth) = truth {
            self.at += 1;
            return Ok(Setting::Truth(truth));
        }
        let several = matches!(self.tokens.get(self.at..self.at + 2),
            Some([(Token::Name(name), _), (Token::Sign("("), _)]) if name == "c");
        if !several {
            return self.number().map(Setting::Number);
        }
        self.at += 2;
        let mut numbers = vec![self.number()?];
        while self.take(",") {
            numbers.push(self.number()?);
        }
        self.expect(")")?;
        Ok(Setting::Numbers(numbers))
    }

    fn number(&mut self) -> Result<f64> {
        let negative = self.take("-");
        let value = match self.peek() {
            Some(Token::Number(text)) => text.parse::<f64>().ok().filter(|v| v.is_finite()),
            Some(Token::Name(_) | Token::Text(_) | Token::Sign(_)) | None => None,
        };
        let Some(value) = value else {
            return Err(self.unexpected("a number should stand"));
        };
        self.at += 1;
        Ok(if negative { -value } else { value })
    }

    /// Numbers whose operators bind at least this strongly.
    fn numbers(&mut self, least: usize) -> Result<Expression> {
        let mut left = self.operand()?;
        while let Some(operator) = Operator::of_sign(self.sign()) {
            let strength = operator.strength();
            if strength < least {
                break;
            }
            self.at += 1;
            self.operations += 1;
            if self.operations > MOST_OPERATIONS {
                return Err(Error::usage(format!(
                    "the formula has more than {MOST_OPERATIONS} operations among numbers; add a column to the data instead"
                )));
            }
            // Powers are read from the right, all others from the left.
            let right = match operator {
                Operator::Power => self.numbers(strength)?,
                Operator::Plus
                | Operator::Minus
                | Operator::Times
                | Operator::Over
                | Operator::Less
                | Operator::LessOrEqual
                | Operator::Greater
                | Operator::GreaterOrEqual
                | Operator::Equal
                | Operator::Unequal => self.numbers(strength + 1)?,
            };
            left = Expression::Operation(operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn operand(&mut self) -> Result<Expression> {
        if self.take("+") {
            self.deeper()?;
            let of = self.operand()?;
            self.depth -= 1;
            return Ok(of);
        }
        if self.take("-") {
            self.deeper()?;
            // A power binds more strongly than the minus before it.
            let of = self.numbers(Operator::Power.strength())?;
            self.depth -= 1;
            return Ok(Expression::Negative(Box::new(of)));
        }
        if self.take("(") {
            self.deeper()?;
            let inner = self.numbers(0)?;
            self.expect(")")?;
            self.depth -= 1;
            return Ok(inner);
        }
        if matches!(self.peek(), Some(Token::Number(_))) {
            return self.number().map(Expression::Constant);
        }
        let name = self.name()?;
        if !self.take("(") {
            return Ok(Expression::Column(name));
        }
        self.deeper()?;
        let call = self.call(&name)?;
        self.expect(")")?;
        self.depth -= 1;
        Ok(call)
    }

    /// What stands in a function's parentheses, and the function of it.
    fn call(&mut self, name: &str) -> Result<Expression> {
        if name == "I" {
            return self.numbers(0);
        }
        let Some(function) = Function::of_name(name) else {
            return Err(unknown_function(name));
        };
        let value = Expression::Call(function, Box::new(self.numbers(0)?));
        if function != Function::Log || !self.take(",") {
            return Ok(value);
        }
        // The base of a logarithm.
        if matches!(self.peek(), Some(Token::Name(name)) if name == "base") {
            self.at += 1;
            self.expect("=")?;
        }
        let base = Expression::Call(
            Function::Log,
            Box::new(Expression::Constant(self.number()?)),
        );
        Ok(Expression::Operation(
            Operator::Over,
            Box::new(value),
            Box::new(base),
        ))
    }

    fn name(&mut self) -> Result<String> {
        let Some(Token::Name(name)) = self.peek().cloned() else {
            return Err(self.unexpected("a column's name should stand"));
        };
        self.at += 1;
        Ok(name)
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

/// Settings of a function, by name or in order.
struct Settings<'a> {
    function: &'a str,
    all: Vec<(Option<String>, Setting)>,
}

impl Settings<'_> {
    /// The settings of these names, in the order of the names where they have none.
    fn named<const K: usize>(&self, names: [&str; K]) -> Result<[Option<Setting>; K]> {
        let mut found = [const { None }; K];
        for (position, (name, setting)) in self.all.iter().enumerate() {
            let place = match name {
                None => Some(position).filter(|position| *position < K),
                Some(name) => names.iter().position(|own| own == name),
            };
            let Some(place) = place else {
                let what = name
                    .clone()
                    .unwrap_or_else(|| format!("setting {}", position + 2));
                return Err(Error::usage(format!(
                    "{}() in the formula has no {what}; it has {}",
                    self.function,
                    names.join(", ")
                )));
            };
            found[place] = Some(setting.clone());
        }
        Ok(found)
    }

    fn wrong(&self, name: &str, what: &str) -> Error {
        Error::usage(format!(
            "{name} of {}() in the formula should be {what}",
            self.function
        ))
    }

    fn count(&self, name: &str, setting: Option<Setting>) -> Result<Option<usize>> {
        const MOST: f64 = 100.0;
        match setting {
            None => Ok(None),
            Some(Setting::Number(value))
                if value.fract() == 0.0 && (1.0..=MOST).contains(&value) =>
            {
                Ok(Some(value as usize))
            }
            Some(Setting::Number(_) | Setting::Numbers(_) | Setting::Truth(_)) => {
                Err(self.wrong(name, &format!("a whole number from 1 to {MOST}")))
            }
        }
    }

    fn numbers(&self, name: &str, setting: Option<Setting>) -> Result<Vec<f64>> {
        match setting {
            None => Ok(Vec::new()),
            Some(Setting::Number(value)) => Ok(vec![value]),
            Some(Setting::Numbers(values)) => Ok(values),
            Some(Setting::Truth(_)) => Err(self.wrong(name, "a number, or several as c(1, 2)")),
        }
    }

    fn truth(&self, name: &str, setting: Option<Setting>) -> Result<Option<bool>> {
        match setting {
            None => Ok(None),
            Some(Setting::Truth(value)) => Ok(Some(value)),
            Some(Setting::Number(_) | Setting::Numbers(_)) => {
                Err(self.wrong(name, "TRUE or FALSE"))
            }
        }
    }
}

/// What to write instead of a function of another program.
fn unknown_function(name: &str) -> Error {
    let own = name.rsplit('.').next().unwrap_or(name);
    let advice = match name {
        "Q" => "names that need it go between backticks, as in `blood pressure`".to_owned(),
        "s" | "te" | "ti" | "t2" | "cr" | "cc" | "lo" => {
            "coefficients are smooth functions of what stands behind the bar, as in `y ~ x | age`"
                .to_owned()
        }
        "standardize" | "center" => "write scale(x), or scale(x, scale = FALSE)".to_owned(),
        "pow" | "power" | "np.power" => "write I(x^2)".to_owned(),
        "ifelse" | "cut" | "interaction" | "lag" => "add a column to the data instead".to_owned(),
        "Surv" => "survival times are not known yet".to_owned(),
        _ if own != name && Function::of_name(own).is_some() => format!("write {own}(x)"),
        _ => {
            let functions: Vec<&str> = Function::names().collect();
            format!(
                "there are {}, I(), factor(), relevel(), poly(), bs(), ns(), scale(), cyclic(), offset() and, for several targets, cbind()",
                functions.join("(), ") + "()"
            )
        }
    };
    Error::usage(format!(
        "the formula has the function {}(), which is not known; {advice}",
        quoted(name)
    ))
}

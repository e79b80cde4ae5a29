//! Formulas: `y ~ x0 + x1 | c0 + c1`, as in R's model-based trees, with R's operators and functions.
//!
//! ```text
//! formula  = [targets] "~" sum "|" contexts        without a bar only of survival times
//! contexts = context { "+" context }               context = a term of a sum, or random
//! random   = "(" sum ("|" | "||") group ")"        random effects, "||": independent of each other
//! group    = name { ":" name } { "/" name }        (1 | a/b) is (1 | a) + (1 | a:b)
//! targets  = sum of numbers | "cbind" "(" target { "," target } ")"
//!          | "Surv" "(" [start ","] stop "," event ")"      survival times, as in R
//! sum      = ["+" | "-"] product { ("+" | "-") product }
//! product  = nested { ("*" | "/") nested }         a * b is a + b + a:b, a / b is a + a:b
//! nested   = crossing { "%in%" crossing }          a %in% b is a:b
//! crossing = power { ":" power }
//! power    = atom ["^" number]                     (a + b)^2 is a + b + a:b
//! atom     = variable | "." | "0" | "1" | "(" sum ")"
//! variable = name | "`" any name "`"
//!          | "factor" "(" name ")" | "relevel" "(" name "," text ")" | "C" "(" name ["," Treatment] ")"
//!          | "I" "(" numbers ")" | function "(" numbers ")"        log, exp, sqrt, abs, …
//!          | basis "(" numbers { "," setting } ")"                 poly, bs, ns, scale, cyclic
//!          | "offset" "(" numbers ")"
//! ```

mod expression;
mod functions;
mod parser;
mod tokens;

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashSet};
use std::fmt::{Display, Formatter};

pub use expression::{Expression, Operator};
pub use parser::parse;

/// What a formula's terms are made of.
#[derive(Debug, Clone, PartialEq)]
pub enum Variable {
    /// A column: numbers, or levels where its cells are text.
    Column(String),
    /// A column whose values are levels, even where they are numbers.
    Factor {
        /// Its name.
        column: String,
        /// Levels that come first, in this order; the others follow in theirs.
        first: Vec<String>,
    },
    /// Numbers made of columns.
    Numbers(Expression),
    /// Several columns of numbers made of one.
    Basis(Basis, Expression),
}

/// A basis of functions of a number, or a number in other units; what is found in the data, such as knots, is
/// not in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Basis {
    /// Orthogonal polynomials as R's `poly`, or powers.
    Polynomial {
        /// Degree of the polynomials.
        degree: usize,
        /// Powers, not orthogonal polynomials.
        raw: bool,
    },
    /// B-splines as R's `bs`: so many functions, or these knots inside.
    BSpline {
        /// How many functions, if it was said.
        functions: Option<usize>,
        /// Knots inside, if they were said.
        knots: Vec<f64>,
        /// Degree of the polynomials.
        degree: usize,
    },
    /// Natural cubic splines as R's `ns`.
    NaturalSpline {
        /// How many functions, if it was said.
        functions: Option<usize>,
        /// Knots inside, if they were said.
        knots: Vec<f64>,
    },
    /// Less the mean, over the standard deviation, as R's `scale`.
    Scale {
        /// Whether the mean is subtracted.
        center: bool,
        /// Whether it is divided by the standard deviation.
        scale: bool,
    },
    /// Sine and cosine of a number that begins anew after a period.
    Cyclic {
        /// The period.
        period: f64,
    },
}

/// A product of variables, each at most once.
pub type Term = Vec<Variable>;

/// What stands on one side of the bar: terms to have and variables to leave out, in writing order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Side {
    /// Terms to have.
    pub terms: Vec<Term>,
    /// `.`: all columns that the formula names nowhere else.
    pub dot: bool,
    /// Terms taken away by a minus.
    pub without: Vec<Term>,
    /// `0` or `-1`.
    pub no_intercept: bool,
    /// Whether a `1` or a `0` was written.
    pub intercept_named: bool,
    /// Known terms of the linear predictor.
    pub offsets: Vec<Expression>,
}

/// Random effects of the levels of a group: `(1 + x | g)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Random {
    /// What the effects are multiplied by, besides one.
    pub effects: Vec<Term>,
    /// Whether there is a random intercept.
    pub intercept: bool,
    /// The columns whose values together are the levels, as factors.
    pub group: Vec<Variable>,
    /// Whether effects of a level are correlated.
    pub correlated: bool,
}

impl Random {
    fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.effects.iter().flatten().chain(&self.group)
    }

    /// What its levels are called: `school:class`.
    pub fn group_name(&self) -> String {
        let columns = self.group.iter().flat_map(Variable::columns);
        columns.collect::<Vec<_>>().join(":")
    }
}

/// A formula as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Formula {
    /// Targets.
    pub targets: Vec<Variable>,
    /// Whether the targets are what `Surv` was given: time and event, or start, stop and event.
    pub survival: bool,
    /// The side of the features.
    pub features: Side,
    /// The side of the contexts.
    pub contexts: Side,
    /// Random effects.
    pub random: Vec<Random>,
}

/// A formula whose columns are known: nothing is left open by `.`.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// Targets.
    pub targets: Vec<Variable>,
    /// Whether the targets are what `Surv` was given: time and event, or start, stop and event.
    pub survival: bool,
    /// The side of the features.
    pub features: Vec<Term>,
    /// The side of the contexts.
    pub contexts: Vec<Variable>,
    /// Whether there is an intercept.
    pub intercept: bool,
    /// The sum of the offsets.
    pub offset: Option<Expression>,
    /// Random effects.
    pub random: Vec<Random>,
    /// Numbers of successes and of failures, whose share the one target is.
    pub trials: Option<[Expression; 2]>,
}

impl Resolved {
    /// The same where two targets are numbers of successes and of failures: their share is the one target.
    pub fn of_trials(mut self) -> Self {
        let number = |variable: &Variable| match variable {
            Variable::Column(name) => Some(Expression::Column(name.clone())),
            Variable::Numbers(expression) => Some(expression.clone()),
            Variable::Factor { .. } | Variable::Basis(..) => None,
        };
        if let [successes, failures] = &self.targets[..]
            && let Some(pair) = number(successes).zip(number(failures))
        {
            let trials = total(&pair.0, &pair.1);
            let share =
                Expression::Operation(Operator::Over, Box::new(pair.0.clone()), Box::new(trials));
            self.targets = vec![Variable::Numbers(share)];
            self.trials = Some([pair.0, pair.1]);
        }
        self
    }

    /// Where targets are levels: those that are columns as factors.
    pub fn of_levels(mut self) -> Self {
        for target in &mut self.targets {
            if let Variable::Column(column) = target {
                *target = Variable::Factor {
                    column: std::mem::take(column),
                    first: Vec::new(),
                };
            }
        }
        self
    }

    /// What survival times are called: `Surv(time, event)`.
    pub fn survival_name(&self) -> String {
        format!("Surv({})", joined(&self.targets, ", "))
    }

    /// How many trials a share is of.
    pub fn number_of_trials(&self) -> Option<Variable> {
        let pair = self.trials.as_ref();
        pair.map(|[successes, failures]| Variable::Numbers(total(successes, failures)))
    }
}

fn total(one: &Expression, other: &Expression) -> Expression {
    Expression::Operation(
        Operator::Plus,
        Box::new(one.clone()),
        Box::new(other.clone()),
    )
}

impl Variable {
    /// The columns that it is made of.
    pub fn columns(&self) -> Vec<&str> {
        match self {
            Self::Column(column) | Self::Factor { column, .. } => vec![column],
            Self::Numbers(expression) | Self::Basis(_, expression) => expression.columns(),
        }
    }
}

/// A term's variables in an order of their own: terms of equal keys are the same.
fn key(term: &Term) -> Vec<String> {
    let mut names: Vec<String> = term.iter().map(Variable::to_string).collect();
    names.sort();
    names
}

impl Formula {
    /// Fills in `.` from the columns of a file, and checks that the formula can be meant.
    pub fn resolve(&self, columns: &[String]) -> Result<Resolved> {
        if self.features.dot && self.contexts.dot {
            return Err(Error::usage(
                "the formula has `.` on both sides of the bar; all remaining columns can be features or contexts, not both",
            ));
        }
        if self.contexts.intercept_named {
            return Err(Error::usage(
                "the formula has a number among the contexts; 0, 1 and -1 are about the intercept and stand before the bar",
            ));
        }
        let named = self.named();
        let remaining: Vec<Variable> = columns
            .iter()
            .filter(|column| !named.contains(column.as_str()))
            .map(|column| Variable::Column(column.clone()))
            .collect();
        let features = self.features.filled(&remaining);
        let contexts = self.contexts.filled(&remaining);
        let intercept = !self.features.no_intercept;
        // A regression may have nothing but an intercept.
        let no_features = features.is_empty() && (self.targets.is_empty() || !intercept);
        // Random effects may stand alone, and so may features of survival times, whose coefficients depend on time.
        let no_contexts = contexts.is_empty() && self.random.is_empty() && !self.survival;
        if let Some(what) = [(no_features, "features"), (no_contexts, "contexts")]
            .into_iter()
            .find_map(|(none, what)| none.then_some(what))
        {
            return Err(Error::usage(format!(
                "the formula has no {what}; write `y ~ features | contexts`, such as `y ~ dose | age + sex`"
            )));
        }
        if self.targets.is_empty() && !self.random.is_empty() {
            return Err(Error::usage(
                "the formula has random effects and no outcome; networks have none, leave them out and keep rows of one level together by --groups",
            ));
        }
        if !self.contexts.offsets.is_empty()
            || (self.targets.is_empty() && !self.features.offsets.is_empty())
        {
            return Err(Error::usage(
                "the formula has an offset() where there is no outcome for it; offsets stand among the features of a regression",
            ));
        }
        if let Some(term) = contexts.iter().find(|term| term.len() > 1) {
            return Err(Error::usage(format!(
                "the formula has the interaction {} among the contexts; contexts interact by the estimator, write {}",
                joined(term, ":"),
                joined(term, " + ")
            )));
        }
        let used: HashSet<&str> = features
            .iter()
            .flatten()
            .chain(contexts.iter().flatten())
            .chain(self.random.iter().flat_map(Random::variables))
            .flat_map(Variable::columns)
            .collect();
        for target in &self.targets {
            if let Some(column) = target
                .columns()
                .into_iter()
                .find(|name| used.contains(name))
            {
                return Err(Error::usage(format!(
                    "{} is on both sides of the formula; a target cannot explain itself",
                    quoted(column)
                )));
            }
        }
        let offsets = self.features.offsets.iter().cloned();
        Ok(Resolved {
            targets: self.targets.clone(),
            survival: self.survival,
            trials: None,
            features,
            contexts: contexts.into_iter().flatten().collect(),
            intercept,
            offset: offsets.reduce(|sum, own| {
                Expression::Operation(Operator::Plus, Box::new(sum), Box::new(own))
            }),
            random: self.random.clone(),
        })
    }

    /// Whether some of its terms are those of other columns.
    pub fn has_dot(&self) -> bool {
        self.features.dot || self.contexts.dot
    }

    /// Columns that stand anywhere in the formula, those taken away included.
    pub fn named(&self) -> BTreeSet<&str> {
        let sides = [&self.features, &self.contexts];
        let terms = sides
            .into_iter()
            .flat_map(|side| side.terms.iter().chain(&side.without).flatten());
        let offsets = self.features.offsets.iter().flat_map(Expression::columns);
        terms
            .chain(&self.targets)
            .chain(self.random.iter().flat_map(Random::variables))
            .flat_map(Variable::columns)
            .chain(offsets)
            .collect()
    }
}

impl Side {
    fn filled(&self, remaining: &[Variable]) -> Vec<Term> {
        let mut known: HashSet<Vec<String>> = self.without.iter().map(key).collect();
        let rest = remaining.iter().map(|variable| vec![variable.clone()]);
        let all = self.terms.iter().cloned().chain(rest.filter(|_| self.dot));
        let mut terms: Vec<Term> = all.filter(|term| known.insert(key(term))).collect();
        // Main effects first, as R has them: columns of coefficients come in that order.
        terms.sort_by_key(Vec::len);
        terms
    }
}

impl Display for Variable {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Column(column) => write!(f, "{}", quoted(column)),
            Self::Factor { column, first } => {
                let levels = first
                    .iter()
                    .map(|level| format!("\"{}\"", level.replace('"', "\"\"")));
                let levels: Vec<String> = levels.collect();
                let column = quoted(column);
                match &levels[..] {
                    [] => write!(f, "factor({column})"),
                    [level] => write!(f, "relevel({column}, ref = {level})"),
                    levels => write!(f, "ordered({column}, levels = c({}))", levels.join(", ")),
                }
            }
            Self::Numbers(expression) if expression.is_operation() => write!(f, "I({expression})"),
            Self::Numbers(expression) => match expression {
                // A column alone would be read as one that may have levels.
                Expression::Column(_) | Expression::Constant(_) => write!(f, "I({expression})"),
                Expression::Call(..) | Expression::Negative(_) | Expression::Operation(..) => {
                    write!(f, "{expression}")
                }
            },
            Self::Basis(basis, of) => basis.write(of, f),
        }
    }
}

impl Basis {
    fn write(&self, of: &Expression, f: &mut Formatter<'_>) -> std::fmt::Result {
        let inside = |knots: &[f64]| match knots {
            [one] => format!(", knots = {one}"),
            several => {
                let several: Vec<String> = several.iter().map(f64::to_string).collect();
                format!(", knots = c({})", several.join(", "))
            }
        };
        match self {
            Self::Polynomial { degree, raw: false } => write!(f, "poly({of}, {degree})"),
            Self::Polynomial { degree, raw: true } => {
                write!(f, "poly({of}, {degree}, raw = TRUE)")
            }
            Self::BSpline {
                functions,
                knots,
                degree,
            } => {
                write!(f, "bs({of}")?;
                match functions {
                    Some(functions) => write!(f, ", df = {functions}")?,
                    None if knots.is_empty() => {}
                    None => write!(f, "{}", inside(knots))?,
                }
                if *degree != 3 {
                    write!(f, ", degree = {degree}")?;
                }
                write!(f, ")")
            }
            Self::NaturalSpline { functions, knots } => match functions {
                Some(functions) => write!(f, "ns({of}, df = {functions})"),
                None if knots.is_empty() => write!(f, "ns({of})"),
                None => write!(f, "ns({of}{})", inside(knots)),
            },
            Self::Scale { center, scale } => {
                write!(f, "scale({of}")?;
                if !center {
                    write!(f, ", center = FALSE")?;
                }
                if !scale {
                    write!(f, ", scale = FALSE")?;
                }
                write!(f, ")")
            }
            Self::Cyclic { period } => write!(f, "cyclic({of}, {period})"),
        }
    }
}

/// A name as a formula has to write it.
pub(crate) fn quoted(name: &str) -> String {
    if tokens::is_plain_name(name) {
        name.to_owned()
    } else {
        format!("`{}`", name.replace('`', "``"))
    }
}

/// Variables as they are written, those of a term with a colon between them: `a:b`.
pub fn joined(variables: &[Variable], by: &str) -> String {
    let names: Vec<String> = variables.iter().map(Variable::to_string).collect();
    names.join(by)
}

impl Display for Resolved {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match (self.targets.len(), &self.trials) {
            _ if self.survival => write!(f, "{} ~ ", self.survival_name())?,
            (_, Some([successes, failures])) => write!(f, "cbind({successes}, {failures}) ~ ")?,
            (0, None) => write!(f, "~ ")?,
            (1, None) => write!(f, "{} ~ ", self.targets[0])?,
            (_, None) => write!(f, "cbind({}) ~ ", joined(&self.targets, ", "))?,
        }
        let terms = self.features.iter().map(|term| joined(term, ":"));
        let terms: Vec<String> = terms.collect();
        let offset = self.offset.iter().map(|offset| format!("offset({offset})"));
        let mut terms: Vec<String> = terms.into_iter().chain(offset).collect();
        if terms.is_empty() {
            terms.push("1".to_owned());
        }
        let intercept = if self.intercept { "" } else { " - 1" };
        let contexts = self.contexts.iter().map(Variable::to_string);
        let behind: Vec<String> = contexts
            .chain(self.random.iter().map(Random::to_string))
            .collect();
        write!(f, "{}{intercept}", terms.join(" + "))?;
        if behind.is_empty() {
            return Ok(());
        }
        write!(f, " | {}", behind.join(" + "))
    }
}

impl Display for Random {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let first = if self.intercept { "1" } else { "0" };
        let effects = self.effects.iter().map(|term| joined(term, ":"));
        let effects: Vec<String> = std::iter::once(first.to_owned()).chain(effects).collect();
        let bar = if self.correlated { "|" } else { "||" };
        let columns = self.group.iter().flat_map(Variable::columns).map(quoted);
        let columns: Vec<String> = columns.collect();
        write!(f, "({} {bar} {})", effects.join(" + "), columns.join(":"))
    }
}

#[cfg(test)]
mod tests;

//! Numbers made of a row's numbers: `log(x)`, `I((a + b) / 2)`.

use super::quoted;
use serde::{Deserialize, Serialize};
use std::fmt::{Display, Formatter};

/// What is computed for every row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Expression {
    /// The function of this name.
    Column(String),
    /// The function of this name.
    Constant(f64),
    /// The function of this name.
    Call(Function, Box<Self>),
    /// The function of this name.
    Negative(Box<Self>),
    /// The function of this name.
    Operation(Operator, Box<Self>, Box<Self>),
}

/// Functions of one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Function {
    Log,
    Log2,
    Log10,
    Log1p,
    Exp,
    Expm1,
    Sqrt,
    Abs,
    Sin,
    Cos,
    Tanh,
}

/// What stands between two numbers; comparisons are 1 or 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    /// Sum.
    Plus,
    /// Difference.
    Minus,
    /// Product.
    Times,
    /// Quotient.
    Over,
    /// Power.
    Power,
    /// The function of this name.
    Less,
    /// The function of this name.
    LessOrEqual,
    /// The function of this name.
    Greater,
    /// The function of this name.
    GreaterOrEqual,
    /// The function of this name.
    Equal,
    /// The function of this name.
    Unequal,
}

/// A function's name, itself, and what it computes.
type Entry = (&'static str, Function, fn(f64) -> f64);

impl Function {
    const ALL: [Entry; 11] = [
        ("log", Self::Log, f64::ln),
        ("log2", Self::Log2, f64::log2),
        ("log10", Self::Log10, f64::log10),
        ("log1p", Self::Log1p, f64::ln_1p),
        ("exp", Self::Exp, f64::exp),
        ("expm1", Self::Expm1, f64::exp_m1),
        ("sqrt", Self::Sqrt, f64::sqrt),
        ("abs", Self::Abs, f64::abs),
        ("sin", Self::Sin, f64::sin),
        ("cos", Self::Cos, f64::cos),
        ("tanh", Self::Tanh, f64::tanh),
    ];

    pub(super) fn of_name(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter();
        all.find(|(own, ..)| *own == name).map(|(_, own, _)| *own)
    }

    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().map(|(name, ..)| *name)
    }

    fn entry(self) -> (&'static str, fn(f64) -> f64) {
        let mut all = Self::ALL.iter();
        let own = all.find(|(_, own, _)| *own == self);
        own.map_or(("", |value| value), |(name, _, of)| (name, *of))
    }
}

impl Operator {
    const ALL: [(&'static str, Self); 11] = [
        ("+", Self::Plus),
        ("-", Self::Minus),
        ("*", Self::Times),
        ("/", Self::Over),
        ("^", Self::Power),
        ("<", Self::Less),
        ("<=", Self::LessOrEqual),
        (">", Self::Greater),
        (">=", Self::GreaterOrEqual),
        ("==", Self::Equal),
        ("!=", Self::Unequal),
    ];

    pub(super) fn of_sign(sign: &str) -> Option<Self> {
        let mut all = Self::ALL.iter();
        all.find(|(own, _)| *own == sign).map(|(_, own)| *own)
    }

    fn sign(self) -> &'static str {
        let mut all = Self::ALL.iter();
        all.find(|(_, own)| *own == self)
            .map_or("", |(sign, _)| sign)
    }

    /// How strongly it binds, from comparisons to powers.
    pub(super) fn strength(self) -> usize {
        match self {
            Self::Less
            | Self::LessOrEqual
            | Self::Greater
            | Self::GreaterOrEqual
            | Self::Equal
            | Self::Unequal => 0,
            Self::Plus | Self::Minus => 1,
            Self::Times | Self::Over => 2,
            Self::Power => 4,
        }
    }

    fn apply(self, a: f64, b: f64) -> f64 {
        let truth = |holds: bool| {
            if a.is_nan() || b.is_nan() {
                f64::NAN
            } else {
                f64::from(u8::from(holds))
            }
        };
        match self {
            Self::Plus => a + b,
            Self::Minus => a - b,
            Self::Times => a * b,
            Self::Over => a / b,
            Self::Power => a.powf(b),
            Self::Less => truth(a < b),
            Self::LessOrEqual => truth(a <= b),
            Self::Greater => truth(a > b),
            Self::GreaterOrEqual => truth(a >= b),
            Self::Equal => truth(a == b),
            Self::Unequal => truth(a != b),
        }
    }
}

/// How strongly a minus before a number binds.
const NEGATIVE: usize = 3;

impl Expression {
    /// Names of the columns it is made of, each once, in order.
    pub fn columns(&self) -> Vec<&str> {
        fn collect<'e>(expression: &'e Expression, into: &mut Vec<&'e str>) {
            match expression {
                Expression::Column(name) => {
                    if !into.contains(&name.as_str()) {
                        into.push(name);
                    }
                }
                Expression::Constant(_) => {}
                Expression::Call(_, of) | Expression::Negative(of) => collect(of, into),
                Expression::Operation(_, left, right) => {
                    collect(left, into);
                    collect(right, into);
                }
            }
        }
        let mut names = Vec::new();
        collect(self, &mut names);
        names
    }

    /// Its value where columns have these values.
    pub fn value(&self, column: &impl Fn(&str) -> f64) -> f64 {
        match self {
            Self::Column(name) => column(name),
            Self::Constant(value) => *value,
            Self::Call(function, of) => (function.entry().1)(of.value(column)),
            Self::Negative(of) => -of.value(column),
            Self::Operation(operator, left, right) => {
                operator.apply(left.value(column), right.value(column))
            }
        }
    }

    pub(super) fn is_operation(&self) -> bool {
        match self {
            Self::Column(_) | Self::Constant(_) | Self::Call(..) => false,
            Self::Negative(_) | Self::Operation(..) => true,
        }
    }

    fn strength(&self) -> usize {
        match self {
            Self::Column(_) | Self::Constant(_) | Self::Call(..) => usize::MAX,
            Self::Negative(_) => NEGATIVE,
            Self::Operation(operator, ..) => operator.strength(),
        }
    }

    /// In parentheses unless it binds at least this strongly.
    fn within(&self, least: usize) -> String {
        if self.strength() < least {
            format!("({self})")
        } else {
            self.to_string()
        }
    }
}

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Column(name) => write!(f, "{}", quoted(name)),
            Self::Constant(value) => write!(f, "{value}"),
            Self::Call(function, of) => write!(f, "{}({of})", function.entry().0),
            Self::Negative(of) => write!(f, "-{}", of.within(NEGATIVE)),
            Self::Operation(operator, left, right) => {
                let strength = operator.strength();
                // All are read from the left, powers from the right.
                if *operator == Operator::Power {
                    let (left, right) = (left.within(strength + 1), right.within(NEGATIVE));
                    return write!(f, "{left}^{right}");
                }
                // Comparisons stand alone.
                let left = left.within(strength.max(1));
                let right = right.within(strength + 1);
                write!(f, "{left} {} {right}", operator.sign())
            }
        }
    }
}

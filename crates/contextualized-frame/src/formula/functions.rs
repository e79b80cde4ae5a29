//! Functions of a formula: what stands in their parentheses, and the numbers computed there.

use super::expression::{Expression, Function, Operator};
use super::parser::Parser;
use super::tokens::Token;
use super::{Basis, Variable, quoted};
use crate::error::{Error, Result};

/// The most operations among numbers.
const MOST_OPERATIONS: usize = 1_000;

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
    /// What stands in the parentheses of factor(): a column.
    pub(super) fn factor(&mut self) -> Result<Variable> {
        Ok(Variable::Factor {
            column: self.name()?,
            first: Vec::new(),
        })
    }

    /// What stands in the parentheses of relevel(x, ref = "B") or C(x, Treatment("B")).
    pub(super) fn with_reference(&mut self) -> Result<Variable> {
        let mut column = self.name()?;
        if column == "factor" && self.take("(") {
            column = self.name()?;
            self.expect(")")?;
        }
        let mut first = Vec::new();
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
            first.push(self.level("the first level, in quotes, should stand")?);
            if treatment {
                self.expect(")")?;
            }
        }
        Ok(Variable::Factor { column, first })
    }

    /// What stands in the parentheses of ordered(x), ordered(x, "low", "high") or ordered(x, levels = c("low", "high")).
    pub(super) fn ordered(&mut self) -> Result<Variable> {
        let column = self.name()?;
        let mut first = Vec::new();
        let is_name = |parser: &Self, of: &str| matches!(parser.peek(), Some(Token::Name(name)) if name == of);
        while self.take(",") {
            if is_name(self, "levels") {
                self.at += 1;
                self.expect("=")?;
            }
            let several = is_name(self, "c");
            if several {
                self.at += 1;
                self.expect("(")?;
            }
            first.push(self.level("a level, in quotes, should stand")?);
            while several && self.take(",") {
                first.push(self.level("a level, in quotes, should stand")?);
            }
            if several {
                self.expect(")")?;
            }
        }
        Ok(Variable::Factor { column, first })
    }

    fn level(&mut self, wanted: &str) -> Result<String> {
        let level = match self.peek() {
            Some(Token::Text(text) | Token::Number(text)) => text.clone(),
            Some(Token::Name(_) | Token::Sign(_)) | None => return Err(self.unexpected(wanted)),
        };
        self.at += 1;
        Ok(level)
    }

    pub(super) fn basis(&mut self, name: &str) -> Result<Variable> {
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
            "cyclic" | "periodic" => {
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
            _ => return Err(Error::usage(format!("{name}() in the formula is no basis"))),
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
    pub(super) fn numbers(&mut self, least: usize) -> Result<Expression> {
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
    pub(super) fn call(&mut self, name: &str) -> Result<Expression> {
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

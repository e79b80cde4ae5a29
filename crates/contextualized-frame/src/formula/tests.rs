#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

fn columns(names: &str) -> Vec<String> {
    names.split(' ').map(str::to_owned).collect()
}

/// The formula with `.` filled in and products written out.
fn resolved(text: &str) -> String {
    parse(text)
        .unwrap()
        .resolve(&columns("y y2 a b c d"))
        .unwrap()
        .to_string()
}

fn error(text: &str) -> String {
    match parse(text).and_then(|formula| formula.resolve(&columns("y a b c d"))) {
        Err(Error::Request(message)) => message,
        other => panic!("{text} gave {other:?}"),
    }
}

#[test]
fn formulas_mean_what_they_mean_in_r() {
    for (text, meaning) in [
        ("y ~ a + b | c", "y ~ a + b | c"),
        ("y~a|c+d", "y ~ a | c + d"),
        ("y ~ a - 1 | c", "y ~ a - 1 | c"),
        ("y ~ 0 + a | c", "y ~ a - 1 | c"),
        ("y ~ a + 0 + 1 | c", "y ~ a | c"),
        ("y ~ -1 + a | c", "y ~ a - 1 | c"),
        ("y ~ 1 + a | c", "y ~ a | c"),
        ("y ~ . - y2 | c", "y ~ a + b + d | c"),
        ("y ~ a | . - y2", "y ~ a | b + c + d"),
        ("cbind(y, y2) ~ a | .", "cbind(y, y2) ~ a | b + c + d"),
        ("y ~ a:b | c", "y ~ a:b | c"),
        ("y ~ a*b | c", "y ~ a + b + a:b | c"),
        ("y ~ a:b + a | c", "y ~ a + a:b | c"),
        (
            "y ~ a*b*d | c",
            "y ~ a + b + d + a:b + a:d + b:d + a:b:d | c",
        ),
        ("y ~ (a + b):d | c", "y ~ a:d + b:d | c"),
        ("y ~ a*b - a:b | c", "y ~ a + b | c"),
        ("y ~ a*b - b:a | c", "y ~ a + b | c"),
        ("y ~ a:a | c", "y ~ a | c"),
        ("y ~ a + (b - b + d) | c", "y ~ a + d | c"),
        (
            "y ~ factor(a) + b | factor(c)",
            "y ~ factor(a) + b | factor(c)",
        ),
        ("~ a + b + d | c", "~ a + b + d | c"),
        ("y ~ a + a | c + c", "y ~ a | c"),
        ("y ~ 1 | c", "y ~ 1 | c"),
        ("y ~ a / b | c", "y ~ a + a:b | c"),
        ("y ~ (a + b) / d | c", "y ~ a + b + a:b:d | c"),
        ("y ~ b %in% a | c", "y ~ b:a | c"),
        ("Surv(y, y2) ~ a | c", "Surv(y, y2) ~ a | c"),
        ("Surv(y, y2) ~ a + b", "Surv(y, y2) ~ a + b"),
        (
            "Surv(y, y2, d == 2) ~ a | c",
            "Surv(y, y2, I(d == 2)) ~ a | c",
        ),
        (
            "y ~ (a + b + d)^2 | c",
            "y ~ a + b + d + a:b + a:d + b:d | c",
        ),
        ("y ~ (a + b)**2 - a | c", "y ~ b + a:b | c"),
        ("y ~ I(a^2) | c", "y ~ I(a^2) | c"),
        (
            "y ~ I(-a^2 + (b - 1) / 2) | c",
            "y ~ I(-a^2 + (b - 1) / 2) | c",
        ),
        ("y ~ I(a - (b - d)) | c", "y ~ I(a - (b - d)) | c"),
        ("y ~ I((a > 2) * b) | c", "y ~ I((a > 2) * b) | c"),
        (
            "y ~ log(a) + log(b, 2) | exp(c)",
            "y ~ log(a) + I(log(b) / log(2)) | exp(c)",
        ),
        ("log(y) ~ a | c", "log(y) ~ a | c"),
        ("y - y2 ~ a | c", "I(y - y2) ~ a | c"),
        ("cbind(log(y), y2) ~ a | c", "cbind(log(y), y2) ~ a | c"),
        (
            "y ~ poly(a, 2) + bs(b, df=5) | c",
            "y ~ poly(a, 2) + bs(b, df = 5) | c",
        ),
        (
            "y ~ bs(a, knots = c(1, 2.5), degree=2) | c",
            "y ~ bs(a, knots = c(1, 2.5), degree = 2) | c",
        ),
        (
            "y ~ ns(a, 3) + poly(b, degree=2, raw=TRUE) | c",
            "y ~ ns(a, df = 3) + poly(b, 2, raw = TRUE) | c",
        ),
        (
            "y ~ scale(a, scale = FALSE) | cyclic(c, 24)",
            "y ~ scale(a, scale = FALSE) | cyclic(c, 24)",
        ),
        ("y ~ a + offset(log(b)) | c", "y ~ a + offset(log(b)) | c"),
        (
            "y ~ relevel(a, ref = 'k') | c",
            "y ~ relevel(a, ref = \"k\") | c",
        ),
        (
            "y ~ C(a, Treatment('k')) * b | c",
            "y ~ relevel(a, ref = \"k\") + b + relevel(a, ref = \"k\"):b | c",
        ),
        ("y ~ . + log(a) | c", "y ~ log(a) + y2 + b + d | c"),
        ("y ~ a | c + a", "y ~ a | c + a"),
        ("y ~ a | (1 + a | b)", "y ~ a | (1 + a | b)"),
        ("y ~ a | (a | b) + c", "y ~ a | c + (1 + a | b)"),
        (
            "y ~ a | (1 | b) + (0 + a | b)",
            "y ~ a | (1 | b) + (0 + a | b)",
        ),
        (
            "y ~ a | c + (1 + a*d || b)",
            "y ~ a | c + (1 + a + d + a:d || b)",
        ),
        ("y ~ a | (1 | b/c)", "y ~ a | (1 | b) + (1 | b:c)"),
        ("y ~ a | (1 | b:c) + (c)", "y ~ a | c + (1 | b:c)"),
        ("y ~ . | c + (1 | d)", "y ~ y2 + a + b | c + (1 | d)"),
    ] {
        assert_eq!(resolved(text), meaning, "{text}");
    }
}

#[test]
fn names_may_be_anything_between_backticks() {
    let formula = parse("`blood pressure` ~ `a``b` + factor + .x + größe_2 | cbind + `0`").unwrap();
    let resolved = formula.resolve(&[]).unwrap();
    assert_eq!(resolved.targets[0].columns(), ["blood pressure"]);
    let names: Vec<&str> = resolved
        .features
        .iter()
        .flat_map(|t| t[0].columns())
        .collect();
    assert_eq!(names, ["a`b", "factor", ".x", "größe_2"]);
    assert_eq!(
        resolved.to_string(),
        "`blood pressure` ~ `a``b` + factor + .x + größe_2 | cbind + `0`"
    );
}

#[test]
fn what_cannot_be_meant_is_said() {
    for (text, part) in [
        ("y ~ a", "has no contexts"),
        ("y ~ a |", "ends after character 7"),
        ("y ~ | c", "\"|\" stands at character 5"),
        ("a + b", "ends after character 5"),
        ("", "ends after character 0"),
        ("y ~ a | c | d", "should end"),
        ("y ~ 0 | c", "has no features"),
        ("~ 1 | c", "has no features"),
        ("y ~ a | 1", "about the intercept"),
        ("y ~ a | c:d", "write c + d"),
        ("y ~ . | .", "on both sides of the bar"),
        ("y ~ y | c", "y is on both sides"),
        ("y ~ a | c + y", "y is on both sides"),
        ("y ~ a - . | c", "takes away `.`"),
        ("y ~ log(y) | c", "y is on both sides"),
        ("y ~ f(a) | c", "the function f()"),
        ("y ~ np.log(a) | c", "write log(x)"),
        ("y ~ Q('a b') | c", "between backticks"),
        ("y ~ s(a) | c", "behind the bar"),
        ("y ~ a + (1 | b) | c", "stand among the contexts"),
        ("y ~ a | c - (1 | b)", "cannot be taken away"),
        ("y ~ a | (1 | b):c", "should stand behind random effects"),
        ("y ~ a | c:(1 | b)", "stand among the contexts"),
        ("y ~ a | (0 | b)", "of nothing"),
        ("y ~ a | (. | b)", "among random effects"),
        ("y ~ a | (1 | b) + (1 | b)", "twice"),
        ("y ~ a | (1 | y)", "y is on both sides"),
        ("y ~ a | (1 | )", "a column's name should stand"),
        ("y ~ a | (1 | b", "\")\" should stand"),
        ("~ a | (1 | b)", "no outcome"),
        ("y ~ a^b | c", "I(x^2)"),
        (
            "y ~ a + offset(b) | c + offset(d)",
            "offsets stand among the features",
        ),
        ("poly(y, 2) ~ a | c", "a target is one"),
        ("y ~ poly(a, 2, raw = 1) | c", "TRUE or FALSE"),
        ("y ~ poly(a, k = 1) | c", "has no k"),
        ("y ~ bs(a, df = 4, knots = 2) | c", "both df and knots"),
        ("y ~ cyclic(a) | c", "needs its period"),
        ("y ~ poly(a, 0) | c", "a whole number"),
        ("y ~ 2*a | c", "the number 2"),
        ("y ~ .:a | c", "only columns can interact"),
        ("y ~ a & b | c", "'&' at character 7"),
        ("y ~ `a | c", "never closed"),
        ("cbind(y, y) ~ a | c", "has y twice"),
        ("y ~ (a + b", "\")\" should stand"),
    ] {
        let message = error(text);
        assert!(message.contains(part), "{text}: {message}");
        assert!(!message.contains('\n'));
    }
    let deep = format!("y ~ {}a{} | c", "(".repeat(10_000), ")".repeat(10_000));
    assert!(error(&deep).contains("within each other"));
    let sum = "(a+b+c+d)".to_owned() + &":(a+b+c+d)".repeat(30);
    assert!(error(&format!("y ~ {sum} | c")).contains("more than 10000 terms"));
    let many: Vec<String> = (0..14).map(|name| format!("v{name}")).collect();
    assert!(error(&format!("y ~ {} | c", many.join("*"))).contains("more than 10000 terms"));
    let long = format!("y ~ I({}a) | c", "a + ".repeat(2_000));
    assert!(error(&long).contains("more than 1000 operations"));
}

proptest! {
    /// A formula written out and read again is the same, whatever its names.
    #[test]
    fn writing_and_reading_agree(
        names in prop::collection::btree_set("[a-z `~|.0-9+é]{1,6}", 4..9),
        factors in prop::collection::vec(any::<bool>(), 9),
        intercept in any::<bool>(),
    ) {
        let variables: Vec<Variable> = names
            .into_iter()
            .zip(factors)
            .map(|(name, factor)| match (factor, name.len() % 3) {
                (true, 0) => Variable::Factor { column: name, first: vec!["a \"b".to_owned()] },
                (true, 1) => Variable::Factor { column: name, first: vec!["low".to_owned(), "2".to_owned()] },
                (true, _) => Variable::Factor { column: name, first: Vec::new() },
                (false, 0) => Variable::Numbers(Expression::Column(name)),
                (false, _) => Variable::Column(name),
            })
            .collect();
        let resolved = Resolved {
            targets: vec![variables[0].clone()],
            survival: false,
            contexts: vec![variables[1].clone()],
            features: variables[2..].iter().map(|v| vec![v.clone()]).chain([variables[2..4].to_vec()]).collect(),
            intercept,
            offset: None,
            random: vec![Random {
                effects: vec![vec![variables[2].clone()]],
                intercept,
                group: vec![Variable::Factor { column: variables[3].columns()[0].to_owned(), first: Vec::new() }],
                correlated: intercept,
            }],
            trials: None,
        };
        let again = parse(&resolved.to_string()).unwrap().resolve(&[]).unwrap();
        prop_assert_eq!(again, resolved);
    }

    /// Numbers written out and read again have the same values.
    #[test]
    fn numbers_are_read_as_they_are_written(text in "[ab2(+*/^<-]{1,12}", a in -2.0..2.0_f64, b in 0.5..3.0_f64) {
        if let Ok(formula) = parse(&format!("y ~ I({text}) | c")) {
            let Variable::Numbers(first) = &formula.features.terms[0][0] else {
                panic!("{text}");
            };
            let again = parse(&format!("y ~ I({first}) | c")).unwrap();
            let Variable::Numbers(second) = &again.features.terms[0][0] else {
                panic!("{text}");
            };
            let value = |of: &Expression| of.value(&|name| if name == "a" { a } else { b });
            let (one, other) = (value(first), value(second));
            prop_assert!(one == other || (one.is_nan() && other.is_nan()), "{text} {first} {second}");
        }
    }

    #[test]
    fn no_text_is_a_panic(text in "[abIlog~|+*/^:().,`\"=<0-9 -]{0,40}") {
        let _ = parse(&text).map(|formula| formula.resolve(&columns("a b c")));
    }
}

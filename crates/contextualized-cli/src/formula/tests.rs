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
        Err(Error::Usage(message)) => message,
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
        ("y ~ a | c + a", "y ~ a | c + a"),
    ] {
        assert_eq!(resolved(text), meaning, "{text}");
    }
}

#[test]
fn names_may_be_anything_between_backticks() {
    let formula = parse("`blood pressure` ~ `a``b` + factor + .x + größe_2 | cbind + `0`").unwrap();
    let resolved = formula.resolve(&[]).unwrap();
    assert_eq!(resolved.targets[0].name, "blood pressure");
    let names: Vec<&str> = resolved
        .features
        .iter()
        .map(|t| t[0].name.as_str())
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
        ("y ~ | c", "'|' stands at character 5"),
        ("a + b", "'+' stands at character 3"),
        ("", "ends after character 0"),
        ("y ~ a | c | d", "should end"),
        ("y ~ 1 | c", "has no features"),
        ("y ~ a | 1", "about the intercept"),
        ("y ~ a | c:d", "write c + d"),
        ("y ~ . | .", "on both sides of the bar"),
        ("y ~ y | c", "y is on both sides"),
        ("y ~ a | c + y", "y is on both sides"),
        ("y ~ a - . | c", "takes away `.`"),
        ("y ~ log(a) | c", "the function log()"),
        ("y ~ 2*a | c", "the number 2"),
        ("y ~ .:a | c", "only columns can interact"),
        ("y ~ a & b | c", "'&' at character 7"),
        ("y ~ `a | c", "never closed"),
        ("cbind(y, y) ~ a | c", "has y twice"),
        ("y ~ (a | c", "')' should stand"),
    ] {
        let message = error(text);
        assert!(message.contains(part), "{text}: {message}");
        assert!(!message.contains('\n'));
    }
    let deep = format!("y ~ {}a{} | c", "(".repeat(10_000), ")".repeat(10_000));
    assert!(error(&deep).contains("within each other"));
    let sum = "(a+b+c+d)".to_owned() + &":(a+b+c+d)".repeat(30);
    assert!(error(&format!("y ~ {sum} | c")).contains("more than 100000 terms"));
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
            .map(|(name, factor)| Variable { name, factor })
            .collect();
        let resolved = Resolved {
            targets: vec![variables[0].clone()],
            contexts: vec![variables[1].clone()],
            features: variables[2..].iter().map(|v| vec![v.clone()]).chain([variables[2..4].to_vec()]).collect(),
            intercept,
        };
        let again = parse(&resolved.to_string()).unwrap().resolve(&[]).unwrap();
        prop_assert_eq!(again, resolved);
    }

    #[test]
    fn no_text_is_a_panic(text in "[ab~|+*:().,`0-9 -]{0,40}") {
        let _ = parse(&text).map(|formula| formula.resolve(&columns("a b c")));
    }
}

//! Numbers as readers write them.

use contextualized_analysis::Measured;
pub(crate) use contextualized_frame::values::number;

/// A number with its standard error, if that is known.
pub(crate) fn with_error(measured: impl Into<Measured>) -> String {
    let Measured {
        value,
        standard_error,
    } = measured.into();
    match standard_error {
        Some(error) => format!("{} ± {}", number(value), number(error)),
        None => number(value),
    }
}

/// A p-value in a table.
pub(crate) fn p_value(p: f64) -> String {
    match p {
        p if !p.is_finite() => "–".to_owned(),
        p if p < 0.001 => "< 0.001".to_owned(),
        p if p < 0.0995 => format!("{p:.3}"),
        p => format!("{p:.2}"),
    }
}

/// A p-value in a sentence: `p < 0.001`, `Holm p = 0.4`.
pub(crate) fn p_is(name: &str, p: f64) -> String {
    if p < 0.001 {
        format!("{name} < 0.001")
    } else {
        format!("{name} = {}", p_value(p))
    }
}

/// A share as a percentage.
pub(crate) fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    let text = match percent.abs() {
        small if small > 0.0 && small < 0.95 => format!("{percent:.1}"),
        // Not all of them.
        most if most > 99.0 && most < 100.0 => format!("{:.1}", percent.min(99.9)),
        _ => format!("{percent:.0}"),
    };
    format!("{} %", text.replace('-', "−"))
}

/// The probability of an interval, with all its digits.
pub(crate) fn level(level: f64) -> String {
    let percent = format!("{:.4}", 100.0 * level);
    format!("{} %", percent.trim_end_matches('0').trim_end_matches('.'))
}

/// A count with its noun: `1 row`, `12 rows`.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        other => format!("{} {many}", whole(other)),
    }
}

/// A whole number with narrow spaces between thousands.
pub(crate) fn whole(number: usize) -> String {
    let digits = number.to_string();
    if digits.len() <= 4 {
        return digits;
    }
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// `a, b and c`; of many the first, and how many more there are.
pub(crate) fn listed(items: &[String]) -> String {
    const MOST: usize = 8;
    if items.len() > MOST {
        let rest = items.len() - MOST;
        return format!("{} and {rest} more", items[..MOST].join(", "));
    }
    match items {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contextualized_core::metrics::Score;

    #[test]
    fn errors_follow_numbers() {
        let score = |standard_error| Score {
            mean: 1.5,
            standard_error,
        };
        assert_eq!(with_error(score(f64::NAN)), "1.50");
        assert_eq!(with_error(score(0.25)), "1.50 ± 0.250");
    }

    #[test]
    fn p_values_never_round_to_nought() {
        assert_eq!(p_is("p", 1e-9), "p < 0.001");
        assert_eq!(p_is("Holm p", 0.0123), "Holm p = 0.012");
        assert_eq!(
            (p_value(0.43), p_value(1.0)),
            ("0.43".into(), "1.00".into())
        );
    }

    #[test]
    fn counts_and_lists() {
        assert_eq!(count(1, "row", "rows"), "1 row");
        assert_eq!(whole(1_234_567), "1\u{202f}234\u{202f}567");
        let names = |number: usize| -> Vec<String> { (0..number).map(|n| n.to_string()).collect() };
        assert_eq!(listed(&names(3)), "0, 1 and 2");
        assert_eq!(listed(&names(10)), "0, 1, 2, 3, 4, 5, 6, 7 and 2 more");
        assert_eq!(
            (percent(0.004), percent(0.5), percent(0.9996), level(0.975)),
            (
                "0.4 %".into(),
                "50 %".into(),
                "99.9 %".into(),
                "97.5 %".into()
            )
        );
    }
}

//! Numbers as readers write them.

use contextualized_analysis::Measured;

/// Three significant digits, or all of a whole number; with a minus sign that is one, and powers of ten
/// for very large and very small numbers. What is not a number is a dash.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let size = value.abs();
    let text = if size.fract() == 0.0 && size < 1e6 {
        format!("{size:.0}")
    } else if (1e-4..1e6).contains(&size) {
        let rounded: f64 = format!("{size:.2e}").parse().unwrap_or(size);
        let decimals = (2.0 - rounded.log10().floor()).max(0.0) as usize;
        format!("{rounded:.decimals$}")
    } else {
        let text = format!("{size:.2e}");
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        format!(
            "{digits} × 10{}",
            power.chars().map(raised).collect::<String>()
        )
    };
    if value < 0.0 {
        format!("−{text}")
    } else {
        text
    }
}

/// A digit or a minus sign of an exponent.
fn raised(character: char) -> char {
    match character {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        digit => digit
            .to_digit(10)
            .and_then(|digit| char::from_u32('⁰' as u32 + digit))
            .unwrap_or(digit),
    }
}

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
    use proptest::prelude::*;

    #[test]
    fn numbers_by_hand() {
        for (value, text) in [
            (0.0, "0"),
            (1234.5, "1230"),
            (-12.0, "−12"),
            (-0.012_345, "−0.0123"),
            (0.999_9, "1.00"),
            (99.96, "100"),
            (2.5e9, "2.50 × 10⁹"),
            (-3.12e-17, "−3.12 × 10⁻¹⁷"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(number(value), text);
        }
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

    proptest! {
        /// What is written is the number to half a unit of its third digit.
        #[test]
        fn three_digits_are_right(value in prop::num::f64::NORMAL) {
            let lowered = |c| (0..10).find(|d| raised(char::from(b'0' + d)) == c);
            let plain = |c| lowered(c).map_or(c, |digit| char::from(b'0' + digit));
            let text = number(value).replace(['−', '⁻'], "-");
            let (digits, power) = text.split_once(" × 10").unwrap_or((&text, "0"));
            let power: String = power.chars().map(plain).collect();
            let read: f64 = format!("{digits}e{power}").parse().unwrap();
            prop_assert!((read - value).abs() <= 0.005001 * value.abs());
        }
    }
}

//! Where an axis is marked, and how the marks are written.

/// A marked value of an axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    pub(crate) value: f64,
    pub(crate) label: String,
}

/// Multiples of 1, 2 or 5 times a power of ten, at most `most` of them (and at least 2).
///
/// The range must be finite, with `low < high`.
pub(crate) fn linear(low: f64, high: f64, most: usize) -> Vec<Tick> {
    let most = most.max(2) as f64;
    let slack = 1e-9;
    let mut exponent = ((high - low) / most).log10().floor() as i32;
    loop {
        for digit in [1.0, 2.0, 5.0] {
            let step = power(digit, exponent);
            let first = (low / step - slack).ceil();
            let last = (high / step + slack).floor();
            if last - first < most {
                let multiples = 0..=(last - first).max(0.0) as usize;
                let values: Vec<f64> = multiples
                    .map(|offset| power((first + offset as f64) * digit, exponent))
                    .collect();
                let largest = values.iter().fold(0.0, |largest, v| v.abs().max(largest));
                let tick = |value| Tick {
                    label: written(value, largest, exponent),
                    value,
                };
                return values.into_iter().map(tick).collect();
            }
        }
        exponent += 1;
    }
}

/// A value as a multiple of 10^`exponent`, among values up to `largest`.
fn written(value: f64, largest: f64, exponent: i32) -> String {
    let text = if largest < 1e6 && exponent >= -5 {
        format!("{value:.*}", exponent.min(0).unsigned_abs() as usize)
    } else if value == 0.0 {
        "0".to_owned()
    } else {
        let digits = (value.abs().log10().floor() as i32 - exponent).clamp(0, 15);
        format!("{value:.*e}", digits as usize)
    };
    with_minus_signs(&text)
}

/// Powers of ten, with 2 and 5 times them where there is room, at most `most` of them;
/// linear ticks when the range is too short for those.
///
/// The range must be finite and positive, with `low < high`.
pub(crate) fn logarithmic(low: f64, high: f64, most: usize) -> Vec<Tick> {
    let most = most.max(2);
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let inside = |value: &f64| *value >= low * (1.0 - 1e-9) && *value <= high * (1.0 + 1e-9);
    let decades = |digits: &'static [f64], every: usize| -> Vec<f64> {
        let exponents = (first..=last).step_by(every);
        exponents
            .flat_map(|exponent| digits.iter().map(move |digit| power(*digit, exponent)))
            .filter(inside)
            .collect()
    };
    let sparser = (1..=(last - first).max(2) as usize).map(|every| (&[1.0][..], every));
    let values = [(&[1.0, 2.0, 5.0][..], 1), (&[1.0, 3.0], 1)]
        .into_iter()
        .chain(sparser)
        .map(|(digits, every)| decades(digits, every))
        .find(|values| values.len() <= most)
        .unwrap_or_default();
    if values.len() < 2 {
        return linear(low, high, most);
    }
    values.into_iter().map(explicit).collect()
}

/// `units` · 10^`exponent`, rounded once: dividing by a power of ten that is exact keeps 0.3 from
/// becoming 0.30000000000000004.
fn power(units: f64, exponent: i32) -> f64 {
    let value = if exponent < 0 {
        units / 10f64.powi(-exponent)
    } else {
        units * 10f64.powi(exponent)
    };
    // Adding zero turns −0 into 0.
    value + 0.0
}

/// A tick at a given value, written with at most six digits.
pub(crate) fn explicit(value: f64) -> Tick {
    let rounded = format!("{value:.5e}").parse().unwrap_or(value) + 0.0;
    let text = if rounded == 0.0 || (1e-4..1e6).contains(&rounded.abs()) {
        rounded.to_string()
    } else {
        format!("{rounded:e}")
    };
    Tick {
        label: with_minus_signs(&text),
        value,
    }
}

/// Hyphens as the minus signs they stand for.
pub(crate) fn with_minus_signs(text: &str) -> String {
    text.replace('-', "\u{2212}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn steps_are_round() {
        assert_eq!(labels(&linear(-1.1, 2.1, 5)), ["−1", "0", "1", "2"]);
        assert_eq!(
            labels(&linear(0.0, 0.5, 6)),
            ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5"]
        );
        assert_eq!(labels(&linear(19.0, 81.0, 4)), ["20", "40", "60", "80"]);
        assert_eq!(labels(&linear(0.0, 1000.0, 3)), ["0", "500", "1000"]);
        assert_eq!(linear(0.0, 0.5, 6)[3].value, 0.3);
    }

    #[test]
    fn very_large_and_small_values_get_exponents() {
        assert_eq!(labels(&linear(-1e7, 2e7, 4)), ["−1e7", "0", "1e7", "2e7"]);
        assert_eq!(labels(&linear(0.0, 3e6, 4)), ["0", "1e6", "2e6", "3e6"]);
        assert_eq!(labels(&linear(1e-7, 3e-7, 3)), ["1e−7", "2e−7", "3e−7"]);
    }

    #[test]
    fn logarithmic_ticks_follow_the_decades() {
        assert_eq!(
            labels(&logarithmic(0.009, 11.0, 5)),
            ["0.01", "0.1", "1", "10"]
        );
        assert_eq!(
            labels(&logarithmic(0.03, 0.9, 6)),
            ["0.05", "0.1", "0.2", "0.5"]
        );
        assert_eq!(labels(&logarithmic(1e-9, 1e9, 4)).len(), 4);
        assert_eq!(labels(&logarithmic(2.1, 2.9, 5)).len(), 4);
    }

    #[test]
    fn given_values_are_written_briefly() {
        assert_eq!(explicit(0.1 + 0.2).label, "0.3");
        assert_eq!(explicit(-2.0).label, "−2");
        assert_eq!(explicit(-0.0).label, "0");
        assert_eq!(explicit(2.5e-7).label, "2.5e−7");
    }

    proptest! {
        #[test]
        fn ticks_lie_in_the_range_and_are_few(
            low in -1e9..1e9f64,
            log_span in -3.0..9.0f64,
            most in 2usize..9,
        ) {
            let high = low + 10f64.powf(log_span);
            let ticks = linear(low, high, most);
            prop_assert!(!ticks.is_empty() && ticks.len() <= most);
            // Neighbouring numbers are as far apart as their size says.
            let slack = (high - low) * 1e-6 + 4.0 * f64::EPSILON * low.abs().max(high.abs());
            prop_assert!(ticks.iter().all(|tick| tick.value >= low - slack && tick.value <= high + slack));
            let distinct: std::collections::BTreeSet<_> = ticks.iter().map(|tick| &tick.label).collect();
            prop_assert_eq!(distinct.len(), ticks.len());
        }

        #[test]
        fn logarithmic_ticks_lie_in_the_range_and_are_few(
            exponent in -200.0..200.0f64,
            decades in 0.01..40.0f64,
            most in 2usize..9,
        ) {
            let (low, high) = (10f64.powf(exponent), 10f64.powf(exponent + decades));
            let ticks = logarithmic(low, high, most);
            prop_assert!(!ticks.is_empty() && ticks.len() <= most);
            prop_assert!(ticks.iter().all(|tick| tick.value >= low * 0.99 && tick.value <= high * 1.01));
        }
    }
}

//! Small facts about columns of numbers, and how numbers are written.

use ndarray::ArrayView1;

/// The smallest and the largest value.
pub fn ends<'a>(values: impl IntoIterator<Item = &'a f64>) -> (f64, f64) {
    let nothing = (f64::INFINITY, f64::NEG_INFINITY);
    let wider = |(low, high): (f64, f64), value: &f64| (low.min(*value), high.max(*value));
    values.into_iter().fold(nothing, wider)
}

/// Whether nothing but rounding lies between two ends.
pub fn is_flat((low, high): (f64, f64)) -> bool {
    high - low <= 1e-9 * low.abs().max(high.abs()).max(1e-9)
}

/// Mean and standard deviation.
pub fn moments(values: ArrayView1<'_, f64>) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.sum() / count;
    let square = values.fold(0.0, |sum, value| sum + (value - mean).powi(2));
    (mean, (square / (count - 1.0).max(1.0)).sqrt())
}

/// Positions below `count`, those of the largest values first.
pub fn descending(count: usize, value: impl Fn(usize) -> f64) -> Vec<usize> {
    let values: Vec<f64> = (0..count).map(value).collect();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    order
}

/// A quantile by linear interpolation between order statistics; NaN of nothing.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = share.clamp(0.0, 1.0) * last as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

/// Three significant digits, or all of a whole number; with a minus sign that is one, and powers of ten
/// for very large and very small numbers. What is not a number is a dash.
pub fn number(value: f64) -> String {
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
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
    }

    #[test]
    fn quantiles_by_hand() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(quantile(&values, 0.0), 1.0);
        assert_eq!(quantile(&values, 0.5), 2.5);
        assert_eq!(quantile(&values, 1.0), 4.0);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn what_rounding_leaves_is_flat() {
        assert!(is_flat((0.1, 0.1 + 1e-16)) && !is_flat((0.0, 1e-3)));
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

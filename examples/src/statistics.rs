//! What repeated measurements are summarised by.

/// Lower quartile, median and upper quartile, interpolated linearly between order statistics; NaN of
/// nothing.
pub fn quartiles(values: &[f64]) -> [f64; 3] {
    if values.is_empty() {
        return [f64::NAN; 3];
    }
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    [0.25, 0.5, 0.75].map(|share| {
        let position = share * (values.len() - 1) as f64;
        let (below, above) = (
            values[position.floor() as usize],
            values[position.ceil() as usize],
        );
        below + (above - below) * position.fract()
    })
}

/// The middle one of them.
pub fn median(values: &[f64]) -> f64 {
    quartiles(values)[1]
}

/// The least-squares slope of log y on log x: the order at which y falls with x.
pub fn log_slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(&|p| p.0.ln()), mean(&|p| p.1.ln()));
    mean(&|p| (p.0.ln() - x) * (p.1.ln() - y)) / mean(&|p| (p.0.ln() - x).powi(2))
}

/// The root of the mean square.
pub fn root_mean_square(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        sum += value * value;
        count += 1.0;
    }
    (sum / count).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!(quartiles(&[4.0, 1.0, 3.0, 2.0, 0.0]), [1.0, 2.0, 3.0]);
        assert_eq!(median(&[1.0, 4.0]), 2.5);
        let squares: Vec<_> = [1.0, 2.0, 5.0].map(|x: f64| (x, 7.0 * x * x)).to_vec();
        assert!((log_slope(&squares) - 2.0).abs() < 1e-14);
        assert_eq!(root_mean_square([3.0, -3.0, 0.0, 0.0]), 4.5_f64.sqrt());
    }
}

//! What the last steps of a search for hyperparameters move.

use crate::hyperparameters::{Kind, Layout, SMALLEST};
use ndarray::{Array1, Array2, Axis};

/// The passage between logarithms of hyperparameters and what a search moves.
///
/// A density of the values is even in inverse length scales and amplitudes, and many have their mode at zero. By
/// logarithms that is infinitely far away, and what is small hardly changes on the way. The last steps of a search
/// therefore move `arsinh(r / ε)`: near zero the value itself, in which steps to zero are short, and where it is
/// large its logarithm. A density of the logarithms has no mode at zero and is searched by these.
pub(crate) struct Coordinates {
    kinds: Vec<Kind>,
    of_logs: bool,
}

/// Values that are small.
const UNIT: f64 = 0.1;

impl Coordinates {
    pub(crate) fn new(layout: &Layout, of_logs: bool) -> Self {
        Self {
            kinds: layout.kinds().collect(),
            of_logs,
        }
    }

    fn map(
        &self,
        values: &[f64],
        of_value: impl Fn(f64) -> f64,
        of_log: impl Fn(f64) -> f64,
    ) -> Vec<f64> {
        let pairs = values.iter().zip(&self.kinds);
        pairs
            .map(|(&value, kind)| match kind {
                Kind::InverseLengthScale | Kind::Amplitude if !self.of_logs => of_value(value),
                Kind::InverseLengthScale | Kind::Amplitude | Kind::Noise | Kind::Scale => {
                    of_log(value)
                }
            })
            .collect()
    }

    pub(crate) fn of(&self, logs: &[f64]) -> Vec<f64> {
        self.map(logs, |log| (log.exp() / UNIT).asinh(), |log| log)
    }

    pub(crate) fn logs(&self, coordinates: &[f64]) -> Vec<f64> {
        let log = |v: f64| (UNIT * v.abs().sinh()).max(SMALLEST).ln();
        self.map(coordinates, log, |log| log)
    }

    /// Derivatives of the logarithms by the coordinates; none by one at zero, where the density has no slope.
    pub(crate) fn slopes(&self, coordinates: &[f64]) -> Array1<f64> {
        let zero = (SMALLEST / UNIT).asinh() * (1.0 + 1e-9);
        let slope = |v: f64| {
            if v.abs() <= zero {
                0.0
            } else {
                v.tanh().recip()
            }
        };
        self.map(coordinates, slope, |_| 1.0).into()
    }
}

/// Second derivatives by logarithms as those by coordinates, but for what vanishes at a mode.
pub(crate) fn by_coordinates(information: &Array2<f64>, slopes: &Array1<f64>) -> Array2<f64> {
    let outer = slopes * &slopes.view().insert_axis(Axis(1));
    information * outer
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: Layout = Layout {
        sets: 1,
        inverse_length_scales: 2,
        coefficients: 2,
        terms: 1,
        noise: true,
        scales: 0,
    };

    #[test]
    fn there_and_back() {
        let logs = [-11.0, -3.0, 0.5, 5.0, -2.0];
        for of_logs in [false, true] {
            let coordinates = Coordinates::new(&LAYOUT, of_logs);
            let there = coordinates.of(&logs);
            for (back, log) in coordinates.logs(&there).iter().zip(logs) {
                assert!((back - log).abs() < 1e-9, "{back} {log}");
            }
        }
    }

    #[test]
    fn slopes_are_those_of_differences_on_either_side_of_zero() {
        let coordinates = Coordinates::new(&LAYOUT, false);
        let at = [-0.7, 0.2, 1.5, 4.0, -0.3];
        let slopes = coordinates.slopes(&at);
        for k in 0..at.len() {
            let shifted = |h: f64| {
                let mut at = at;
                at[k] += h;
                coordinates.logs(&at)[k]
            };
            let difference = (shifted(1e-6) - shifted(-1e-6)) / 2e-6;
            assert!((slopes[k] - difference).abs() < 1e-6);
        }
        assert_eq!(
            coordinates.slopes(&[0.0; 5]).to_vec(),
            [0.0, 0.0, 0.0, 0.0, 1.0]
        );
    }
}

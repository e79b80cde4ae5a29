//! Classes without an order, such as species.

use super::binomial::Binomial;
use super::{Derivatives, Outcome, PredictorBelief, RandomNumbers, RowDerivatives};
use crate::predictions::Tail;
use crate::{Link, link::softmax};
use ndarray::{Array1, Array2, ArrayView1};

/// One of K classes: a row has K − 1 targets, the indicators of the classes besides the reference, of which at most one
/// is 1. Predictor k is the log-odds of class k against the reference (McFadden 1974; Agresti 2013,
/// doi:10.1002/0471249688, section 8.1).
///
/// What depends on all targets of a row is asked of rows. A target alone, among the rows of its class and of the
/// reference, is a binary one: what is asked of single targets is answered for that.
pub(super) struct Multinomial;

/// The probability of what happened, given those of the classes besides the reference.
fn probability(targets: ArrayView1<'_, f64>, means: ArrayView1<'_, f64>) -> f64 {
    let happened = targets.iter().zip(means).find(|(target, _)| **target > 0.5);
    happened.map_or_else(|| 1.0 - means.sum(), |(_, mean)| *mean)
}

impl Outcome for Multinomial {
    fn name(&self) -> &'static str {
        "multinomial"
    }

    fn description(&self) -> &'static str {
        "classes without an order, log-odds against the first"
    }

    fn qualifier(&self) -> Option<&'static str> {
        Some("multinomial")
    }

    fn link(&self) -> Link {
        Link::MultinomialLogit
    }

    fn requirement(&self) -> &'static str {
        "one of a few classes; its targets are 0 or 1, and at most one of a row is 1"
    }

    fn admits(&self, target: f64) -> bool {
        Binomial.admits_single(target)
    }

    fn admits_row(&self, targets: ArrayView1<'_, f64>) -> bool {
        targets.sum() <= 1.0
    }

    fn has_classes(&self) -> bool {
        true
    }

    fn derivatives(&self, target: f64, predictor: f64) -> Derivatives {
        Binomial.derivatives(target, predictor)
    }

    fn row_derivatives(
        &self,
        targets: ArrayView1<'_, f64>,
        predictors: ArrayView1<'_, f64>,
    ) -> RowDerivatives {
        let (means, logarithm) = softmax(predictors);
        let first: Array1<f64> = &targets - &means;
        let count = means.len();
        RowDerivatives {
            log_likelihood: targets.dot(&predictors) - logarithm,
            first,
            second: Array2::from_shape_fn((count, count), |(one, other)| {
                let own = if one == other { means[one] } else { 0.0 };
                means[one] * means[other] - own
            }),
        }
    }

    fn deviance(&self, target: f64, predictor: f64) -> f64 {
        Binomial.deviance(target, predictor)
    }

    fn loss(&self, target: f64, mean: f64) -> f64 {
        Binomial.loss(target, mean)
    }

    /// Of a probability below ½ ε = 1.1e-16 given to what happened it is that of ½ ε: large and finite.
    fn row_loss(
        &self,
        targets: ArrayView1<'_, f64>,
        means: ArrayView1<'_, f64>,
        _units: ArrayView1<'_, f64>,
    ) -> f64 {
        -probability(targets, means).max(f64::EPSILON / 2.0).ln()
    }

    fn loss_name(&self) -> &'static str {
        "log loss"
    }

    fn loss_description(&self) -> &'static str {
        "Loss is the log loss −ln p of the class that was observed: ln K is that of always predicting the same \
         probability for K classes."
    }

    fn coefficient_description(&self) -> &'static str {
        "Coefficients are log-odds ratios of a class against the reference, the first, per unit of a feature."
    }

    fn ratio_name(&self) -> Option<&'static str> {
        Some("odds ratio")
    }

    fn draw(&self, mean: f64, dispersion: f64, random: &mut dyn RandomNumbers) -> f64 {
        Binomial.draw(mean, dispersion, random)
    }

    fn draw_row(
        &self,
        means: ArrayView1<'_, f64>,
        _dispersion: f64,
        random: &mut dyn RandomNumbers,
    ) -> Array1<f64> {
        let mut left = random.uniform();
        let mut drawn = Array1::zeros(means.len());
        for (target, mean) in drawn.iter_mut().zip(means) {
            if left < *mean {
                *target = 1.0;
                break;
            }
            left -= mean;
        }
        drawn
    }

    /// Of a class it would be all of them, or one.
    fn predictive_interval(&self, _: &Tail, _: &PredictorBelief) -> Option<(f64, f64)> {
        None
    }

    fn has_outcome_intervals(&self) -> bool {
        false
    }

    fn cumulative(&self, target: f64, mean: f64) -> (f64, f64) {
        Binomial.cumulative(target, mean)
    }

    fn variance(&self, mean: f64) -> f64 {
        Binomial.variance(mean)
    }

    fn is_discrete(&self) -> bool {
        true
    }

    fn unbounded_direction(&self, target: f64) -> f64 {
        Binomial.unbounded_direction(target)
    }

    fn mean_range(&self) -> (f64, f64) {
        (0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use crate::Family;
    use crate::family::RandomNumbers;
    use approx::assert_relative_eq;
    use ndarray::{Array1, Array2, Axis, array};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn row_derivatives_are_those_of_the_log_likelihood(
            predictors in proptest::collection::vec(-6.0..6.0_f64, 1..5),
            class in 0..5_usize,
        ) {
            let family = Family::Multinomial;
            let predictors = Array1::from_vec(predictors);
            // The reference where there is no such class.
            let targets = Array1::from_shape_fn(predictors.len(), |own| f64::from(own == class));
            let at = |predictors: &Array1<f64>| family.row_derivatives(targets.view(), predictors.view());
            let here = at(&predictors);
            let means = family.link().inverse_table(predictors.view().insert_axis(Axis(0)));
            let loss = family.losses(targets.view().insert_axis(Axis(0)), means.view()).unwrap();
            assert_relative_eq!(loss[0], -here.log_likelihood, epsilon = 1e-10);
            for target in 0..predictors.len() {
                let step = 1e-5;
                let moved = |by: f64| {
                    let mut moved = predictors.clone();
                    moved[target] += by;
                    at(&moved)
                };
                let (left, right) = (moved(-step), moved(step));
                let slope = (right.log_likelihood - left.log_likelihood) / (2.0 * step);
                assert_relative_eq!(slope, here.first[target], epsilon = 1e-8);
                let curvature = (right.first - left.first) / (2.0 * step);
                assert_relative_eq!(curvature, here.second.row(target).to_owned(), epsilon = 1e-8);
            }
        }
    }

    #[test]
    fn of_one_target_it_is_binary() {
        for (target, predictor) in [(0.0, -30.0), (1.0, 0.3), (0.0, 2.0)] {
            let targets = array![target];
            let own = Family::Multinomial.row_derivatives(targets.view(), array![predictor].view());
            let binary = Family::Binomial.derivatives(target, predictor);
            assert_relative_eq!(own.log_likelihood, binary.log_likelihood, epsilon = 1e-14);
            assert_relative_eq!(own.first[0], binary.first, epsilon = 1e-14);
            assert_relative_eq!(own.second[[0, 0]], binary.second, epsilon = 1e-14);
        }
    }

    #[test]
    fn a_row_has_one_class() {
        let family = Family::Multinomial;
        let name = |column: usize| format!("class {column}");
        let fine = array![[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]];
        assert!(family.check_targets(fine.view(), name).is_ok());
        let error = family.check_targets(array![[0.0, 0.0], [1.0, 1.0]].view(), name);
        assert!(error.unwrap_err().to_string().contains("row 2"));
        assert!(family.check_targets(array![[0.5]].view(), name).is_err());
    }

    #[test]
    fn classes_are_drawn_by_their_probabilities() {
        struct Steps(usize);
        impl RandomNumbers for Steps {
            fn uniform(&mut self) -> f64 {
                self.0 += 1;
                (self.0 as f64 - 0.5) / 1000.0
            }

            fn standard_normal(&mut self) -> f64 {
                0.0
            }
        }
        let means = array![0.2, 0.5];
        let mut random = Steps(0);
        let mut sums = Array1::<f64>::zeros(2);
        for _ in 0..1000 {
            sums += &Family::Multinomial.draw_row(means.view(), 1.0, &mut random);
        }
        assert_eq!(sums, array![200.0, 500.0]);
    }

    #[test]
    fn probabilities_are_finite_at_both_ends() {
        let predictors = array![[800.0, 0.0], [-800.0, -900.0], [0.0, 0.0]];
        let means = Family::Multinomial.link().inverse_table(predictors.view());
        let third = 1.0 / 3.0;
        let expected: Array2<f64> = array![[1.0, 0.0], [0.0, 0.0], [third, third]];
        assert_relative_eq!(means, expected, epsilon = 1e-15);
    }
}

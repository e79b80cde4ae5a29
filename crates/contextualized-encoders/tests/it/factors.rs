//! Networks of few factors.

use contextualized_core::Error;
use contextualized_encoders::{Contextualized, FactorWeights, Factors, Linear};
use ndarray::{Array2, Axis, array};

#[test]
fn slopes_are_those_of_factors_spread_by_loadings() {
    let head = Factors::<usize>::new(2, 2, 4, 7).unwrap();
    let weights = head.to_weights().unwrap();
    let network = Contextualized::new(Linear::new(1, 2, 1).unwrap(), head).unwrap();
    let codes = array![[0.5, -2.0], [1.0, 0.0]];
    let found = network.coefficients_of_codes(codes.view()).unwrap();
    let loadings = weights.loadings();
    for column in loadings.columns() {
        assert!((column.sum() - 1.0).abs() < 1e-14 && column.iter().all(|l| *l > 0.0));
    }
    let sums = loadings.sum_axis(Axis(1)).insert_axis(Axis(1));
    let means = &loadings / &sums;
    for (row, code) in codes.rows().into_iter().enumerate() {
        let latent = weights
            .latent
            .slopes
            .outer_iter()
            .zip(code)
            .fold(Array2::zeros((2, 2)), |sum, (archetype, z)| {
                sum + &archetype * *z
            });
        let expected = means.t().dot(&latent).dot(&loadings);
        for (found, expected) in found
            .slopes()
            .index_axis(Axis(0), row)
            .iter()
            .zip(&expected)
        {
            assert!((found - expected).abs() < 1e-15);
        }
        for (found, expected) in found
            .offsets()
            .row(row)
            .iter()
            .zip(&code.dot(&weights.offsets))
        {
            assert!((found - expected).abs() < 1e-15);
        }
    }
    let rebuilt = Factors::<usize>::from_weights(&weights).unwrap();
    assert_eq!(rebuilt.to_weights().unwrap(), weights);
}

#[test]
fn numbers_that_contradict_each_other_are_refused() {
    assert!(matches!(
        Factors::<usize>::new(2, 4, 4, 0),
        Err(Error::InvalidParameter {
            parameter: "factors",
            ..
        })
    ));
    let weights = Factors::<usize>::new(2, 2, 4, 0)
        .unwrap()
        .to_weights()
        .unwrap();
    let refused = |change: &dyn Fn(&mut FactorWeights)| {
        let mut weights = weights.clone();
        change(&mut weights);
        Factors::<usize>::from_weights(&weights).is_err()
    };
    assert!(!refused(&|_| {}));
    assert!(refused(&|weights| weights.loadings = Array2::zeros((3, 4))));
    assert!(refused(&|weights| weights.loadings[[0, 1]] = f64::NAN));
    assert!(refused(&|weights| weights.offsets = Array2::zeros((2, 3))));
    assert!(refused(&|weights| weights.offsets = Array2::zeros((1, 4))));
    assert!(refused(
        &|weights| weights.latent.offsets = Some(Array2::zeros((2, 2)))
    ));
}

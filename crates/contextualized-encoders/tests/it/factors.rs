//! Networks of few factors.

use contextualized_core::Error;
use contextualized_encoders::{Contextualized, Factors, Linear, Snapshot};
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
            .intercepts()
            .row(row)
            .iter()
            .zip(&code.dot(&weights.intercepts))
        {
            assert!((found - expected).abs() < 1e-15);
        }
    }
    let mut head = network.head().clone();
    let mut rebuilt = Factors::<usize>::new(2, 2, 4, 8).unwrap();
    Snapshot::of(&mut head)
        .unwrap()
        .restore(&mut rebuilt)
        .unwrap();
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
    let numbers = Snapshot::of(&mut Factors::<usize>::new(2, 2, 4, 0).unwrap()).unwrap();
    let refused = |archetypes, factors, variables| {
        let mut other = Factors::<usize>::new(archetypes, factors, variables, 0).unwrap();
        numbers.restore(&mut other).is_err()
    };
    assert!(!refused(2, 2, 4));
    assert!(refused(2, 3, 4) && refused(2, 2, 3) && refused(1, 2, 4));
    let mut wrong = numbers.clone();
    *wrong.values_mut().last().unwrap() = f64::NAN;
    let mut same = Factors::<usize>::new(2, 2, 4, 0).unwrap();
    assert!(wrong.restore(&mut same).is_err());
}

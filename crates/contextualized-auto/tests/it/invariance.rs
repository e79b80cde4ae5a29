//! What a fit does not depend on: units and origins, the order of rows and columns, and for constant coefficients
//! any invertible map of the features.

use approx::assert_relative_eq;
use contextualized_baselines::{ClusterRegression, PopulationRegression};
use contextualized_core::{
    Coefficients, DynEstimator, Estimator, LocalCoefficients, Samples, VaryingCoefficients,
    WithUncertainty,
};
use contextualized_linear::{GaussianProcessRegression, NeuralRegression};
use ndarray::{Array1, Array2, ArrayView2, Axis, array, s};
use proptest::prelude::*;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Two contexts, one of them skewed, two features and a target whose first slope varies.
fn tables(rows: usize, seed: u64) -> [Array2<f64>; 3] {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut normal = |columns: usize| {
        Array2::from_shape_simple_fn((rows, columns), || -> f64 {
            StandardNormal.sample(&mut generator)
        })
    };
    let (mut c, x, noise) = (normal(2), normal(2), normal(1));
    let y = Array2::from_shape_fn((rows, 1), |(i, _)| {
        let slope = 1.0 + (1.5 * c[[i, 0]]).sin();
        slope * x[[i, 0]] - x[[i, 1]] + 0.5 + 0.3 * noise[[i, 0]]
    });
    c.column_mut(1).mapv_inplace(|v| (1.5 * v).exp());
    [c, x, y]
}

fn samples([c, x, y]: &[Array2<f64>; 3]) -> Samples {
    Samples::new(c.view(), x.view(), y.view()).unwrap()
}

fn predictions(estimator: &dyn DynEstimator, tables: &[Array2<f64>; 3]) -> Array2<f64> {
    let samples = samples(tables);
    let model = estimator.fit_boxed(&samples).unwrap();
    model.predict_samples(&samples).unwrap()
}

/// The largest difference, over the deviation of the targets.
fn off(one: &Array2<f64>, other: &Array2<f64>, unit: f64) -> f64 {
    let difference = one - other;
    difference.iter().fold(0.0_f64, |most, v| most.max(v.abs())) / unit
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]
    #[test]
    fn units_and_origins_do_not_matter(
        seed in 0_u64..1000,
        logs in prop::collection::vec(-3.0_f64..3.0, 3),
        origins in prop::collection::vec(-20.0_f64..20.0, 3),
    ) {
        let plain = tables(80, seed);
        let changed: Vec<Array2<f64>> = (0..3)
            .map(|of| (&plain[of] + origins[of]) * logs[of].exp())
            .collect();
        let changed = [changed[0].clone(), changed[1].clone(), changed[2].clone()];
        let spread = plain[2].std(0.0);
        let neural = NeuralRegression::new().epochs(5).seed(1);
        let estimators: [(&str, Box<dyn DynEstimator>); 4] = [
            ("population", Box::new(PopulationRegression::new())),
            ("clusters", Box::new(ClusterRegression::new().clusters(3).seed(1))),
            ("gp", Box::new(GaussianProcessRegression::new())),
            ("neural", Box::new(neural)),
        ];
        for (name, estimator) in estimators {
            let expected = predictions(&*estimator, &plain);
            let found = predictions(&*estimator, &changed) / logs[2].exp() - origins[2];
            let off = off(&found, &expected, spread);
            prop_assert!(off < 1e-6, "{name}: {off}");
        }
    }

    #[test]
    fn the_order_of_rows_and_columns_does_not_matter(seed in 0_u64..1000) {
        let plain = tables(80, seed);
        let mut order: Vec<usize> = (0..80).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let rows = plain.clone().map(|table| table.select(Axis(0), &order));
        let [c, x, y] = plain.clone();
        let columns = [c.slice(s![.., ..;-1]).to_owned(), x.slice(s![.., ..;-1]).to_owned(), y];
        let spread = plain[2].std(0.0);
        let estimators: [(&str, Box<dyn DynEstimator>); 2] = [
            ("population", Box::new(PopulationRegression::new())),
            ("gp", Box::new(GaussianProcessRegression::new())),
        ];
        for (name, estimator) in estimators {
            let expected = predictions(&*estimator, &plain);
            let by_rows = predictions(&*estimator, &rows);
            let moved = off(&by_rows, &expected.select(Axis(0), &order), spread);
            prop_assert!(moved < 1e-6, "{name}, rows: {moved}");
            let moved = off(&predictions(&*estimator, &columns), &expected, spread);
            prop_assert!(moved < 1e-6, "{name}, columns: {moved}");
        }
    }
}

fn constants(coefficients: &Coefficients) -> (Array1<f64>, f64) {
    let slopes = coefficients.slopes().slice(s![0, 0, ..]).to_owned();
    (slopes, coefficients.intercepts()[[0, 0]])
}

/// y = B x: features M x have coefficients M⁻ᵀ b.
fn mapped(
    estimator: &impl Estimator<Model = impl VaryingCoefficients>,
    map: ArrayView2<'_, f64>,
) -> (f64, f64) {
    let [c, x, _] = tables(100, 3);
    let y = Array2::from_shape_fn((100, 1), |(i, _)| {
        2.0 * x[[i, 0]] - x[[i, 1]] + (7.0 * i as f64).sin()
    });
    let of = |features: &Array2<f64>| {
        let model = estimator
            .fit(&samples(&[c.clone(), features.clone(), y.clone()]))
            .unwrap();
        constants(&model.coefficients(c.slice(s![..1, ..])).unwrap())
    };
    let (plain, intercept) = of(&x);
    let (found, other) = of(&x.dot(&map.t()));
    let back = map.t().dot(&found);
    let difference = (&back - &plain)
        .iter()
        .fold(0.0_f64, |most, v| most.max(v.abs()));
    (difference / plain[0].abs(), (intercept - other).abs())
}

#[test]
fn constant_coefficients_follow_any_map_of_the_features() {
    // Conditions of 1, 20 and 10⁴.
    for map in [
        array![[0.6, 0.8], [-0.8, 0.6]],
        array![[1.0, 0.9], [1.0, 1.1]],
        array![[1.0, 1.0], [1.0, 1.0004]],
    ] {
        let (slopes, intercept) = mapped(&PopulationRegression::new(), map.view());
        assert!(slopes < 1e-6 && intercept < 1e-6, "{slopes} {intercept}");
    }
}

/// t = 2010 ± 10 with t² and a context that matters to nothing: the population's curve, but for where chance makes
/// something vary, at up to three in the logarithm of the marginal likelihood. In 11 of 200 data sets that moves the
/// average coefficient by more than 0.2 of its standard error, by 0.34 at most. Not to let a coefficient vary that gains
/// less was tried: at three it is 2 of 200, but where a slope is 0.2 c, errors of 300 rows rise by half.
#[test]
fn polynomials_of_a_year_are_those_of_the_population() {
    let mut off = Vec::new();
    for seed in 0..20 {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        let years: Vec<f64> = (0..200)
            .map(|_| 2010.0 + generator.gen_range(-10.0..10.0))
            .collect();
        let mut normal = || -> f64 { StandardNormal.sample(&mut generator) };
        let x = Array2::from_shape_fn((200, 2), |(i, of)| years[i].powi(of as i32 + 1));
        let y = Array2::from_shape_fn((200, 1), |(i, _)| {
            0.3 * (years[i] - 2010.0).powi(2) + normal()
        });
        let c = Array2::from_shape_simple_fn((200, 1), &mut normal);
        let samples = Samples::new(c.view(), x.view(), y.view()).unwrap();
        let population = PopulationRegression::new().fit(&samples).unwrap();
        let process = GaussianProcessRegression::new().fit(&samples).unwrap();
        let at = c.slice(s![..1, ..]);
        let (expected, _) = constants(&population.coefficients(at).unwrap());
        let (found, _) = constants(&process.coefficients(at).unwrap());
        let error = population.standard_errors(at).unwrap().slopes()[[0, 0, 1]];
        assert_relative_eq!(expected[1], 0.3, epsilon = 0.02);
        off.push((found[1] - expected[1]).abs() / error);
    }
    off.sort_by(f64::total_cmp);
    assert!(off[13] < 1e-6 && off[18] < 0.2 && off[19] < 0.4, "{off:?}");
}

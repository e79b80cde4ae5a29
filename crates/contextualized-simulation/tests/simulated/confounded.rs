//! Data with a treatment that is confounded.

use contextualized_core::Error;
use contextualized_simulation::ConfoundedSetting;

#[test]
fn outcome_and_treatment_have_their_means() {
    const ROWS: usize = 20_000;
    for setting in ConfoundedSetting::ALL {
        let data = setting.simulate(ROWS, 6, 1.0, 1).unwrap();
        let mean_square = |of: &dyn Fn(usize) -> f64| (0..ROWS).map(of).sum::<f64>() / ROWS as f64;
        let outcome = data.samples.targets();
        // What is left of the outcome is noise of variance one, of the treatment that of its probability.
        let noise = mean_square(&|row| {
            let deviation = data.treatment[row] - data.propensities[row];
            (outcome[[row, 0]] - data.means[row] - deviation * data.effects[row]).powi(2)
        });
        assert!((noise - 1.0).abs() < 0.05, "{}: {noise}", setting.name());
        let left = mean_square(&|row| {
            let p = data.propensities[row];
            (data.treatment[row] - p).powi(2) - p * (1.0 - p)
        });
        assert!(left.abs() < 0.01, "{}: {left}", setting.name());
    }
}

#[test]
fn functions_are_those_that_were_published() {
    use ConfoundedSetting::{A, B, C, D};
    let c = [0.5, 1.0, 0.25, -2.0, 3.0];
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
    close(A.baseline(&c), 1.0 + 0.125 - 2.0 + 1.5);
    close(A.propensity(&c), 0.9);
    close(A.effect(&c), 0.75);
    close(B.baseline(&c), 1.5 + 1.0);
    close(B.propensity(&c), 0.5);
    close(B.effect(&c), 0.5 + 1.0_f64.exp().ln_1p());
    close(C.baseline(&c), 2.0 * 1.75_f64.exp().ln_1p());
    close(C.propensity(&c), 1.0 / (1.0 + 1.25_f64.exp()));
    close(C.effect(&c), 1.0);
    close(D.baseline(&c), (1.75 + 1.0) / 2.0);
    close(
        D.propensity(&c),
        1.0 / (1.0 + (-0.5_f64).exp() + (-1.0_f64).exp()),
    );
    close(D.effect(&c), 1.75 - 1.0);
}

#[test]
fn impossible_data_are_refused() {
    let simulate = |rows, contexts, noise| {
        let found = ConfoundedSetting::B.simulate(rows, contexts, noise, 0);
        found.map(|data| data.samples.rows()).unwrap_err()
    };
    assert_eq!(
        simulate(10, 4, 1.0).to_string(),
        "contexts is 4, but must be at least 5"
    );
    assert!(simulate(10, 5, -1.0).to_string().starts_with("noise is -1"));
    assert!(matches!(simulate(0, 5, 1.0), Error::NoRows { .. }));
}

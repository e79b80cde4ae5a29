//! Threads and files change nothing.

use crate::levels;
use crate::problem::{Problem, known};
use contextualized_core::{Family, WeightedContexts};
use contextualized_gp::{CoefficientProcess, FittedProcess, Kernel, Method, Sharing, Size};
use ndarray::{Array2, array};
use serde_json::Value;

/// All numbers of an answer.
fn answers(fitted: &FittedProcess, at: &Array2<f64>) -> Vec<u64> {
    let effect = fitted.partial_effect(0, at.view()).unwrap();
    let weights = at.slice(ndarray::s![.., ..1]).t().to_owned();
    let sums = WeightedContexts::new(at.clone(), weights).unwrap();
    let sums = fitted.sums(&sums, None).unwrap();
    fitted
        .coefficients(at.view())
        .unwrap()
        .iter()
        .chain(&fitted.covariances(at.view()).unwrap())
        .chain(&fitted.draws(at.view(), 2, 1, None).unwrap())
        .chain(&effect.means)
        .chain(&effect.variances())
        .chain(&sums.means)
        .chain(&sums.covariances)
        .map(|value| value.to_bits())
        .collect()
}

fn on_threads<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    pool.install(run)
}

fn assert_same_on_threads(problem: &Problem, process: &CoefficientProcess, exact: bool) {
    let at = problem.contexts.slice(ndarray::s![..70, ..]).to_owned();
    let run = |threads| {
        on_threads(threads, || {
            let fitted = problem.fit(process);
            assert_eq!(fitted.report().method == Method::Exact, exact);
            (answers(&fitted, &at), fitted)
        })
    };
    let (one, two) = (run(1), run(2));
    assert!(one == two);
}

#[test]
fn one_and_two_threads_by_all_rows() {
    let problem = Problem::new(600, 2, 2, 2, 0.3, 1);
    let process = CoefficientProcess::new(Kernel::matern52([0, 1]))
        .size(Size::Exact)
        .sharing(Sharing::Shared)
        .tolerance(1.0)
        .max_iterations(2);
    assert_same_on_threads(&problem, &process, true);
}

#[test]
fn one_and_two_threads_by_a_basis() {
    let problem = Problem::new(20_000, 2, 2, 1, 0.3, 2);
    let process = CoefficientProcess::new(Kernel::squared_exponential([0]))
        .size(Size::LowRank { functions: 30 });
    assert_same_on_threads(&problem, &process, false);
}

#[test]
fn one_and_two_threads_by_levels() {
    let problem = levels::problem(6_000, 1_500, 6);
    let process = CoefficientProcess::new(of_levels()).hyperparameters(known(
        &[0.7, 1.2, 0.9],
        2,
        2,
        0.5,
        &[1.0],
    ));
    assert_same_on_threads(&problem, &process, false);
    let problem = levels::problem(3_000, 40, 7);
    let process = CoefficientProcess::new(Kernel::categorical([0]));
    assert_same_on_threads(&problem, &process, false);
}

/// A product of a factor with a number, and the factor alone.
fn of_levels() -> Kernel {
    let factor = || Kernel::categorical([0]);
    Kernel::squared_exponential([1]) * factor() + factor()
}

#[test]
fn one_and_two_threads_with_binary_targets() {
    let problem = |rows| Problem::new(rows, 1, 2, 1, 0.0, 3).binary(|c, x| c[0] * x[0], 3);
    let process = CoefficientProcess::new(Kernel::squared_exponential([0]))
        .family(Family::Binomial)
        .sharing(Sharing::Shared)
        .tolerance(1.0)
        .max_iterations(3);
    assert_same_on_threads(&problem(150), &process, true);
    // Beyond the rows that are kept, by a basis.
    let process = process.hyperparameters(known(&[0.8], 2, 1, 1.0, &[1.0]));
    let rows = CoefficientProcess::EXACT_LAPLACE_ROWS + 500;
    assert_same_on_threads(&problem(rows), &process, false);
}

fn fits() -> Vec<(FittedProcess, &'static str)> {
    let gaussian = Problem::new(60, 2, 2, 2, 0.3, 4).weighted(|i| 1.0 + (i % 3) as f64 / 3.0);
    let binary = Problem::new(60, 2, 2, 1, 0.0, 5).binary(|c, x| c[0] * x[0], 5);
    let kernel = Kernel::squared_exponential([0]) + Kernel::periodic(1, 2.5);
    let process = || CoefficientProcess::new(kernel.clone());
    let hyper = |scales: &[f64]| known(&[0.7, 0.9], 2, 2, 0.3, scales);
    let basis = Size::LowRank { functions: 20 };
    let bernoulli = || process().family(Family::Binomial);
    vec![
        (gaussian.fit(&process()), "estimated"),
        (gaussian.fit(&process().plug_in()), "plug-in"),
        (
            gaussian.fit(&process().hyperparameters(hyper(&[1.0, 2.0])).size(basis)),
            "by a basis",
        ),
        (binary.fit(&bernoulli()), "binary"),
        (
            binary.fit(&bernoulli().hyperparameters(hyper(&[1.0])).size(basis)),
            "binary, by a basis",
        ),
        (
            levels::problem(600, 30, 8).fit(
                &CoefficientProcess::new(of_levels()).hyperparameters(known(
                    &[0.7, 1.2, 0.9],
                    2,
                    2,
                    0.5,
                    &[1.0],
                )),
            ),
            "by levels",
        ),
    ]
}

#[test]
fn a_reloaded_fit_gives_the_same_bits() {
    let at = array![[0.3, -0.2], [-1.0, 2.0], [4.0, 4.0]];
    for (fitted, what) in fits() {
        let text = serde_json::to_string(&fitted).unwrap();
        let reloaded: FittedProcess = serde_json::from_str(&text).unwrap();
        assert!(fitted == reloaded, "{what}");
        assert_eq!(answers(&fitted, &at), answers(&reloaded, &at), "{what}");
    }
}

#[test]
fn hyperparameters_that_were_found_are_kept_in_the_file() {
    for (fitted, what) in fits() {
        let found = fitted.hyperparameter_mixture().unwrap().to_vec();
        let file = serde_json::to_value(&fitted).unwrap();
        assert_eq!(
            file["mixture"].as_array().map(Vec::len),
            Some(found.len()),
            "{what}"
        );
        let reloaded: FittedProcess = serde_json::from_value(file.clone()).unwrap();
        assert_eq!(reloaded.hyperparameter_mixture().unwrap(), found, "{what}");
        let mut altered = file;
        altered["mixture"][0][0] = Value::from(-0.5);
        assert!(serde_json::from_value::<FittedProcess>(altered).is_err());
    }
}

/// The paths of all arrays of the file's own kind, `{v, dim, data}`.
fn tables(value: &Value, path: &str, out: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if fields.contains_key("dim") && fields.contains_key("data") {
                out.push(path.to_owned());
            }
            for (key, value) in fields {
                tables(value, &format!("{path}/{key}"), out);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                tables(value, &format!("{path}/{index}"), out);
            }
        }
        _ => {}
    }
}

/// Reads a file, and asks everything of what was read.
fn read(file: &Value) -> Result<(), String> {
    let text = serde_json::to_string(file).unwrap();
    let fitted: FittedProcess = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    let at = array![[0.3, -0.2], [-1.0, 2.0]];
    let _ = fitted.coefficients(at.view());
    let _ = fitted.covariances(at.view());
    let _ = fitted.draws(at.view(), 1, 1, None);
    let _ = fitted.partial_effect(1, at.view());
    let _ = fitted.noise_variances();
    Ok(())
}

fn shrunk(table: &Value, axis: usize) -> Option<Value> {
    let mut dims: Vec<u64> = match &table["dim"] {
        Value::Array(dims) => dims.iter().map(|d| d.as_u64().unwrap()).collect(),
        dim => vec![dim.as_u64().unwrap()],
    };
    *dims.get_mut(axis)? -= 1;
    let length = dims.iter().product::<u64>() as usize;
    let mut out = table.clone();
    out["dim"] = match dims.as_slice() {
        [one] if !table["dim"].is_array() => Value::from(*one),
        dims => Value::from(dims.to_vec()),
    };
    out["data"] = Value::Array(table["data"].as_array().unwrap()[..length].to_vec());
    Some(out)
}

#[test]
fn files_whose_tables_changed_shape_are_refused() {
    for (fitted, what) in fits() {
        let file = serde_json::to_value(&fitted).unwrap();
        let mut paths = Vec::new();
        tables(&file, "", &mut paths);
        assert!(paths.len() > 5);
        for path in paths {
            for axis in 0..2 {
                let Some(changed) = shrunk(file.pointer(&path).unwrap(), axis) else {
                    continue;
                };
                let mut file = file.clone();
                *file.pointer_mut(&path).unwrap() = changed;
                assert!(read(&file).is_err(), "{what}: {path} along {axis}");
            }
            let mut missing = file.clone();
            if let Some(first) = missing.pointer_mut(&format!("{path}/data/0")) {
                *first = Value::Null;
                assert!(read(&missing).is_err(), "{what}: {path} with a hole");
            }
        }
    }
}

#[test]
fn files_whose_parts_contradict_each_other_are_refused() {
    let all = fits();
    let estimated = |what: &str| {
        let (fitted, _) = all.iter().find(|(_, name)| *name == what).unwrap();
        serde_json::to_value(fitted).unwrap()
    };
    let cases: Vec<(&str, &str, Value)> = vec![
        ("estimated", "/contexts", Value::from(3)),
        ("estimated", "/contexts", Value::from(1)),
        ("estimated", "/hyper/noise", Value::from(0.0)),
        ("estimated", "/hyper/noise", Value::Null),
        ("estimated", "/kernel/terms", Value::Array(vec![])),
        (
            "estimated",
            "/kernel/terms/1/factors/0/columns/0",
            Value::from(7),
        ),
        ("estimated", "/uncertainty/layout/terms", Value::from(1)),
        ("estimated", "/uncertainty/layout/sets", Value::from(5)),
        ("estimated", "/uncertainty/layout/scales", Value::from(1)),
        ("estimated", "/uncertainty/layout/noise", Value::from(false)),
        (
            "estimated",
            "/uncertainty/priors/inverse_length_scale",
            Value::from(-1.0),
        ),
        ("estimated", "/uncertainty/start/0", Value::Null),
        ("estimated", "/uncertainty/start", Value::from(vec![0.0])),
        ("estimated", "/family", Value::from("binomial")),
        ("binary", "/family", Value::from("gaussian")),
        ("binary, by a basis", "/family", Value::from("gaussian")),
        (
            "by a basis",
            "/engine/parts/0/LowRank/constants/precision",
            Value::from(-1.0),
        ),
        (
            "by a basis",
            "/engine",
            estimated("estimated")["engine"].clone(),
        ),
        ("by a basis", "/engine/parts", Value::Array(vec![])),
        (
            "by a basis",
            "/engine/parts/0/LowRank/coefficients",
            Value::from(1),
        ),
        ("binary", "/engine/parts", Value::Array(vec![])),
        (
            "by levels",
            "/engine/parts/0/Levels/factor/column",
            Value::from(1),
        ),
        (
            "by levels",
            "/engine/parts/0/Levels/factor/levels/1",
            Value::from(0.0),
        ),
        (
            "by levels",
            "/engine/parts/0/Levels/factor/positions/1",
            Value::Array(vec![]),
        ),
        ("by levels", "/engine/parts/0/Levels/ends/3", Value::from(0)),
        (
            "by levels",
            "/engine/parts/0/Levels/coefficients",
            Value::from(3),
        ),
        ("by levels", "/family", Value::from("binomial")),
    ];
    for (what, path, value) in cases {
        let mut file = estimated(what);
        *file.pointer_mut(path).unwrap_or_else(|| panic!("{path}")) = value;
        assert!(read(&file).is_err(), "{what}: {path}");
    }
    // A noise that binary targets do not have: the layout is one longer than the gradient.
    let mut file = estimated("binary");
    let start = file.pointer_mut("/uncertainty/start").unwrap();
    start.as_array_mut().unwrap().push(Value::from(0.0));
    file["uncertainty"]["layout"]["noise"] = Value::from(true);
    assert!(read(&file).is_err());
    // Two parts for targets of a family that has one part for all.
    let mut file = estimated("by a basis");
    let part = file["engine"]["parts"][0].clone();
    file["engine"]["parts"] = Value::from(vec![part.clone(), part]);
    assert!(read(&file).is_err());
    // Parts of different kinds.
    let mut file = estimated("binary");
    let other = estimated("binary, by a basis")["engine"]["parts"][0].clone();
    file["engine"]["parts"].as_array_mut().unwrap().push(other);
    file["hyper"]["scales"] = estimated("estimated")["hyper"]["scales"].clone();
    assert!(read(&file).is_err());
}

//! Temporary measuring of designs.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]
use contextualized_core::*;
use contextualized_trees::TreeRegression;
use ndarray::{Array1, Array2, Axis};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use std::f64::consts::PI;

/// Contexts, features, targets, true coefficients (n x (1 + p)), intercept first.
struct Data {
    c: Array2<f64>,
    x: Array2<f64>,
    y: Array2<f64>,
    b: Array2<f64>,
    relevant: Vec<Vec<usize>>,
    factor: bool,
    mu: Array1<f64>,
}

fn truth_a(z: &[f64]) -> Vec<f64> {
    let i = |b: bool| f64::from(u8::from(b));
    let (z1, z2, z3, z4, z5) = (z[0], z[1], z[2], z[3], z[4]);
    vec![
        3.0 * z1 + (2.0 - 5.0 * i(z2 > 0.5)) * (PI * z1).sin() - 2.0 * i(z2 > 0.5),
        (2.0 * z1 + 0.5).sin() / (4.0 * z1 + 1.0) + (2.0 * z1 - 0.5).powi(3),
        (3.0 - 3.0 * (6.0 * PI * z1).cos() * z1 * z1) * i(z1 > 0.6)
            - 10.0 * z1.sqrt() * i(z1 < 0.25),
        1.0,
        10.0 * (PI * z1 * z2).sin() + 20.0 * (z3 - 0.5).powi(2) + 10.0 * z4 + 5.0 * z5,
        ((0.9 * (z1 + 0.48)).powi(10)).sin().exp() + z2 * z3 + z4,
    ]
}

fn data(design: &str, n: usize, sigma: f64, seed: u64, test: bool) -> Data {
    // The design's own numbers come from the seed, rows of the test set from another one.
    let mut own = ChaCha8Rng::seed_from_u64(seed);
    let mut g = ChaCha8Rng::seed_from_u64(if test {
        1_000_000 + seed
    } else {
        2_000_000 + seed
    });
    let normal = |g: &mut ChaCha8Rng| -> f64 { g.sample(StandardNormal) };
    let uniform = |g: &mut ChaCha8Rng, a: f64, b: f64| a + (b - a) * g.r#gen::<f64>();
    let (nc, p) = match design {
        "A" => (20, 5),
        "E" => (2, 20),
        "step" => (2, 1),
        "factor" => (60, 1),
        "null" => (8, 2),
        "smooth" => (3, 2),
        "logit" => (5, 2),
        _ => panic!(),
    };
    let centres: Vec<[f64; 2]> = (0..20)
        .map(|_| [uniform(&mut own, -1.0, 1.0), uniform(&mut own, -1.0, 1.0)])
        .collect();
    let radii: Vec<f64> = centres
        .iter()
        .map(|c| {
            let mut d: Vec<f64> = (0..20000)
                .map(|_| {
                    let a = uniform(&mut own, -1.0, 1.0);
                    let b = uniform(&mut own, -1.0, 1.0);
                    ((a - c[0]).powi(2) + (b - c[1]).powi(2)).sqrt()
                })
                .collect();
            d.sort_by(f64::total_cmp);
            d[2000]
        })
        .collect();
    let (mut c, mut x) = (Array2::zeros((n, nc)), Array2::zeros((n, p)));
    let (mut y, mut b) = (Array2::zeros((n, 1)), Array2::zeros((n, p + 1)));
    let mut mus = Array1::zeros(n);
    for i in 0..n {
        match design {
            "A" | "logit" | "smooth" => (0..nc).for_each(|j| c[[i, j]] = g.r#gen::<f64>()),
            "E" | "step" => (0..nc).for_each(|j| c[[i, j]] = uniform(&mut g, -1.0, 1.0)),
            "factor" => c[[i, g.gen_range(0..60)]] = 1.0,
            _ => (0..nc).for_each(|j| c[[i, j]] = normal(&mut g)),
        }
        let mut last = 0.0;
        for j in 0..p {
            let e = normal(&mut g);
            last = if design == "A" && j > 0 {
                0.5 * last + 0.75_f64.sqrt() * e
            } else {
                e
            };
            x[[i, j]] = last;
        }
        let z = c.row(i).to_vec();
        let beta: Vec<f64> = match design {
            "A" => truth_a(&z),
            "E" => std::iter::once(0.0)
                .chain((0..20).map(|j| {
                    f64::from(u8::from(
                        ((z[0] - centres[j][0]).powi(2) + (z[1] - centres[j][1]).powi(2)).sqrt()
                            < radii[j],
                    ))
                }))
                .collect(),
            "step" => vec![
                if z[0] > 0.2 { 1.5 } else { -0.5 },
                if z[1] > -0.3 && z[0] < 0.5 { 1.0 } else { -1.0 },
            ],
            "factor" => {
                let l = z.iter().position(|v| *v > 0.5).unwrap();
                vec![0.0, [-1.5, -0.5, 0.5, 1.5][(l * 7) % 4]]
            }
            "null" => vec![1.0, 1.0, -0.5],
            "smooth" => vec![(2.0 * PI * z[0]).sin(), z[1], 1.0],
            _ => vec![2.0 * z[0] - 1.0, if z[1] > 0.5 { 1.5 } else { -1.0 }, 0.5],
        };
        let mu = beta[0] + (0..p).map(|j| beta[j + 1] * x[[i, j]]).sum::<f64>();
        mus[i] = mu;
        y[[i, 0]] = if design == "logit" {
            f64::from(u8::from(g.r#gen::<f64>() < 1.0 / (1.0 + (-mu).exp())))
        } else {
            mu + sigma * normal(&mut g)
        };
        b.row_mut(i).assign(&Array1::from_vec(beta));
    }
    let relevant = match design {
        "A" => vec![
            vec![0, 1],
            vec![0],
            vec![0],
            vec![],
            vec![0, 1, 2, 3, 4],
            vec![0, 1, 2, 3],
        ],
        _ => vec![],
    };
    Data {
        c,
        x,
        y,
        b,
        relevant,
        factor: design == "factor",
        mu: mus,
    }
}

/// Seconds of processor time.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    stat.rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .nth(11)
        .unwrap()
        .parse::<f64>()
        .unwrap()
        / 100.0
}

fn env(name: &str, default: usize) -> usize {
    std::env::var(name)
        .ok()
        .and_then(|v| v.parse().ok())
        .unwrap_or(default)
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (design, n, sigma) = (
        args[0].as_str(),
        args[1].parse::<usize>().unwrap(),
        args[2].parse::<f64>().unwrap(),
    );
    let mut all: Vec<[f64; 6]> = Vec::new();
    for seed in args[3].split(',').map(|s| s.parse::<u64>().unwrap()) {
        let train = data(design, n, sigma, seed, false);
        let test = if design == "E" {
            data(design, n, sigma, seed, false)
        } else {
            data(design, 1000, sigma, seed, true)
        };
        let mut samples = Samples::new(train.c.view(), train.x.view(), train.y.view()).unwrap();
        if train.factor {
            samples = samples.with_factors([("f", (0..60).collect())]).unwrap();
        }
        let family = if design == "logit" {
            Family::Binomial
        } else {
            Family::Gaussian
        };
        let estimator = TreeRegression::new()
            .family(family)
            .trees(env("TREES", 30))
            .chains(env("CHAINS", 4))
            .burn_in(env("BURN", 2000))
            .sweeps(env("SWEEPS", 2000))
            .soft(env("SOFT", 1) > 0)
            .seed(seed);
        let start = std::time::Instant::now();
        let cpu0 = cpu();
        let estimator: Box<dyn Fn() -> contextualized_trees::TreeModel> = if env("PART", 0) > 0 {
            let s = samples.clone();
            Box::new(move || estimator.fit_part(&s).unwrap())
        } else {
            let s = samples.clone();
            Box::new(move || estimator.fit(&s).unwrap())
        };
        let model = estimator();
        let fit = cpu() - cpu0;
        let found = model.coefficients(test.c.view()).unwrap();
        let intervals = model.intervals(test.c.view(), 0.95).unwrap();
        let (m, p) = (test.c.nrows(), test.x.ncols());
        let at = |c: &Coefficients, i: usize, j: usize| {
            if j == 0 {
                c.intercepts()[[i, 0]]
            } else {
                c.slopes()[[i, 0, j - 1]]
            }
        };
        let mut mse = vec![0.0; p + 1];
        let mut cover = 0.0;
        for i in 0..m {
            for j in 0..=p {
                mse[j] += (at(&found, i, j) - test.b[[i, j]]).powi(2) / m as f64;
                cover += f64::from(u8::from(
                    at(&intervals.lower, i, j) <= test.b[[i, j]]
                        && test.b[[i, j]] <= at(&intervals.upper, i, j),
                )) / (m * (p + 1)) as f64;
            }
        }
        let predicted = model
            .linear_predictor(test.c.view(), test.x.view())
            .unwrap();
        let out = model.outcome_intervals(test.c.view(), test.x.view(), 0.95);
        let outcover = out.map_or(f64::NAN, |o| {
            (0..m)
                .filter(|&i| o.lower[[i, 0]] <= test.y[[i, 0]] && test.y[[i, 0]] <= o.upper[[i, 0]])
                .count() as f64
                / m as f64
        });
        let rmse = ((&test.y - &predicted).mapv(|v| v * v).sum() / m as f64).sqrt();
        let total: f64 = mse.iter().sum::<f64>() / (p + 1) as f64;
        let (mut tp, mut fp, mut fnn) = (0.0, 0.0, 0.0);
        let names = model.relevance(0.9).unwrap();
        if !train.relevant.is_empty() {
            for r in &names {
                let j = if r.coefficient == "(intercept)" {
                    0
                } else {
                    1 + r.coefficient[1..].parse::<usize>().unwrap()
                };
                let v = r.context[1..].parse::<usize>().unwrap();
                let t = train.relevant[j].contains(&v);
                if std::env::var("SHOW").is_ok() && t != r.is_selected() {
                    println!(
                        "  b{j} c{v}: true {t} agreement {:.2} split {:.2} +- {:.2} effect {:.4} {:?}",
                        r.agreement, r.split_probability, r.standard_error, r.effect, r.interval
                    );
                }
                match (t, r.is_selected()) {
                    (true, true) => tp += 1.0,
                    (false, true) => fp += 1.0,
                    (true, false) => fnn += 1.0,
                    _ => (),
                }
            }
        }
        let f1 = 2.0 * tp / (2.0 * tp + fp + fnn);
        let r = &model.report().targets[0];
        let mus: f64 = (&predicted.column(0) - &test.mu).mapv(|v| v * v).sum();
        let rounded: Vec<f64> = mse
            .iter()
            .take(6)
            .map(|v| (v * 1e4).round() / 1e4)
            .collect();
        println!(
            "{design} n={n} sigma={sigma} seed={seed}: mse {total:.4} {rounded:?} cover {cover:.3} rmse {rmse:.3} y-cover {outcover:.3} norms {:.1} {:.1} f1 {f1:.3} noise {:?} rhat {:?} {:.3} ess {:.0} fit {fit:.1} CPU s, all {:.1} s; warn {}",
            (total * ((p + 1) * m) as f64).sqrt(),
            mus.sqrt(),
            model.noise().map(|n| n[0]).ok(),
            r.noise.map(|n| (n.r_hat * 1000.0).round() / 1000.0),
            r.coefficients_r_hat,
            r.coefficients_effective_size,
            start.elapsed().as_secs_f64(),
            model.report().warning().is_some()
        );
        all.push([total, cover, rmse, f1, fit, mus.sqrt()]);
    }
    let _ = Axis(0);
    let median = |k: usize| {
        let mut v: Vec<f64> = all.iter().map(|a| a[k]).collect();
        v.sort_by(f64::total_cmp);
        let n = v.len();
        (v[(n - 1) / 2] + v[n / 2]) / 2.0
    };
    println!(
        "MEDIAN {design} n={n} sigma={sigma}: mse {:.4} cover {:.3} rmse {:.3} f1 {:.3} fit {:.1} mu {:.1}",
        median(0),
        median(1),
        median(2),
        median(3),
        median(4),
        median(5)
    );
}

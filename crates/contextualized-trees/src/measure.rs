//! Temporary measuring.
#![allow(missing_docs, clippy::print_stdout)]
use crate::codes::ContextCodes;
use crate::sampler::{Chain, ChainSettings, Rows};
use contextualized_core::Samples;
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use std::f64::consts::PI;

pub fn truth_a(z: &[f64]) -> [f64; 6] {
    let i = |b: bool| f64::from(b);
    let (z1, z2, z3, z4, z5) = (z[0], z[1], z[2], z[3], z[4]);
    [
        3.0 * z1 + (2.0 - 5.0 * i(z2 > 0.5)) * (PI * z1).sin() - 2.0 * i(z2 > 0.5),
        (2.0 * z1 + 0.5).sin() / (4.0 * z1 + 1.0) + (2.0 * z1 - 0.5).powi(3),
        (3.0 - 3.0 * (6.0 * PI * z1).cos() * z1 * z1) * i(z1 > 0.6) - 10.0 * z1.sqrt() * i(z1 < 0.25),
        1.0,
        10.0 * (PI * z1 * z2).sin() + 20.0 * (z3 - 0.5).powi(2) + 10.0 * z4 + 5.0 * z5,
        ((0.9 * (z1 + 0.48)).powi(10)).sin().exp() + z2 * z3 + z4,
    ]
}

pub fn design_a(n: usize, sigma: f64, seed: u64) -> (Array2<f64>, Array2<f64>, Array2<f64>) {
    let mut g = ChaCha8Rng::seed_from_u64(seed);
    let mut c = Array2::zeros((n, 20));
    let mut x = Array2::zeros((n, 5));
    let mut y = Array2::zeros((n, 1));
    for i in 0..n {
        for j in 0..20 { c[[i, j]] = g.r#gen::<f64>(); }
        let mut last = 0.0;
        for j in 0..5 {
            let e: f64 = g.sample(StandardNormal);
            last = if j == 0 { e } else { 0.5 * last + (0.75f64).sqrt() * e };
            x[[i, j]] = last;
        }
        let row = c.row(i).to_vec();
        let b = truth_a(&row);
        let e: f64 = g.sample(StandardNormal);
        y[[i, 0]] = b[0] + (0..5).map(|j| b[j + 1] * x[[i, j]]).sum::<f64>() + sigma * e;
    }
    (c, x, y)
}

pub fn run_a(n: usize, sigma: f64, seed: u64, chains: usize, burn: usize, keep: usize, every: usize) {
    let (c, x, y) = design_a(n, sigma, seed);
    let samples = Samples::new(c.view(), x.view(), y.view()).unwrap();
    let (tc, _, _) = design_a(1000, sigma, 1000 + seed);
    let mean = y.mean().unwrap();
    let sd = y.std(0.0);
    let contexts = ContextCodes::observed(&samples);
    let rows = Rows {
        codes: contexts.of(c.view()),
        contexts: &contexts,
        features: std::iter::once(vec![1.0; n]).chain((0..5).map(|j| x.column(j).to_vec())).collect(),
        targets: y.iter().map(|v| (v - mean) / sd).collect(),
        weights: None,
    };
    let test = contexts.of(tc.view());
    let m = 1000;
    let mut draws: Vec<Vec<f32>> = Vec::new();
    let start = std::time::Instant::now();
    let mut sampling = 0.0;
    let mut used = 0usize;
    let mut totalc: Vec<f64> = vec![];
    for chain in 0..chains {
        let mut own = Chain::new(&rows, ChainSettings { seed: seed * 100 + chain as u64, ..ChainSettings::default() });
        for s in 0..burn + keep {
            let t0 = std::time::Instant::now();
            own.sweep();
            sampling += t0.elapsed().as_secs_f64();
            if s >= burn && (s - burn) % every == 0 {
                let mut d = Vec::with_capacity(6 * m);
                for (j, e) in own.ensembles.iter().enumerate() {
                    for i in 0..m {
                        let v: f64 = e.trees().map(|t| t.value_at(|v| f32::from(test[v][i]))).sum::<f64>();
                        let v = (v + own.constants[j]) * sd + if j == 0 { mean } else { 0.0 };
                        d.push(v as f32);
                    }
                }
                draws.push(d);
                used += 1;
            }
        }
        for (j, e) in own.ensembles.iter().enumerate() {
            let leaves: usize = e.trees().map(|t| t.leaves().len()).sum();
            if chain == 0 { println!("coef {j}: leaves {leaves} tau {:.3} acc {:?} of {:?} splits {:?}", e.scale.variance.sqrt(), e.accepted, e.proposed, e.weights.splits); }
        }
        // chain mean
        let k = draws.len() - used; let _ = k;
        let mut se = 0.0;
        for j in 0..6 { for i in 0..m {
            let per = keep.div_ceil(every);
            let mu: f64 = draws[draws.len()-per..].iter().map(|d| d[j*m+i] as f64).sum::<f64>() / per as f64;
            let z = tc.row(i).to_vec();
            se += (mu - truth_a(&z)[j]).powi(2);
        } }
        totalc.push(se / (6 * m) as f64);
        println!("chain {chain} sigma {:.3} mse {:.4}", own.noise.variance.sqrt() * sd, se / (6 * m) as f64);
    }
    let mut mse = [0.0; 6];
    let mut cover = [0.0; 6];
    let mut width = [0.0; 6];
    for j in 0..6 {
        for i in 0..m {
            let mut v: Vec<f64> = draws.iter().map(|d| f64::from(d[j * m + i])).collect();
            let mu = v.iter().sum::<f64>() / v.len() as f64;
            let z = tc.row(i).to_vec();
            let t = truth_a(&z)[j];
            mse[j] += (mu - t).powi(2) / m as f64;
            v.sort_by(f64::total_cmp);
            let (lo, hi) = (v[(0.025 * v.len() as f64) as usize], v[(0.975 * v.len() as f64) as usize]);
            cover[j] += f64::from(lo <= t && t <= hi) / m as f64;
            width[j] += (hi - lo) / m as f64;
        }
    }
    println!(
        "A n={n} sigma={sigma} seed={seed}: mse {:.4} cover {:.3} per coef {:?} cover {:?} time {:.1} (sampling {:.1})",
        mse.iter().sum::<f64>() / 6.0, cover.iter().sum::<f64>() / 6.0,
        mse.map(|v| (v * 1e4).round() / 1e4), cover.map(|v| (v * 1e3).round() / 1e3),
        start.elapsed().as_secs_f64(), sampling
    );
}

//! Temporary.
fn main() {
    let a: Vec<f64> = std::env::args().skip(1).map(|v| v.parse().unwrap()).collect();
    contextualized_trees::measure::run_a(a[0] as usize, a[1], a[2] as u64, a[3] as usize, a[4] as usize, a[5] as usize, a[6] as usize);
}

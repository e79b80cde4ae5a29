//! The program `contextualized`.

fn main() {}

//! Random numbers of outcomes, from one generator.

use contextualized_core::RandomNumbers;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// The numbers of a generator, in the order in which they are asked for.
pub(crate) struct Drawn<'a>(pub(crate) &'a mut ChaCha8Rng);

impl RandomNumbers for Drawn<'_> {
    fn uniform(&mut self) -> f64 {
        self.0.r#gen()
    }

    fn standard_normal(&mut self) -> f64 {
        self.0.sample(StandardNormal)
    }
}

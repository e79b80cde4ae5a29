//! An encoder of your own: trained, stored and reloaded like the built-in ones.
//!
//! Random Fourier features (Rahimi and Recht 2007) of the context, and an affine map of them that is
//! trained:
//!
//! ```text
//! z = cos(f (c W + b)) V + v,    W, b random and fixed; V, v trained
//! y = sin(3 c) x + noise
//! ```
//!
//! The crates know nothing of it: it implements [`Encoder`], [`Parameters`] and, on its settings,
//! [`EncoderSettings`]. Asserts that it finds the slopes, better than an affine encoder does, and that
//! the reloaded model gives the same coefficients.
//!
//! ```sh
//! cargo run --release --example own_encoder
//! ```

use contextualized_core::metrics::effect_mse;
use contextualized_core::{Error, Estimator, Result, VaryingCoefficients};
use contextualized_encoders::{
    Dim, Encoder, EncoderKind, EncoderSettings, Linear, ParameterVisitor, Parameters, Tape, Values,
};
use contextualized_examples::say;
use contextualized_linear::{NeuralModel, NeuralRegression};
use contextualized_simulation::Simulator;
use dfdx::tensor_ops::TryMul;
use serde::{Deserialize, Serialize};

/// Settings, which are stored with the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct FourierSettings {
    features: usize,
    /// f, which scales all frequencies.
    frequency: f64,
}

struct Fourier {
    settings: FourierSettings,
    /// W and b, which are not trained: they follow from widths and seed.
    waves: Linear<usize, usize>,
    output: Linear<usize, usize>,
}

impl EncoderSettings for FourierSettings {
    type Encoder = Fourier;

    fn name(&self) -> String {
        format!("{} Fourier features", self.features)
    }

    fn build(&self, contexts: usize, code: usize, seed: u64) -> Result<Fourier> {
        Ok(Fourier {
            settings: self.clone(),
            waves: Linear::new(contexts, self.features, seed)?,
            output: Linear::new(self.features, code, seed.wrapping_add(1))?,
        })
    }
}

impl Encoder<usize, usize> for Fourier {
    fn encode<B: Dim, T: Tape>(
        &self,
        contexts: Values<(B, usize), T>,
    ) -> Result<Values<(B, usize), T>> {
        let waves = self.waves.encode(contexts)?;
        let features = waves
            .try_mul(self.settings.frequency)
            .and_then(|angles| angles.try_cos())
            .map_err(|error| Error::numerical("Fourier features", error))?;
        self.output.encode(features)
    }

    fn context_width(&self) -> usize {
        self.waves.context_width()
    }

    fn code_width(&self) -> usize {
        self.output.code_width()
    }
}

impl Parameters for Fourier {
    fn visit<V: ParameterVisitor>(&mut self, visitor: &mut V) -> Result<()> {
        self.output.visit(visitor)
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let simulator = Simulator::new(400)
        .uniform_contexts(1, -1.0, 1.0)
        .slopes(|c| vec![(3.0 * c[0]).sin()])
        .noise(0.3);
    let (train, new) = (simulator.simulate(1)?, simulator.simulate(2)?);
    let contexts = new.samples.contexts();

    let fourier = FourierSettings {
        features: 30,
        frequency: 4.0,
    };
    let estimator = NeuralRegression::new()
        .batch_size(8)
        .learning_rate(5e-3)
        .encoder(fourier);
    let model = estimator.fit(&train.samples)?;
    let error = effect_mse(&new.coefficients, &model.coefficients(contexts)?)?;

    let affine = estimator.clone().encoder(EncoderKind::Linear);
    let of_affine = affine.fit(&train.samples)?.coefficients(contexts)?;
    let of_affine = effect_mse(&new.coefficients, &of_affine)?;
    say!("mean squared error of slopes and intercepts");
    say!("{:60} {error:.4}", estimator.name());
    say!("{:60} {of_affine:.4}", affine.name());
    assert!(error < 0.02 && error < 0.5 * of_affine);

    let file = serde_json::to_string(&model)?;
    let reloaded: NeuralModel<FourierSettings> = serde_json::from_str(&file)?;
    assert_eq!(
        reloaded.coefficients(contexts)?,
        model.coefficients(contexts)?
    );
    // A model of another encoder is not mistaken for one of the built-in ones.
    assert!(serde_json::from_str::<NeuralModel>(&file).is_err());
    Ok(())
}

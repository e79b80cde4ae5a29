//! # contextualized-analysis
//!
//! What a model of varying parameters says, and with what evidence: for every model of the workspace, through
//! the traits of `contextualized-core`.
//!
//! ```text
//! Does anything vary?      T = deviation of β̂ⱼ over contexts of which cₖ alone changes
//!                          p = (1 + #{replicates without variation with T* ≥ T}) / (1 + replicates)
//! With what error?         quantiles over fits to resampled rows, or a posterior
//! Where will y be?         ŷ ± the ⌈(m + 1) 0.95⌉-th smallest |y − ŷ| of m rows held back
//! What does cₖ do?         the average of β̂ⱼ(cₖ, other contexts of real rows)
//! ```
//!
//! ```
//! use contextualized_analysis::{Bootstrap, Effects, SplitConformal, wald_table};
//! use contextualized_baselines::PopulationRegression;
//! use contextualized_core::{Estimator, WithUncertainty};
//! use contextualized_linear::{KernelShape, GaussianProcessRegression};
//! use contextualized_simulation::Simulator;
//!
//! // The slope is the square of context 0; context 1 says nothing.
//! let samples = Simulator::new(150)
//!     .uniform_contexts(2, -1.0, 1.0)
//!     .slopes(|c| vec![c[0] * c[0]])
//!     .noise(0.2)
//!     .simulate(0)?
//!     .samples;
//! let kernel = GaussianProcessRegression::new().additive(KernelShape::SquaredExponential);
//! let model = kernel.fit(&samples)?;
//!
//! // Which effects vary, with Holm's adjustment for the four tests.
//! let table = wald_table(&model, &samples)?;
//! assert!(table.pairs[0].holm < 0.001 && table.pairs[1].holm > 0.05);
//!
//! // The curve of the slope against context 0, with bands.
//! let effect = Effects::new().context_on_coefficients_with_bands(&model, &samples, 0)?;
//! assert_eq!(effect.grid.points().len(), effect.curves.values.rows());
//!
//! // The same questions to any other estimator: standard errors by the bootstrap, and the error on
//! // rows that members did not see.
//! let ensemble = Bootstrap::new(PopulationRegression::new()).fit(&samples)?;
//! let errors = ensemble.standard_errors(samples.contexts())?;
//! assert!(errors.slopes()[[0, 0, 0]] < 0.1);
//! let out_of_bag = ensemble.out_of_bag(&samples)?;
//!
//! // Intervals that contain 95 % of new outcomes, whatever the model.
//! let conformal = SplitConformal::new(kernel).fit(&samples)?;
//! let intervals = conformal.intervals(samples.contexts(), samples.features())?;
//! # let _ = (out_of_bag, intervals);
//! # Ok::<(), contextualized_core::Error>(())
//! ```
//!
//! ## Map
//!
//! | question | here |
//! |---|---|
//! | what are the coefficients on average, and how well does the model fit? | [`average_coefficients`], [`joint_tests`], [`goodness_of_fit`] |
//! | what does a feature do to the mean of an outcome, in its own unit? | [`average_marginal_effects`] |
//! | does a coefficient vary, and with what? | [`wald_table`], [`VariationTest`], [`VariationTable`]; how much: [`variations`] |
//! | p-values of many tests | [`holm`], [`benjamini_hochberg`] |
//! | how does a binary regression become one of several classes? | [`IndividualLogits`], [`IndividualLogitsModel`] |
//! | what are the standard errors? | [`Bootstrap`], [`Resampling`], [`Ensemble`]; its [`OutOfBag`] errors, [`SumTests`], [`EdgeStability`] |
//! | where will a new outcome be? | [`SplitConformal`], [`ConformalModel`] |
//! | what does a context or a predictor do? | [`Effects`], [`Effect`], [`Importance`] |
//! | how do samples differ, and why? | [`ArchetypeSummary`], [`PrincipalComponents`], [`Tsne`], [`faithfulness`], [`explained_variance`] |
//! | for whom is the model good? | [`Subgroups`], [`SubgroupAnalysis`], [`Calibration`] |
//! | is a context like those fitted? | [`Extrapolation`] |
//!
//! Cross-validation over groups, strata and regions of context space is in `contextualized_core`
//! (`KFold`), figures of all these are in `contextualized_plot`.

mod adjustment;
mod archetypes;
mod bootstrap;
mod conformal;
mod draws;
mod effects;
mod embedding;
mod extrapolation;
mod flat;
mod individual_logits;
mod marginal;
mod neighbours;
mod noise;
mod resampling;
mod subgroups;
mod summary;
mod variation;

pub use adjustment::{benjamini_hochberg, holm};
pub use archetypes::ArchetypeSummary;
pub use bootstrap::{
    Bootstrap, Divergent, EdgeStability, Ensemble, Failure, Member, OutOfBag, SumTests,
};
pub use conformal::{ConformalModel, SplitConformal};
pub use effects::{Effect, EffectGrid, EffectSummary, Effects, Importance};
pub use embedding::{
    CoefficientColumns, Covariate, ExplainedVariance, Faithfulness, NetworkColumns,
    PrincipalComponents, PrincipalComponentsModel, Tsne, TsneEmbedding, explained_variance,
    faithfulness,
};
pub use extrapolation::{Extrapolation, ExtrapolationScores};
pub use individual_logits::{IndividualLogits, IndividualLogitsModel};
pub use marginal::{MarginalEffect, average_marginal_effects};
pub use noise::{NoiseFinding, noise_findings};
pub use resampling::Resampling;
pub use subgroups::{
    Calibration, Measured, ReliabilityBin, SubgroupAccuracy, SubgroupAnalysis, Subgroups,
    wilson_interval,
};
pub use summary::{
    AverageCoefficient, Evidence, GoodnessOfFit, JointTest, average_coefficients, goodness_of_fit,
    joint_tests,
};
pub use variation::{Variation, VariationTable, VariationTest, Variations, variations, wald_table};

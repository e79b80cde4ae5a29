//! Inference and analysis of models whose parameters vary with context.

mod adjustment;
mod archetypes;
mod bootstrap;
mod conformal;
mod effects;
mod embedding;
mod extrapolation;
mod neighbours;
mod resampling;
mod subgroups;
mod variation;

pub use adjustment::{benjamini_hochberg, holm};
pub use archetypes::ArchetypeSummary;
pub use bootstrap::{
    Bootstrap, Divergent, EdgeStability, Ensemble, Failure, Member, OutOfBag, SumTests,
};
pub use conformal::{ConformalModel, OutcomeIntervals, SplitConformal};
pub use effects::{Effect, EffectGrid, EffectSummary, Effects, Importance};
pub use embedding::{
    CoefficientColumns, Covariate, ExplainedVariance, Faithfulness, NetworkColumns,
    PrincipalComponents, PrincipalComponentsModel, Tsne, TsneEmbedding, explained_variance,
    faithfulness,
};
pub use extrapolation::{Extrapolation, ExtrapolationScores};
pub use resampling::Resampling;
pub use subgroups::{
    Calibration, Measured, ReliabilityBin, SubgroupAccuracy, SubgroupAnalysis, Subgroups,
};
pub use variation::{Variation, VariationTable, VariationTest, Variations, variations, wald_table};

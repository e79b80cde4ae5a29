//! Inference and analysis of models whose parameters vary with context.

mod adjustment;
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
pub use conformal::{ConformalModel, OutcomeIntervals, SplitConformal};
pub use extrapolation::{Extrapolation, ExtrapolationScores};
pub use subgroups::{
    Calibration, Measured, ReliabilityBin, SubgroupAccuracy, SubgroupAnalysis, Subgroups,
};
pub use variation::{
    FailedReplicate, Variation, VariationTable, VariationTest, Variations, variations, wald_table,
};

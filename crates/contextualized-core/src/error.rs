//! The error type shared by every estimator of the workspace.

/// What can go wrong between a data set and a fitted model.
///
/// Every variant carries the argument, row, column, shape or value at fault, so
/// that a program can act on it and a person can find it. Rows and columns count from zero in the
/// fields, as they index arrays, and from one in the messages.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A table has no rows where at least one is needed.
    #[error("{argument} has no rows")]
    NoRows {
        /// The table's name.
        argument: &'static str,
    },

    /// A fit was ended from outside: see [`Monitor::cancel`](crate::Monitor::cancel).
    #[error("cancelled")]
    Cancelled,

    /// A table has no columns.
    #[error("{argument} has no columns")]
    NoColumns {
        /// The table's name.
        argument: &'static str,
    },

    /// Two tables that describe the same samples differ in length.
    #[error("{argument}: the number of rows is {found}, expected {expected}")]
    RowCount {
        /// The table's name.
        argument: &'static str,
        /// Rows of the tables it belongs with.
        expected: usize,
        /// Rows it has.
        found: usize,
    },

    /// A table has another width than the model or the names it is used with.
    #[error("{argument}: the number of columns is {found}, expected {expected}")]
    ColumnCount {
        /// The table's name.
        argument: &'static str,
        /// Columns the model was built for.
        expected: usize,
        /// Columns given.
        found: usize,
    },

    /// A cell is NaN or infinite.
    #[error(
        "{argument} contains {value} at row {}, column {}",
        from_one(*row),
        from_one(*column)
    )]
    NotFinite {
        /// The table's name.
        argument: &'static str,
        /// Row, counted from zero.
        row: usize,
        /// Column, counted from zero.
        column: usize,
        /// The value found.
        value: f64,
    },

    /// A row weight is negative, NaN or infinite.
    #[error(
        "weight {value} at row {} is not a finite number of at least zero",
        from_one(*row)
    )]
    InvalidWeight {
        /// Row, counted from zero.
        row: usize,
        /// The value found.
        value: f64,
    },

    /// All row weights are zero.
    #[error("all row weights are zero")]
    NoWeight,

    /// Two columns of one table have the same name.
    #[error(
        "{argument} has two columns named {name:?}, at positions {} and {}",
        from_one(*first),
        from_one(*second)
    )]
    DuplicateName {
        /// The table's name.
        argument: &'static str,
        /// The repeated name.
        name: String,
        /// Position of its first use, counted from zero.
        first: usize,
        /// Position of its second use, counted from zero.
        second: usize,
    },

    /// A row index lies outside the data.
    #[error("row {} was asked for, but there are only {rows}", from_one(*row))]
    RowOutOfRange {
        /// Row asked for, counted from zero.
        row: usize,
        /// Rows there are.
        rows: usize,
    },

    /// A setting is outside its range.
    #[error("{parameter} is {value}, but must be {requirement}")]
    InvalidParameter {
        /// The setting's name.
        parameter: &'static str,
        /// The value given.
        value: String,
        /// What is allowed.
        requirement: String,
    },

    /// An estimator needs distances between contexts, and a factor among them is in codes, which have none: see
    /// [`Samples::with_coded_factors`](crate::Samples::with_coded_factors).
    #[error(
        "{estimator} cannot use the factor {factor}, which has {levels} levels in codes: take population or, of a regression, gp, or group its levels"
    )]
    CodedFactor {
        /// The estimator.
        estimator: String,
        /// Name of the factor.
        factor: String,
        /// How many levels it has.
        levels: usize,
    },

    /// An estimator has no random effects, and the samples have: see
    /// [`Samples::with_random_terms`](crate::Samples::with_random_terms).
    #[error(
        "{estimator} has no random effects, and the samples have those of {group}: take mixed, which fits linear mixed models, with coefficients that vary with contexts by Gaussian processes"
    )]
    RandomEffects {
        /// The estimator.
        estimator: String,
        /// The grouping factor.
        group: String,
    },

    /// The data have fewer rows than the estimator needs.
    #[error("{needed} rows are needed for {purpose}, but there are {found}")]
    TooFewRows {
        /// What the rows are needed for.
        purpose: String,
        /// Smallest number that would do.
        needed: usize,
        /// Rows there are.
        found: usize,
    },

    /// Some columns of a design are linear combinations of the others. A ridge penalty, or the prior of a Gaussian
    /// process, shrinks coefficients to a finite estimate.
    #[error(
        "the design has rank {rank} for {coefficients} coefficients: {} depend linearly on the other columns; drop them or leave the separating feature out, or shrink the coefficients",
        listed(columns)
    )]
    RankDeficient {
        /// Numerical rank.
        rank: usize,
        /// Number of coefficients asked for.
        coefficients: usize,
        /// Names of the dependent columns.
        columns: Vec<String>,
    },

    /// A target is not an outcome of its family.
    #[error(
        "target {target} is {value} at row {}, but a {family} target is {}",
        from_one(*row),
        family.requirement()
    )]
    InvalidTarget {
        /// The family.
        family: Box<crate::Family>,
        /// Name of the target.
        target: String,
        /// Row, counted from zero.
        row: usize,
        /// The value found.
        value: f64,
    },

    /// A survival time that cannot be: its start is negative, its end not above the start, or its event neither 0 nor 1.
    #[error("{part} is {value} at row {}, but must be {requirement}", from_one(*row))]
    InvalidSurvival {
        /// What of it is meant.
        part: crate::SurvivalPart,
        /// Row, counted from zero.
        row: usize,
        /// The value found.
        value: f64,
        /// What is allowed.
        requirement: String,
    },

    /// A model has no standard errors, or no outcome intervals, to make intervals of.
    #[error("{model} has no intervals{}", remedy.map_or(String::new(), |remedy| format!(": {remedy}")))]
    NoIntervals {
        /// The model.
        model: String,
        /// What to do about it.
        remedy: Option<&'static str>,
    },

    /// A target is separated by the features: the maximum-likelihood estimate is infinite. A ridge penalty, or the
    /// prior of a Gaussian process, shrinks it to a finite one.
    #[error(
        "target {target} is separated by the features, or always the same, so its coefficients have no finite maximum-likelihood estimate; leave the separating feature out, or shrink the coefficients"
    )]
    Separated {
        /// Name of the target.
        target: String,
    },

    /// An iteration reached its limit before its tolerance.
    #[error(
        "{algorithm} did not converge in {iterations} iterations: {criterion} is {value:e}, tolerance {tolerance:e}"
    )]
    NotConverged {
        /// The algorithm.
        algorithm: &'static str,
        /// Iterations made.
        iterations: usize,
        /// What was to fall below the tolerance.
        criterion: &'static str,
        /// Its last value.
        value: f64,
        /// The tolerance.
        tolerance: f64,
    },

    /// Training left the region where its loss means anything.
    #[error(
        "training diverged in epoch {epoch}, step {step}: the loss is {loss:e}, from {initial:e} at the start; lower the learning rate"
    )]
    Diverged {
        /// Epoch, counted from one.
        epoch: usize,
        /// Optimiser step over all epochs, counted from one.
        step: usize,
        /// Loss at that step.
        loss: f64,
        /// Loss before the first step.
        initial: f64,
    },

    /// A numerical routine failed.
    #[error("{context} failed")]
    Numerical {
        /// What was being computed.
        context: String,
        /// The routine's own error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A row or column as readers count it. A row that was asked for can be any number.
fn from_one(index: usize) -> usize {
    index.saturating_add(1)
}

/// The first few names of a list that may be long.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 10;
    match names.len() {
        count if count > SHOWN => {
            format!("{} and {} more", names[..SHOWN].join(", "), count - SHOWN)
        }
        _ => names.join(", "),
    }
}

/// A result whose error is [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An [`Error::InvalidParameter`] from displayable parts.
    pub fn invalid_parameter(
        parameter: &'static str,
        value: impl std::fmt::Display,
        requirement: impl Into<String>,
    ) -> Self {
        Self::InvalidParameter {
            parameter,
            value: value.to_string(),
            requirement: requirement.into(),
        }
    }

    /// An [`Error::Numerical`] that keeps its source.
    pub fn numerical(
        context: impl Into<String>,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self::Numerical {
            context: context.into(),
            source: Box::new(source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_of_columns_are_cut() {
        let deficient = |count: usize| Error::RankDeficient {
            rank: 1,
            coefficients: count + 1,
            columns: (0..count).map(|column| format!("x{column}")).collect(),
        };
        assert_eq!(
            deficient(2).to_string(),
            "the design has rank 1 for 3 coefficients: x0, x1 depend linearly on the other columns; \
             drop them or leave the separating feature out, or shrink the coefficients"
        );
        assert!(deficient(12).to_string().contains("x9 and 2 more depend"));
    }

    #[test]
    fn numerical_failures_keep_their_source() {
        let error = Error::numerical("a solve", Error::NoWeight);
        let source = std::error::Error::source(&error).map(ToString::to_string);
        assert_eq!(source.as_deref(), Some("all row weights are zero"));
    }
}

use thiserror::Error;

/// Result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong. Rows, columns and pivots count from zero.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Error {
    /// A matrix without rows or without columns.
    #[error("`{argument}` is {rows} x {columns}: expected at least one row and one column")]
    Empty {
        /// Name of the argument.
        argument: &'static str,
        /// Rows found.
        rows: usize,
        /// Columns found.
        columns: usize,
    },

    /// Two arguments disagree in size.
    #[error("`{argument}` has {found} {dimension}, expected {expected}")]
    Shape {
        /// Name of the argument.
        argument: &'static str,
        /// The dimension that disagrees: rows, columns or values.
        dimension: &'static str,
        /// Size that the other arguments ask for.
        expected: usize,
        /// Size found.
        found: usize,
    },

    /// A matrix that should be square.
    #[error("`{argument}` is {rows} x {columns}, expected a square matrix")]
    NotSquare {
        /// Name of the argument.
        argument: &'static str,
        /// Rows found.
        rows: usize,
        /// Columns found.
        columns: usize,
    },

    /// A NaN or an infinity in a matrix.
    #[error(
        "`{argument}` contains {value} at row {row}, column {column}: expected a finite number"
    )]
    NotFinite {
        /// Name of the argument.
        argument: &'static str,
        /// Row of the first such value.
        row: usize,
        /// Column of that value.
        column: usize,
        /// The value.
        value: f64,
    },

    /// A negative or non-finite weight.
    #[error("`weights` contains {value} at row {row}: expected a finite number, zero or above")]
    InvalidWeight {
        /// Row of the first such weight.
        row: usize,
        /// The weight.
        value: f64,
    },

    /// All weights are zero.
    #[error("`weights` are zero in all {rows} rows: expected at least one above zero")]
    NoPositiveWeight {
        /// Number of rows.
        rows: usize,
    },

    /// A negative or non-finite penalty.
    #[error(
        "`penalties` contains {value} for column {column}: expected a finite number, zero or above"
    )]
    InvalidPenalty {
        /// Column of the first such penalty.
        column: usize,
        /// The penalty.
        value: f64,
    },

    /// A negative or non-finite limit on the jitter.
    #[error("`limit` is {value}: expected a finite number, zero or above")]
    InvalidJitterLimit {
        /// The limit.
        value: f64,
    },

    /// A matrix that differs from its transpose by more than rounding.
    #[error(
        "`{argument}` is not symmetric: {value} at row {row}, column {column}, \
         but {mirrored} at row {column}, column {row}"
    )]
    NotSymmetric {
        /// Name of the argument.
        argument: &'static str,
        /// Row of the first difference, below the diagonal.
        row: usize,
        /// Column of the first difference.
        column: usize,
        /// Value there.
        value: f64,
        /// Value at the mirrored place.
        mirrored: f64,
    },

    /// No Cholesky factor, not even with the largest jitter allowed.
    #[error(
        "`matrix` ({size} x {size}) is not positive definite: pivot {pivot} is not above \
         rounding error, with {jitter:e} added to the diagonal"
    )]
    NotPositiveDefinite {
        /// Index of the first pivot that is not positive.
        pivot: usize,
        /// Number of rows.
        size: usize,
        /// Largest jitter tried.
        jitter: f64,
    },

    /// The iteration to the eigenvalues of a matrix did not end.
    #[error("the eigenvalues of `matrix` ({size} x {size}) were not found")]
    NoConvergence {
        /// Number of rows.
        size: usize,
    },

    /// Some columns of the design are linear combinations of the others.
    #[error(
        "`design` has rank {rank} but {columns} columns: columns {dependent:?} are linear \
         combinations of the others"
    )]
    RankDeficient {
        /// Numerical rank.
        rank: usize,
        /// Number of columns.
        columns: usize,
        /// Columns that the others make redundant, sorted; `columns - rank` of them.
        dependent: Vec<usize>,
    },

    /// A bound on a spectral radius that is not a positive number.
    #[error("`s` is {value}: expected a finite number above zero")]
    InvalidRadius {
        /// The bound.
        value: f64,
    },

    /// Weights whose squares have a spectral radius of s or more.
    #[error(
        "`weights` are outside the domain of the penalty: the spectral radius of their squares is not \
         below s = {s} (pivot {pivot} of s I - W * W is not positive)"
    )]
    OutsideDomain {
        /// The bound on the spectral radius.
        s: f64,
        /// Index of the first pivot that is not positive.
        pivot: usize,
    },

    /// More nodes than an exact search takes.
    #[error("{nodes} nodes are too many for an exact search: expected at most {most}")]
    TooManyNodes {
        /// Nodes there are.
        nodes: usize,
        /// Nodes that can be searched.
        most: usize,
    },

    /// A graph that should have no cycle.
    #[error("`{argument}` has a cycle")]
    Cyclic {
        /// Name of the argument.
        argument: &'static str,
    },

    /// A setting out of its range.
    #[error("`{argument}` is {value}: expected {expected}")]
    InvalidSetting {
        /// Name of the argument.
        argument: &'static str,
        /// The value.
        value: f64,
        /// What is allowed.
        expected: &'static str,
    },

    /// A column whose variance is not positive has no correlations.
    #[error("column {column} has no variance")]
    NoVariance {
        /// The column.
        column: usize,
    },

    /// An iteration that reached its limit before its tolerance.
    #[error(
        "{algorithm} did not converge in {iterations} iterations: its conditions are violated by \
         {value:e}, tolerance {tolerance:e}"
    )]
    NotConverged {
        /// The algorithm.
        algorithm: &'static str,
        /// Iterations made.
        iterations: usize,
        /// The violation left.
        value: f64,
        /// The violation allowed.
        tolerance: f64,
    },

    /// A result that does not fit into a float.
    #[error("{quantity} overflows at row {row}, column {column}: rescale the input")]
    Overflow {
        /// What was computed.
        quantity: &'static str,
        /// Row of the first such value; zero for a vector.
        row: usize,
        /// Column of that value.
        column: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_argument_place_expected_and_found() {
        let shape = Error::Shape {
            argument: "targets",
            dimension: "rows",
            expected: 5,
            found: 4,
        };
        assert_eq!(shape.to_string(), "`targets` has 4 rows, expected 5");

        let asymmetric = Error::NotSymmetric {
            argument: "matrix",
            row: 2,
            column: 1,
            value: 0.5,
            mirrored: 0.25,
        };
        assert_eq!(
            asymmetric.to_string(),
            "`matrix` is not symmetric: 0.5 at row 2, column 1, but 0.25 at row 1, column 2"
        );

        let deficient = Error::RankDeficient {
            rank: 2,
            columns: 3,
            dependent: vec![1],
        };
        assert_eq!(
            deficient.to_string(),
            "`design` has rank 2 but 3 columns: columns [1] are linear combinations of the others"
        );
    }

    #[test]
    fn errors_cross_threads() {
        fn crosses<T: Send + Sync + 'static>() {}
        crosses::<Error>();
    }
}

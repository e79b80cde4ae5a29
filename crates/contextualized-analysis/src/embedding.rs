//! Coefficients and networks in the plane: their principal components and t-SNE, how faithful a picture
//! is, and what explains how they vary.

mod columns;
mod explained;
mod faithfulness;
mod neighbours;
mod principal_components;
mod tsne;

pub use columns::{CoefficientColumns, NetworkColumns};
pub use explained::{Covariate, ExplainedVariance, explained_variance};
pub use faithfulness::{Faithfulness, faithfulness};
pub use principal_components::{PrincipalComponents, PrincipalComponentsModel};
pub use tsne::{Tsne, TsneEmbedding};

use contextualized_core::validate::check_table;
use contextualized_core::{Error, Result};
use ndarray::ArrayView2;

/// A table of finite numbers with a row at least.
fn check_rows_and_columns(table: ArrayView2<'_, f64>) -> Result<()> {
    check_table("the table", table, None)?;
    match table.nrows() {
        0 => Err(Error::NoRows {
            argument: "the table",
        }),
        _ => Ok(()),
    }
}

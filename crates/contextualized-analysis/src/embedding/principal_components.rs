//! Principal components.

use super::check_rows_and_columns;
use super::columns::NetworkColumns;
use crate::resampling::some_rows;
use contextualized_core::validate::{check_finite, check_rows, check_table};
use contextualized_core::{Checked, Error, Result, VaryingNetworks, checked_serde};
use contextualized_solvers::{product, symmetric_eigen, transposed_product};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

/// Principal components of a table: the directions in which its rows differ most.
///
/// Columns are centred and not scaled, for a coefficient that varies little is to count little:
/// [`CoefficientColumns`](super::CoefficientColumns) give coefficients a common unit. Variances divide by
/// n. The largest loading of every component (the first of them, if there are many) is positive.
/// A component in which the rows do not differ has loadings of zero.
///
/// | setting | default | range |
/// |---|---|---|
/// | components | 2 | 1 to the number of columns, and of rows |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrincipalComponents {
    components: usize,
}

impl Default for PrincipalComponents {
    fn default() -> Self {
        Self { components: 2 }
    }
}

/// A component with less than this share of all variance is rounding error.
const NEGLIGIBLE: f64 = 1e-14;

impl PrincipalComponents {
    /// Two components.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of components.
    #[must_use]
    pub fn components(mut self, components: usize) -> Self {
        self.components = components;
        self
    }

    /// The components of a table (n × columns) with a name for each column.
    ///
    /// # Errors
    ///
    /// [`Error::NoRows`], [`Error::NoColumns`], [`Error::NotFinite`]; [`Error::RowCount`] unless there
    /// is a name for each column; [`Error::InvalidParameter`] for more components than columns or rows;
    /// [`Error::Numerical`].
    pub fn fit<S: AsRef<str>>(
        &self,
        table: ArrayView2<'_, f64>,
        names: &[S],
    ) -> Result<PrincipalComponentsModel> {
        check_rows_and_columns(table)?;
        let (rows, columns) = table.dim();
        check_rows("names of columns", columns, names.len())?;
        if self.components == 0 || self.components > columns.min(rows) {
            let most = columns.min(rows);
            return Err(Error::invalid_parameter(
                "components",
                self.components,
                format!("between 1 and the smaller of the numbers of columns and rows, {most}"),
            ));
        }
        let centers = table.sum_axis(Axis(0)) / rows as f64;
        let centered = &table - &centers;
        check_finite("the centred table", centered.view())?;
        // The decomposition is of the smaller of the two matrices of products.
        let failed = |error| Error::numerical("principal components", error);
        let by_columns = columns <= rows;
        let products = if by_columns {
            transposed_product(centered.view(), centered.view())
        } else {
            product(centered.view(), centered.t())
        };
        let products = symmetrized(products.map_err(failed)?) / rows as f64;
        let total = products.diag().sum();
        let eigen = symmetric_eigen(products.view()).map_err(failed)?;
        let mut loadings = Array2::zeros((columns, self.components));
        let mut variances = Array1::zeros(self.components);
        for component in 0..self.components {
            let place = eigen.values.len() - 1 - component;
            let variance = eigen.values[place];
            if variance <= NEGLIGIBLE * total {
                continue;
            }
            let vector = eigen.vectors.column(place);
            let direction = if by_columns {
                vector.to_owned()
            } else {
                let sums = centered.t().dot(&vector);
                let length = sums.dot(&sums).sqrt();
                sums / length
            };
            variances[component] = variance;
            loadings
                .column_mut(component)
                .assign(&(&direction * sign(direction.view())));
        }
        Ok(PrincipalComponentsModel {
            names: names.iter().map(|name| name.as_ref().to_owned()).collect(),
            centers,
            loadings,
            variances,
            total,
        })
    }

    /// The components of a model's networks at no more than `rows` rows of the contexts, drawn with
    /// this seed, so that not all networks are held.
    ///
    /// # Errors
    ///
    /// Those of [`PrincipalComponents::fit`] and [`NetworkColumns::of_model`].
    pub fn fit_networks(
        &self,
        model: &dyn VaryingNetworks,
        contexts: ArrayView2<'_, f64>,
        columns: &NetworkColumns,
        rows: usize,
        seed: u64,
    ) -> Result<PrincipalComponentsModel> {
        let chosen = some_rows(contexts.nrows(), rows, seed);
        let table = columns.of_model(model, contexts.select(Axis(0), &chosen).view())?;
        self.fit(table.view(), columns.names())
    }
}

/// Rounding leaves products of a table with itself symmetric to the last digits only.
fn symmetrized(products: Array2<f64>) -> Array2<f64> {
    (&products + &products.t()) * 0.5
}

/// The sign of the largest entry; of the first, among equals up to rounding.
fn sign(direction: ArrayView1<'_, f64>) -> f64 {
    let most = direction.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
    let first = direction.iter().find(|v| v.abs() >= most * (1.0 - 1e-9));
    first.map_or(1.0, |value| value.signum())
}

/// Principal components, to see any rows by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct PrincipalComponentsModel {
    names: Vec<String>,
    centers: Array1<f64>,
    loadings: Array2<f64>,
    variances: Array1<f64>,
    total: f64,
}

checked_serde!(PrincipalComponentsModel);

impl Checked for PrincipalComponentsModel {
    fn check(&self) -> Result<()> {
        check_table("loadings", self.loadings.view(), Some(self.variances.len()))?;
        check_rows("names", self.loadings.nrows(), self.names.len())?;
        check_rows("centers", self.loadings.nrows(), self.centers.len())?;
        check_finite("centers", self.centers.view().insert_axis(Axis(0)))?;
        let wrong = |value: &&f64| !(value.is_finite() && **value >= 0.0);
        let variances = self.variances.iter().chain([&self.total]);
        if let Some(value) = variances.into_iter().find(wrong) {
            return Err(Error::invalid_parameter(
                "variance",
                value,
                "a finite number of at least zero",
            ));
        }
        Ok(())
    }
}

impl PrincipalComponentsModel {
    /// Names of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Columns × components: what a step of one along a component changes each column by. Those of a
    /// component have length one, and components are at right angles.
    pub fn loadings(&self) -> ArrayView2<'_, f64> {
        self.loadings.view()
    }

    /// The variance along each component, of the rows fitted.
    pub fn variances(&self) -> ArrayView1<'_, f64> {
        self.variances.view()
    }

    /// The share of all variance along each component; zeros where the rows do not differ.
    pub fn explained(&self) -> Array1<f64> {
        if self.total > 0.0 {
            &self.variances / self.total
        } else {
            Array1::zeros(self.variances.len())
        }
    }

    /// Where any rows lie along the components: n × components.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`], [`Error::NotFinite`].
    pub fn transform(&self, table: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        check_table("the table", table, Some(self.centers.len()))?;
        let scores = (&table - &self.centers).dot(&self.loadings);
        check_finite("scores", scores.view())?;
        Ok(scores)
    }

    /// Where a model's networks at any contexts lie along the components: n × components, from blocks
    /// of networks of which few are held at once.
    ///
    /// # Errors
    ///
    /// Those of [`VaryingNetworks::networks`] and of [`PrincipalComponentsModel::transform`].
    pub fn transform_networks(
        &self,
        model: &dyn VaryingNetworks,
        contexts: ArrayView2<'_, f64>,
        columns: &NetworkColumns,
    ) -> Result<Array2<f64>> {
        let width = self.variances.len();
        columns.in_blocks(model, contexts, width, |table| self.transform(table.view()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::{array, s};
    use proptest::prelude::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|column| format!("v{column}")).collect()
    }

    #[test]
    fn a_line_is_one_component() {
        let table = array![[0.0, 1.0], [-3.0, 5.0], [3.0, -3.0]];
        let model = PrincipalComponents::new()
            .fit(table.view(), &["a", "b"])
            .unwrap();
        // The direction is (−3, 4) / 5, with positive sign for the larger.
        let expected = array![[-0.6, 0.0], [0.8, 0.0]];
        assert_relative_eq!(model.loadings(), expected.view(), epsilon = 1e-12);
        assert_relative_eq!(model.explained(), array![1.0, 0.0], epsilon = 1e-12);
        let scores = model.transform(table.view()).unwrap();
        let expected = array![[0.0, 0.0], [5.0, 0.0], [-5.0, 0.0]];
        assert_relative_eq!(scores, expected, epsilon = 1e-12);
        assert_eq!(model.names(), ["a", "b"]);
    }

    #[test]
    fn rows_that_do_not_differ_have_no_components() {
        let table = Array2::from_elem((4, 3), 0.1);
        let model = PrincipalComponents::new()
            .fit(table.view(), &names(3))
            .unwrap();
        assert_eq!(model.explained(), array![0.0, 0.0]);
        assert_eq!(
            model.transform(table.view()).unwrap(),
            Array2::<f64>::zeros((4, 2))
        );
    }

    #[test]
    fn bad_input_is_named() {
        let table = Array2::<f64>::ones((3, 2));
        let fit = |components, names: &[&str]| {
            PrincipalComponents::new()
                .components(components)
                .fit(table.view(), names)
        };
        assert!(matches!(fit(1, &["a"]), Err(Error::RowCount { .. })));
        for components in [0, 3] {
            assert!(matches!(
                fit(components, &["a", "b"]),
                Err(Error::InvalidParameter { .. })
            ));
        }
        let model = fit(1, &["a", "b"]).unwrap();
        assert!(model.transform(Array2::ones((1, 3)).view()).is_err());
        let nothing = Array2::<f64>::zeros((0, 2));
        assert!(matches!(
            PrincipalComponents::new().fit(nothing.view(), &["a", "b"]),
            Err(Error::NoRows { .. })
        ));
        let text = serde_json::to_string(&model).unwrap();
        assert_eq!(
            serde_json::from_str::<PrincipalComponentsModel>(&text).unwrap(),
            model
        );
        let altered = text.replace("\"a\",", "");
        assert!(serde_json::from_str::<PrincipalComponentsModel>(&altered).is_err());
    }

    #[test]
    fn the_same_bits_on_any_number_of_threads() {
        let table = Array2::from_shape_fn((1000, 300), |(row, column)| {
            ((row * 37 + column * 101 + row * column) % 997) as f64 / 997.0
        });
        let fit = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            pool.build().unwrap().install(|| {
                let model = PrincipalComponents::new().fit(table.view(), &names(300));
                let model = model.unwrap();
                let scores = model.transform(table.view()).unwrap();
                (model, scores)
            })
        };
        assert_eq!(fit(1), fit(2));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Loadings are orthonormal, scores uncorrelated with the variances said, shares sum to one, and
        /// all components give the table back, whichever matrix is decomposed.
        #[test]
        fn components_are_principal(
            values in prop::collection::vec(-2.0..2.0_f64, 40),
            columns in prop::sample::select(vec![2_usize, 4, 5, 8, 10]),
        ) {
            let rows = 40 / columns;
            let table = Array2::from_shape_vec((rows, columns), values).unwrap();
            let count = columns.min(rows - 1);
            let model = PrincipalComponents::new()
                .components(count)
                .fit(table.view(), &names(columns))
                .unwrap();
            let loadings = model.loadings();
            assert_relative_eq!(loadings.t().dot(&loadings), Array2::eye(count), epsilon = 1e-8);
            let scores = model.transform(table.view()).unwrap();
            let covariance = scores.t().dot(&scores) / rows as f64;
            let expected = Array2::from_diag(&model.variances());
            assert_relative_eq!(covariance, expected, epsilon = 1e-8);
            prop_assert!((model.explained().sum() - 1.0).abs() < 1e-9);
            let centers = table.mean_axis(Axis(0)).unwrap();
            assert_relative_eq!(scores.dot(&loadings.t()) + centers, table, epsilon = 1e-7);
            // Rows that were not fitted are seen the same way.
            let one = model.transform(table.slice(s![1..2, ..])).unwrap();
            assert_relative_eq!(one.row(0), scores.row(1), epsilon = 1e-12);
            for column in loadings.columns() {
                let most = column.iter().fold(0.0_f64, |a, b| if b.abs() > a.abs() { *b } else { a });
                prop_assert!(most > 0.0);
            }
        }
    }
}

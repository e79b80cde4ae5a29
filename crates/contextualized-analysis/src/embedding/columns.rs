//! Coefficients and edges as columns of a table, in units that can be compared.

use contextualized_core::validate::{check_columns, check_finite, check_rows};
use contextualized_core::{
    Coefficients, Error, Family, Networks, Result, Samples, Standardization, VaryingNetworks,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};

/// Coefficients as columns of a table, in units that do not depend on those of the data.
///
/// A slope is multiplied by the standard deviation of its feature: it is the change of the linear
/// predictor per standard deviation, so that grams weigh as much as kilograms. For real-valued targets
/// it is divided by the standard deviation of its target, so that many targets can share a table; on
/// the scale of a logit or a log it is not, for these have no unit.
///
/// ```
/// use contextualized_analysis::CoefficientColumns;
/// use contextualized_core::{Coefficients, Family, Samples};
/// use ndarray::array;
///
/// let contexts = array![[0.0], [1.0]];
/// let samples = Samples::new(
///     contexts.view(),
///     array![[0.0, 1.0], [2000.0, 3.0]].view(),
///     array![[10.0], [30.0]].view(),
/// )?
/// .with_feature_names(["grams", "doses"])?;
/// let columns = CoefficientColumns::new(&samples, Family::Gaussian)?;
/// let slopes = Coefficients::constant(array![[0.01, 5.0]].view(), array![0.0].view(), 1)?;
/// assert_eq!(columns.names(), ["grams", "doses"]);
/// let table = columns.table(&slopes)?;
/// assert!((table[[0, 0]] - 1.0).abs() < 1e-12 && (table[[0, 1]] - 0.5).abs() < 1e-12);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CoefficientColumns {
    names: Vec<String>,
    features: Standardization,
    target_scales: Array1<f64>,
    levels: bool,
    level_names: Vec<String>,
}

impl CoefficientColumns {
    /// The slopes of a model of these samples, in units of their standard deviations.
    ///
    /// To compare rows that were held out, give the samples that were not.
    ///
    /// # Errors
    ///
    /// Those of [`Standardization::fit`].
    pub fn new(samples: &Samples, family: Family) -> Result<Self> {
        let names = samples.names();
        let several = names.targets.len() > 1;
        let mut slopes = Vec::new();
        for target in &names.targets {
            for feature in &names.features {
                slopes.push(if several {
                    format!("{feature} → {target}")
                } else {
                    feature.clone()
                });
            }
        }
        let level = |target: &String| {
            if several {
                format!("level of {target}")
            } else {
                "level".to_owned()
            }
        };
        Ok(Self {
            names: slopes,
            features: Standardization::fit(samples.features(), samples.weights())?,
            target_scales: if family.is_quadratic() {
                let targets = Standardization::fit(samples.targets(), samples.weights())?;
                targets.scales().to_owned()
            } else {
                Array1::ones(names.targets.len())
            },
            levels: false,
            level_names: names.targets.iter().map(level).collect(),
        })
    }

    /// Adds a column for each target: the linear predictor at the features' means.
    ///
    /// An intercept as such is the predictor where all features are zero, often far from any data.
    #[must_use]
    pub fn with_levels(mut self) -> Self {
        if !self.levels {
            self.names.extend(self.level_names.iter().cloned());
        }
        self.levels = true;
        self
    }

    /// What each column is: a feature, and its target where there are many.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The coefficients of each row, n × columns.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`] for coefficients of other features or targets, [`Error::NotFinite`].
    pub fn table(&self, coefficients: &Coefficients) -> Result<Array2<f64>> {
        let mut table = self.changes(coefficients)?;
        if self.levels {
            let means = self.features.centers();
            let first = self.names.len() - self.target_scales.len();
            for (row, slopes) in coefficients.slopes().axis_iter(Axis(0)).enumerate() {
                let mut levels = table.slice_mut(s![row, first..]);
                levels += &coefficients.intercepts().row(row);
                levels += &slopes.dot(&means);
                levels /= &self.target_scales;
            }
        }
        check_finite("coefficients in units of deviations", table.view())?;
        Ok(table)
    }

    /// The slopes alone; zeros where levels go.
    fn changes(&self, coefficients: &Coefficients) -> Result<Array2<f64>> {
        let (targets, features) = (self.target_scales.len(), self.features.columns());
        check_columns("features", features, coefficients.features())?;
        check_columns("targets", targets, coefficients.targets())?;
        let scales = self.features.scales();
        Ok(Array2::from_shape_fn(
            (coefficients.rows(), self.names.len()),
            |(row, column)| {
                let (target, feature) = (column / features, column % features);
                if column < targets * features {
                    let slope = coefficients.slopes()[[row, target, feature]];
                    slope * scales[feature] / self.target_scales[target]
                } else {
                    0.0
                }
            },
        ))
    }
}

/// Edges of networks as columns of a table.
///
/// Correlations and partial correlations have no unit. Weights of directed networks have that of the
/// node they lead to per that of the node they come from: see [`NetworkColumns::scaled`].
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkColumns {
    names: Vec<String>,
    nodes: usize,
    edges: Vec<(usize, usize)>,
    scales: Option<Array1<f64>>,
}

/// Networks held at once.
const BLOCK: usize = 256;

impl NetworkColumns {
    /// One column for each ordered pair of different nodes.
    pub fn directed<S: AsRef<str>>(nodes: &[S]) -> Self {
        Self::new(nodes, "→", |from, to| from != to)
    }

    /// One column for each pair of nodes: the triangle above the diagonal of symmetric networks.
    pub fn undirected<S: AsRef<str>>(nodes: &[S]) -> Self {
        Self::new(nodes, "–", |from, to| from < to)
    }

    fn new<S: AsRef<str>>(nodes: &[S], sign: &str, has: impl Fn(usize, usize) -> bool) -> Self {
        let mut columns = Self {
            names: Vec::new(),
            nodes: nodes.len(),
            edges: Vec::new(),
            scales: None,
        };
        for (from, source) in nodes.iter().enumerate() {
            for (to, target) in nodes.iter().enumerate() {
                if has(from, to) {
                    let name = format!("{} {sign} {}", source.as_ref(), target.as_ref());
                    columns.names.push(name);
                    columns.edges.push((from, to));
                }
            }
        }
        columns
    }

    /// Multiplies every weight by the standard deviation of the node it comes from and divides it by
    /// that of the node it leads to, as suits the weights of structural equations.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`] unless there is a deviation for each node, [`Error::InvalidParameter`] for
    /// one that is not above zero.
    pub fn scaled(mut self, deviations: ArrayView1<'_, f64>) -> Result<Self> {
        check_rows("deviations", self.nodes, deviations.len())?;
        let wrong = |value: &&f64| !(value.is_finite() && **value > 0.0);
        if let Some(value) = deviations.iter().find(wrong) {
            return Err(Error::invalid_parameter("deviation", value, "above zero"));
        }
        let ratio = |&(from, to): &(usize, usize)| deviations[from] / deviations[to];
        self.scales = Some(self.edges.iter().map(ratio).collect());
        Ok(self)
    }

    /// What each column is, such as `A → B`.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The edges of each network, n × columns.
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`] for networks of other nodes, [`Error::NotFinite`].
    pub fn table(&self, networks: &Networks) -> Result<Array2<f64>> {
        check_columns("networks", self.nodes, networks.nodes())?;
        let edges = networks.edges();
        let mut table =
            Array2::from_shape_fn((networks.rows(), self.edges.len()), |(row, column)| {
                let (from, to) = self.edges[column];
                edges[[row, from, to]]
            });
        if let Some(scales) = &self.scales {
            table *= scales;
            check_finite("edges in units of deviations", table.view())?;
        }
        Ok(table)
    }

    /// What `of` makes of the edges at the contexts, a row for each, from blocks of few networks.
    pub(crate) fn in_blocks(
        &self,
        model: &dyn VaryingNetworks,
        contexts: ArrayView2<'_, f64>,
        width: usize,
        of: impl Fn(Array2<f64>) -> Result<Array2<f64>>,
    ) -> Result<Array2<f64>> {
        let mut all = Array2::zeros((contexts.nrows(), width));
        model.visit_networks(contexts, BLOCK, &mut |first, networks| {
            let rows = of(self.table(networks)?)?;
            let last = first + rows.nrows();
            all.slice_mut(s![first..last, ..]).assign(&rows);
            Ok(())
        })?;
        Ok(all)
    }

    /// The edges of a model's networks at every row of contexts, n × columns. See
    /// [`PrincipalComponentsModel::transform_networks`](super::PrincipalComponentsModel::transform_networks)
    /// where these are too many numbers.
    ///
    /// # Errors
    ///
    /// Those of [`VaryingNetworks::networks`] and of [`NetworkColumns::table`].
    pub fn of_model(
        &self,
        model: &dyn VaryingNetworks,
        contexts: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>> {
        self.in_blocks(model, contexts, self.edges.len(), Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array3, array};

    #[test]
    fn levels_are_predictors_at_the_means() {
        let samples = Samples::new(
            array![[0.0], [0.0]].view(),
            array![[1.0], [5.0]].view(),
            array![[0.0, 1.0], [4.0, 0.0]].view(),
        )
        .unwrap();
        let columns = CoefficientColumns::new(&samples, Family::Gaussian).unwrap();
        let columns = columns.with_levels().with_levels();
        let names = ["x0 → y0", "x0 → y1", "level of y0", "level of y1"];
        assert_eq!(columns.names(), names);
        let slopes = array![[3.0], [1.0]];
        let one = Coefficients::constant(slopes.view(), array![1.0, 2.0].view(), 1).unwrap();
        // The feature has mean 3 and deviation 2, the targets 2 and 0.5.
        let expected = array![[3.0, 4.0, 5.0, 10.0]];
        assert_eq!(columns.table(&one).unwrap(), expected);
        let logit = CoefficientColumns::new(&samples, Family::Binomial).unwrap();
        assert_eq!(logit.table(&one).unwrap(), array![[6.0, 2.0]]);
        let wide = Coefficients::constant(Array2::zeros((2, 2)).view(), array![0.0, 0.0].view(), 1);
        assert!(matches!(
            columns.table(&wide.unwrap()),
            Err(Error::ColumnCount {
                argument: "features",
                expected: 1,
                found: 2
            })
        ));
    }

    #[test]
    fn edges_are_named_and_scaled() {
        let mut edges = Array3::zeros((1, 3, 3));
        edges[[0, 0, 1]] = 4.0;
        edges[[0, 2, 0]] = 6.0;
        let networks = Networks::new(edges).unwrap();
        let nodes = ["A", "B", "C"];
        let directed = NetworkColumns::directed(&nodes);
        assert_eq!(directed.names()[..3], ["A → B", "A → C", "B → A"]);
        let table = directed.table(&networks).unwrap();
        assert_eq!(table, array![[4.0, 0.0, 0.0, 0.0, 6.0, 0.0]]);
        let scaled = directed.scaled(array![1.0, 2.0, 3.0].view()).unwrap();
        let table = scaled.table(&networks).unwrap();
        assert_eq!(table, array![[2.0, 0.0, 0.0, 0.0, 18.0, 0.0]]);
        let undirected = NetworkColumns::undirected(&nodes);
        assert_eq!(undirected.names(), ["A – B", "A – C", "B – C"]);
        assert_eq!(
            undirected.table(&networks).unwrap(),
            array![[4.0, 0.0, 0.0]]
        );
        assert!(NetworkColumns::directed(&["A"]).table(&networks).is_err());
        assert!(undirected.clone().scaled(array![1.0].view()).is_err());
        assert!(undirected.scaled(array![1.0, 0.0, 1.0].view()).is_err());
    }
}

//! Cox's regression: hazard ratios that are the same for all, whatever the hazard of time.

use crate::design::Design;
use contextualized_core::validate::{check_columns, check_rows};
use contextualized_core::{
    Checked, Error, FitReport, Result, Samples, SurvivalTimes, Termination, checked_serde,
};
use contextualized_solvers::{Cholesky, cholesky_with_limit};
use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use serde::{Deserialize, Serialize};

/// The change of ln L that Newton's method stops at, relative to ln L.
const TOLERANCE: f64 = 1e-13;
const ITERATIONS: usize = 60;
const HALVINGS: usize = 30;
/// Standardised coefficients beyond this are those of a likelihood without a maximum.
const LARGEST: f64 = 15.0;

/// What the partial likelihood makes of events at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ties {
    /// Every event has the whole risk set at its time (Breslow 1974, doi:10.2307/2529620).
    Breslow,
    /// Events at a time leave the risk set one by one, in an order that is not known (Efron 1977,
    /// doi:10.1080/01621459.1977.10480613): less biased where there are many.
    #[default]
    Efron,
}

/// Cox's regression of survival times on features (Cox 1972, doi:10.1111/j.2517-6161.1972.tb00899.x), by the maximum of
/// the partial likelihood.
///
/// The hazard of a subject at time t is h(t) exp(b'x + offset), where nothing is assumed of h, and b is the same for
/// all. Contexts and targets of the samples are not used; weights count as numbers of subjects.
///
/// ```
/// use contextualized_baselines::CoxRegression;
/// use contextualized_core::{Samples, SurvivalTimes};
/// use ndarray::{Array2, array};
///
/// // Of two at risk until time 1 the one with the feature has its event.
/// let (none, features) = (Array2::zeros((4, 1)), array![[1.0], [0.0], [0.0], [1.0]]);
/// let subjects = Samples::new(none.view(), features.view(), none.view())?;
/// let times = SurvivalTimes::new(array![1.0, 2.0, 3.0, 4.0].view(), array![1.0, 1.0, 1.0, 0.0].view())?;
/// let model = CoxRegression::new().fit(&subjects, &times)?;
/// // e / (2 + 2 e) · 1 / (2 + e) · 1 / (1 + e) has its maximum where 1 = 2 e / (1 + e) + e / (2 + e).
/// let e = model.coefficients()[0].exp();
/// assert!((2.0 * e / (1.0 + e) + e / (2.0 + e) - 1.0).abs() < 1e-9);
/// # Ok::<(), contextualized_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CoxRegression {
    ties: Ties,
}

impl CoxRegression {
    /// With Efron's treatment of ties.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is made of events at the same time (default: Efron's).
    pub fn ties(mut self, ties: Ties) -> Self {
        self.ties = ties;
        self
    }

    /// Fits the features of these subjects to their times.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`] for other than one time for each subject; [`Error::NoColumns`] without features;
    /// [`Error::InvalidParameter`] without events; [`Error::RankDeficient`] for features that are constant or depend on
    /// each other; [`Error::Separated`] where the partial likelihood has no maximum; [`Error::NotConverged`];
    /// [`Error::Cancelled`].
    pub fn fit(&self, subjects: &Samples, times: &SurvivalTimes) -> Result<CoxModel> {
        check_rows("survival times", subjects.rows(), times.rows())?;
        subjects.check_no_random_effects("Cox's regression")?;
        if subjects.features().ncols() == 0 {
            let argument = "features";
            return Err(Error::NoColumns { argument });
        }
        let counted: Vec<usize> = (0..subjects.rows())
            .filter(|&row| subjects.weights().is_none_or(|weights| weights[row] > 0.0))
            .collect();
        if !counted.iter().any(|&row| times.events()[row]) {
            let requirement = "at least 1: without events nothing is known of hazards";
            return Err(Error::invalid_parameter("number of events", 0, requirement));
        }
        let subjects = subjects.select(&counted)?;
        let times = select(times, &counted)?;
        let design = Design::new(&subjects, true)?;
        design.require_independent()?;
        let features = design.matrix.slice_axis(Axis(1), design.features());
        let data = Data::new(features, &subjects, &times, self.ties);
        let columns = features.ncols();
        let mut coefficients = Array1::zeros(columns);
        let mut at = data.likelihood(&coefficients);
        let null = at.value;
        let mut change = f64::INFINITY;
        for iteration in 1..=ITERATIONS {
            subjects.monitor().check()?;
            let Ok(information) = cholesky_with_limit(at.information.view(), 0.0) else {
                break;
            };
            let step = solve(&information, &at.score)?;
            let mut share = 1.0;
            let mut moved = &coefficients + &step;
            let mut next = data.likelihood(&moved);
            for _ in 0..HALVINGS {
                // Close to the maximum the likelihood is flat to rounding.
                if next.value >= at.value - TOLERANCE * at.value.abs() {
                    break;
                }
                share /= 2.0;
                moved = &coefficients + &(&step * share);
                next = data.likelihood(&moved);
            }
            change = step.dot(&at.score) / (1.0 + at.value.abs());
            (coefficients, at) = (moved, next);
            if coefficients.iter().any(|own: &f64| own.abs() > LARGEST) {
                break;
            }
            if change <= TOLERANCE && share == 1.0 {
                let report = FitReport {
                    termination: Termination::Converged,
                    iterations: iteration,
                    objective: at.value,
                    best_epoch: None,
                };
                return model(&design, &data, coefficients, &at, null, self.ties, report);
            }
        }
        let largest = coefficients
            .iter()
            .fold(0.0_f64, |most, own| most.max(own.abs()));
        if largest > LARGEST || !change.is_finite() {
            let target = subjects.names().targets[0].clone();
            return Err(Error::Separated { target });
        }
        Err(Error::NotConverged {
            algorithm: "Newton's method of Cox's regression",
            iterations: ITERATIONS,
            criterion: "the relative change of the partial likelihood",
            value: change,
            tolerance: TOLERANCE,
        })
    }
}

fn select(times: &SurvivalTimes, rows: &[usize]) -> Result<SurvivalTimes> {
    let events: Array1<f64> = rows
        .iter()
        .map(|&row| f64::from(times.events()[row]))
        .collect();
    SurvivalTimes::with_entry(
        times.starts().select(Axis(0), rows).view(),
        times.stops().select(Axis(0), rows).view(),
        events.view(),
    )
}

fn solve(information: &Cholesky, score: &Array1<f64>) -> Result<Array1<f64>> {
    let column = score.view().insert_axis(Axis(1));
    let solved = information
        .solve(column)
        .map_err(|source| Error::numerical("Newton's step", source))?;
    Ok(solved.column(0).to_owned())
}

/// Back from standardised features to those of the users.
fn model(
    design: &Design<'_>,
    data: &Data<'_>,
    coefficients: Array1<f64>,
    at: &Likelihood,
    null: f64,
    ties: Ties,
    report: FitReport,
) -> Result<CoxModel> {
    let failed = |source| Error::numerical("the covariance of Cox's regression", source);
    let covariance = cholesky_with_limit(at.information.view(), 0.0).map_err(failed)?;
    let mut covariance = covariance.inverse().map_err(failed)?;
    let mut baseline = data.baseline(&coefficients);
    let solution = concatenated(&coefficients);
    let (slopes, centre) = design.to_original_units(solution.view().insert_axis(Axis(1)))?;
    // Standardised features are zero at the mean, those of the users elsewhere.
    let factor = centre[0].exp();
    baseline
        .iter_mut()
        .for_each(|(_, hazard)| *hazard *= factor);
    let scales = design.scales();
    for ((row, column), value) in covariance.indexed_iter_mut() {
        *value /= scales[row] * scales[column];
    }
    let model = CoxModel {
        ties,
        coefficients: slopes.row(0).to_owned(),
        covariance,
        log_likelihoods: [null, at.value],
        baseline,
        report,
    };
    model.check()?;
    Ok(model)
}

/// An intercept of zero before the coefficients.
fn concatenated(coefficients: &Array1<f64>) -> Array1<f64> {
    std::iter::once(0.0)
        .chain(coefficients.iter().copied())
        .collect()
}

/// ln L with its derivatives.
struct Likelihood {
    value: f64,
    score: Array1<f64>,
    information: Array2<f64>,
}

/// Standardised features and times in the order in which risk sets grow: from the last time to the first.
struct Data<'a> {
    features: ArrayView2<'a, f64>,
    weights: Array1<f64>,
    offsets: Array1<f64>,
    times: &'a SurvivalTimes,
    /// Rows by falling stops.
    by_stop: Vec<usize>,
    /// Rows that come in later than at the first time, by falling starts.
    by_start: Vec<usize>,
    ties: Ties,
}

/// Weighted sums of exp(η), x exp(η) and x x' exp(η).
#[derive(Clone)]
struct Sums {
    zero: f64,
    one: Array1<f64>,
    two: Array2<f64>,
}

impl Sums {
    fn new(columns: usize) -> Self {
        Self {
            zero: 0.0,
            one: Array1::zeros(columns),
            two: Array2::zeros((columns, columns)),
        }
    }

    fn add(&mut self, risk: f64, features: ndarray::ArrayView1<'_, f64>) {
        self.zero += risk;
        for (row, &x) in features.iter().enumerate() {
            self.one[row] += risk * x;
            for (cell, other) in self.two.row_mut(row).iter_mut().zip(features) {
                *cell += risk * x * other;
            }
        }
    }
}

impl<'a> Data<'a> {
    fn new(
        features: ArrayView2<'a, f64>,
        subjects: &Samples,
        times: &'a SurvivalTimes,
        ties: Ties,
    ) -> Self {
        let rows = times.rows();
        let (starts, stops) = (times.starts(), times.stops());
        let mut by_stop: Vec<usize> = (0..rows).collect();
        by_stop.sort_by(|&a, &b| stops[b].total_cmp(&stops[a]));
        let first = stops.iter().copied().fold(f64::INFINITY, f64::min);
        let mut by_start: Vec<usize> = (0..rows).filter(|&row| starts[row] >= first).collect();
        by_start.sort_by(|&a, &b| starts[b].total_cmp(&starts[a]));
        let or = |own: Option<ndarray::ArrayView1<'_, f64>>, default: f64| {
            own.map_or_else(|| Array1::from_elem(rows, default), |own| own.to_owned())
        };
        Self {
            features,
            weights: or(subjects.weights(), 1.0),
            offsets: or(subjects.offsets(), 0.0),
            times,
            by_stop,
            by_start,
            ties,
        }
    }

    /// Linear predictors less the largest of them, which is the second.
    fn predictors(&self, coefficients: &Array1<f64>) -> (Array1<f64>, f64) {
        let predictors = self.features.dot(coefficients) + &self.offsets;
        let largest = predictors.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (predictors - largest, largest)
    }

    /// Gives, at every time with events from the last to the first, the sums of its risk set and its events.
    fn at_events(&self, risks: &Array1<f64>, mut visit: impl FnMut(f64, &Sums, &[usize])) {
        let (starts, stops) = (self.times.starts(), self.times.stops());
        let mut sums = Sums::new(self.features.ncols());
        let (mut next, mut gone) = (0, 0);
        let mut events = Vec::new();
        while next < self.by_stop.len() {
            let time = stops[self.by_stop[next]];
            events.clear();
            while let Some(&row) = self.by_stop.get(next).filter(|row| stops[**row] == time) {
                sums.add(risks[row], self.features.row(row));
                if self.times.events()[row] {
                    events.push(row);
                }
                next += 1;
            }
            // Who starts at a time or later is not yet at risk.
            while let Some(&row) = self.by_start.get(gone).filter(|row| starts[**row] >= time) {
                sums.add(-risks[row], self.features.row(row));
                gone += 1;
            }
            if !events.is_empty() {
                visit(time, &sums, &events);
            }
        }
    }

    fn likelihood(&self, coefficients: &Array1<f64>) -> Likelihood {
        let columns = self.features.ncols();
        let (predictors, _) = self.predictors(coefficients);
        let risks = predictors.mapv(f64::exp) * &self.weights;
        let mut found = Likelihood {
            value: 0.0,
            score: Array1::zeros(columns),
            information: Array2::zeros((columns, columns)),
        };
        self.at_events(&risks, |_, all, events| {
            let mut own = Sums::new(columns);
            let mut weight = 0.0;
            for &row in events {
                found.value += self.weights[row] * predictors[row];
                found
                    .score
                    .scaled_add(self.weights[row], &self.features.row(row));
                weight += self.weights[row];
                own.add(risks[row], self.features.row(row));
            }
            let count = match self.ties {
                Ties::Breslow => 1,
                Ties::Efron => events.len(),
            };
            let each = weight / count as f64;
            for left in 0..count {
                let share = left as f64 / count as f64;
                let zero = all.zero - share * own.zero;
                let mean = (&all.one - &(&own.one * share)) / zero;
                found.value -= each * zero.ln();
                found.score.scaled_add(-each, &mean);
                for ((row, column), cell) in found.information.indexed_iter_mut() {
                    let second = all.two[[row, column]] - share * own.two[[row, column]];
                    *cell += each * (second / zero - mean[row] * mean[column]);
                }
            }
        });
        // Rounding must not make it uneven.
        let transposed = found.information.t().to_owned();
        found.information = (found.information + transposed) / 2.0;
        found
    }

    /// Breslow's estimator of the cumulative hazard where features and offsets are zero: after each time with events.
    fn baseline(&self, coefficients: &Array1<f64>) -> Vec<(f64, f64)> {
        let (predictors, largest) = self.predictors(coefficients);
        let risks = predictors.mapv(f64::exp) * &self.weights;
        let mut steps = Vec::new();
        self.at_events(&risks, |time, all, events| {
            let weight: f64 = events.iter().map(|&row| self.weights[row]).sum();
            steps.push((time, (weight / all.zero) * (-largest).exp()));
        });
        steps.reverse();
        let mut sum = 0.0;
        for (_, step) in &mut steps {
            sum += *step;
            *step = sum;
        }
        steps
    }
}

/// A fitted Cox regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct CoxModel {
    ties: Ties,
    coefficients: Array1<f64>,
    covariance: Array2<f64>,
    log_likelihoods: [f64; 2],
    baseline: Vec<(f64, f64)>,
    report: FitReport,
}

checked_serde!(CoxModel);

impl Checked for CoxModel {
    fn check(&self) -> Result<()> {
        let count = self.coefficients.len();
        check_rows("covariance", count, self.covariance.nrows())?;
        check_columns("covariance", count, self.covariance.ncols())?;
        let coefficients = self.coefficients.view().insert_axis(Axis(0));
        contextualized_core::validate::check_finite("coefficients", coefficients)?;
        contextualized_core::validate::check_finite("covariance", self.covariance.view())?;
        let rises = |pair: &[(f64, f64)]| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1;
        let finite = |own: &(f64, f64)| own.0.is_finite() && own.1.is_finite() && own.1 >= 0.0;
        if !self.baseline.windows(2).all(rises) || !self.baseline.iter().all(finite) {
            let requirement = "finite, and not falling with time";
            return Err(Error::invalid_parameter(
                "baseline cumulative hazard",
                format!("{:?}", self.baseline),
                requirement,
            ));
        }
        Ok(())
    }
}

impl CoxModel {
    /// Logarithms of hazard ratios per unit of each feature.
    pub fn coefficients(&self) -> &Array1<f64> {
        &self.coefficients
    }

    /// Standard errors of the coefficients, by the observed information.
    pub fn standard_errors(&self) -> Array1<f64> {
        self.covariance.diag().mapv(f64::sqrt)
    }

    /// The covariance of the coefficients (features × features).
    pub fn covariance(&self) -> &Array2<f64> {
        &self.covariance
    }

    /// ln L without features, and at the coefficients; twice their difference is the likelihood ratio statistic.
    pub fn log_likelihoods(&self) -> [f64; 2] {
        self.log_likelihoods
    }

    /// How ties were treated.
    pub fn ties(&self) -> Ties {
        self.ties
    }

    /// Iterations, and the partial likelihood as the objective.
    pub fn report(&self) -> &FitReport {
        &self.report
    }

    /// Breslow's estimator of the baseline cumulative hazard, that of features and offsets of zero: times of events
    /// with its values from then on. Before the first it is zero.
    pub fn baseline_cumulative_hazard(&self) -> &[(f64, f64)] {
        &self.baseline
    }

    /// Probabilities of no event until these times (features' rows × times): exp(−H(t) exp(b'x)).
    ///
    /// # Errors
    ///
    /// [`Error::ColumnCount`] and [`Error::NotFinite`] for features that do not fit the model.
    pub fn survival(&self, features: ArrayView2<'_, f64>, times: &[f64]) -> Result<Array2<f64>> {
        check_columns("features", self.coefficients.len(), features.ncols())?;
        contextualized_core::validate::check_finite("features", features)?;
        let predictors = features.dot(&self.coefficients);
        let hazards: Vec<f64> = times
            .iter()
            .map(|time| {
                let before = self.baseline.partition_point(|(own, _)| own <= time);
                let last = before.checked_sub(1).map(|at| self.baseline[at].1);
                last.unwrap_or(0.0)
            })
            .collect();
        let mut survival = Array2::ones((features.nrows(), times.len()));
        for (row, predictor) in predictors.iter().enumerate() {
            let mut own = survival.slice_mut(s![row, ..]);
            for (cell, hazard) in own.iter_mut().zip(&hazards) {
                if *hazard > 0.0 {
                    *cell = (-(hazard.ln() + predictor).exp()).exp();
                }
            }
        }
        Ok(survival)
    }
}

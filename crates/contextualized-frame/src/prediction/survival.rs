//! Probabilities of surviving, from coefficients that may depend on time.

use super::unknown::Part;
use super::{Asked, Estimates, Interval, uneven};
use crate::design::{Encoded, SurvivalDesign, selected};
use crate::error::Result;
use crate::saved::{Regression, Saved};
use contextualized_core::{Link, VaryingCoefficients, WeightedContexts, WithSums};
use ndarray::{Array2, Array3, ArrayView2, Axis, s};

/// Rows whose intervals are found together: sums know how their contexts hang together, which takes the square of
/// their number.
const BLOCK: usize = 32;

/// What larger hazards are taken for, whose products are finite.
const LARGEST_HAZARD: f64 = 1e100;

impl Saved {
    /// What can be asked of rows where this is asked: of survival times a prediction is a hazard, and its intervals are
    /// those of the hazard whatever intervals should contain, for a new outcome would be an event within an interval.
    pub fn answerable(&self, asked: &Asked) -> Asked {
        Asked {
            interval: if self.design.survival.is_some() {
                Interval::Mean
            } else {
                asked.interval
            },
            ..*asked
        }
    }

    /// Probabilities of no event until these times, at the complete rows of a block: rows × 1 × times, with ends of
    /// intervals of probability `level` if one is given.
    ///
    /// The probability is exp(−H), where the cumulative hazard H adds up the hazards of the intervals of time, each
    /// with the coefficients at its time. Ends are exp(−H exp(±z s)), with the standard error s of ln H by the delta
    /// method (Kalbfleisch and Prentice 2002, doi:10.1002/9781118032985); random effects count as known in them. Rows
    /// with a level that training did not have are predicted by the constant-coefficient model, without intervals, and
    /// are NaN where the level is a feature's.
    ///
    /// # Errors
    ///
    /// [`Error::Request`](crate::Error::Request) of a model of other outcomes, and for times that nothing is known of;
    /// [`Error::Model`](crate::Error::Model) of a model without intervals, if a level is given; those of
    /// [`Regression::predict_encoded`].
    pub fn survival(
        &self,
        regression: &Regression,
        times: &[f64],
        level: Option<f64>,
        encoded: &Encoded,
    ) -> Result<Estimates> {
        let survival = self.design.required_survival("--times")?;
        for &time in times {
            survival.check_time("--times", time)?;
        }
        let bands = match level {
            None => None,
            Some(level) => Some((regression.required_sums()?, level)),
        };
        let widths: Vec<Vec<f64>> = times
            .iter()
            .map(|time| survival.intervals.widths_until(*time))
            .collect();
        let widths = Array2::from_shape_fn(
            (times.len(), survival.intervals.count()),
            |(time, interval)| widths[time][interval],
        );
        let of = |model: &dyn VaryingCoefficients, bands, rows: &[usize]| {
            let part = Part {
                contexts: encoded.contexts.select(Axis(0), rows),
                features: encoded.features.select(Axis(0), rows),
                offsets: encoded
                    .offsets
                    .as_ref()
                    .map(|all| all.select(Axis(0), rows)),
                random: selected(&encoded.random, rows)?,
            };
            estimates(model, bands, survival, widths.view(), &part)
        };
        let (known, unknown, places) = encoded.parted();
        let mut found = of(&regression.model, bands, &known)?;
        if unknown.is_empty() {
            return Ok(found);
        }
        let mut others = of(regression.required_population()?, None, &unknown)?;
        for (place, &row) in unknown.iter().enumerate() {
            if encoded.unknown_features[row] {
                others.values.slice_mut(s![place, .., ..]).fill(f64::NAN);
            }
        }
        if found.interval.is_some() {
            let nan = || Array3::from_elem(others.values.dim(), f64::NAN);
            others.interval = Some([nan(), nan()]);
        }
        found = Estimates::joined(&[&found, &others])?;
        Ok(found.map(|table| table.select(Axis(0), &places)))
    }
}

/// Probabilities of rows (n × 1 × times), where each time has the widths (times × intervals) of the intervals before it.
fn estimates(
    model: &dyn VaryingCoefficients,
    bands: Option<(&dyn WithSums, f64)>,
    survival: &SurvivalDesign,
    widths: ArrayView2<'_, f64>,
    part: &Part,
) -> Result<Estimates> {
    let rows = part.contexts.nrows();
    let (times, intervals) = widths.dim();
    let mut values = Array3::zeros((rows, 1, times));
    let mut ends = bands.map(|_| [values.clone(), values.clone()]);
    for start in (0..rows).step_by(BLOCK) {
        let block: Vec<usize> = (start..rows.min(start + BLOCK)).collect();
        // Of each row a context for every interval.
        let repeated: Vec<usize> = block
            .iter()
            .flat_map(|&row| std::iter::repeat_n(row, intervals))
            .collect();
        let mut contexts = part.contexts.select(Axis(0), &repeated);
        if let Some(last) = contexts.ncols().checked_sub(1) {
            let at = survival.intervals.times().iter().cycle();
            let mut time = contexts.column_mut(last);
            time.iter_mut().zip(at).for_each(|(cell, at)| *cell = *at);
        }
        let features = part.features.select(Axis(0), &repeated);
        let mut predictor = model.linear_predictor(contexts.view(), features.view())?;
        if let Some(offsets) = &part.offsets {
            predictor += &offsets.select(Axis(0), &repeated).insert_axis(Axis(1));
        }
        let random = selected(&part.random, &repeated)?;
        if let (Some(model), [_, ..]) = (model.as_random_effects(), &random[..]) {
            predictor += &model.random_predictor(&random)?;
        }
        let hazards = predictor
            .column(0)
            .mapv(|own| Link::Log.inverse(own).min(LARGEST_HAZARD))
            .into_shape_with_order((block.len(), intervals))
            .map_err(uneven)?;
        let cumulative = hazards.dot(&widths.t());
        let own = cumulative.mapv(|hazard| (-hazard).exp());
        values
            .slice_mut(s![start..start + block.len(), 0, ..])
            .assign(&own);
        let (Some((bands, level)), Some(ends)) = (bands, &mut ends) else {
            continue;
        };
        // ln H depends on the predictors by the shares of the intervals in H.
        let mut shares = Array2::zeros((block.len() * times, block.len() * intervals));
        for row in 0..block.len() {
            for time in 0..times {
                let total = cumulative[[row, time]];
                for interval in 0..intervals {
                    let hazard = widths[[time, interval]] * hazards[[row, interval]];
                    if total > 0.0 && total.is_finite() {
                        shares[[row * times + time, row * intervals + interval]] = hazard / total;
                    }
                }
            }
        }
        let sums = WeightedContexts::new(contexts, shares)?;
        let found = bands.predictor_sums(&sums, features.view(), level)?;
        for row in 0..block.len() {
            for time in 0..times {
                let at = [row * times + time, 0];
                let of = |end: f64| {
                    let factor = (end - found.values[at]).exp();
                    (-cumulative[[row, time]] * factor).exp()
                };
                // A larger hazard is a smaller probability.
                let own = [of(found.upper[at]), of(found.lower[at])];
                for (end, own) in ends.iter_mut().zip(own) {
                    end[[block[row], 0, time]] = own;
                }
            }
        }
    }
    Ok(Estimates {
        values,
        interval: ends,
        standard_errors: None,
    })
}

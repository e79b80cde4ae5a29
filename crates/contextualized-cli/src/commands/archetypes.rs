//! `archetypes`: what the rows of a model are mixed of.

use crate::arguments::{Archetypes, Global};
use crate::error::{Error, Result};
use crate::model_files;
use crate::output::{Table, print};
use crate::saved::Fitted;
use contextualized_analysis::{ArchetypeSummary, CoefficientColumns};
use contextualized_core::LocalCoefficients;
use contextualized_files::shown;
use contextualized_frame::account::rows_in_words;

pub(crate) fn run(arguments: &Archetypes, global: &Global) -> Result<()> {
    let saved = model_files::load(&arguments.model)?;
    let Fitted::Regression(regression) = &saved.fitted else {
        return Err(Error::failure(format!(
            "{} holds networks, whose archetypes are not shown; `contextualized effects` shows their edges",
            shown(&arguments.model)
        )));
    };
    let none = || {
        Error::failure(format!(
            "the model of {} ({}) has no archetypes; clusters and neural networks do: fit with --estimator cluster, or neural and --archetypes K",
            shown(&arguments.model),
            saved.fitted.describe()
        ))
    };
    let model = regression.model.as_archetypes().ok_or_else(none)?;
    let training = saved.training.samples(&saved.design)?;
    let columns = CoefficientColumns::new(&training, regression.model.family())?.with_levels();
    let found = match ArchetypeSummary::new(model, &training, &columns) {
        Err(contextualized_core::Error::InvalidParameter { .. }) => return Err(none()),
        found => found?,
    };
    let names = training.names();
    let mut sizes = Table::new("archetypes", &["archetype", "rows", "context", "mean"]);
    let mut coefficients = Table::new("coefficients", &["archetype", "coefficient", "value"]);
    for archetype in 0..found.sizes.len() {
        let name = (archetype + 1).to_string();
        let means = names
            .contexts
            .iter()
            .zip(found.mean_contexts.row(archetype));
        for (context, mean) in means {
            sizes.push(vec![
                name.as_str().into(),
                found.sizes[archetype].into(),
                context.as_str().into(),
                (*mean).into(),
            ]);
        }
        for (column, value) in found.names.iter().zip(found.table.row(archetype)) {
            coefficients.push(vec![
                name.as_str().into(),
                column.as_str().into(),
                (*value).into(),
            ]);
        }
    }
    let deviations = if found.base.is_some() {
        " They are deviations from the population's, and other archetypes could have given the same coefficients."
    } else {
        ""
    };
    let sections = [
        (rows_in_words(&saved), None),
        (format!("Fitted: {}", saved.fitted.describe()), None),
        (
            format!(
                "Size of each archetype (sum of its shares over the training rows) and mean contexts of its rows. Effective number of archetypes (exponential of the entropy of the sizes): {:.1}.",
                found.effective
            ),
            Some(sizes),
        ),
        (
            format!(
                "Coefficients of each archetype, in standard deviations of outcome and feature.{deviations}"
            ),
            Some(coefficients),
        ),
    ];
    print(&saved.facts(), &sections, global.json)
}

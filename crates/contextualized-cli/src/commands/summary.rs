//! `summary`: a regression in numbers.

use crate::arguments::{Global, Summary};
use crate::error::{Error, Result};
use crate::model_files;
use crate::output::print;
use crate::saved::Fitted;
use contextualized_files::shown;
use contextualized_frame::account::{self, Account};

pub(crate) fn run(arguments: &Summary, global: &Global) -> Result<()> {
    let saved = model_files::load(&arguments.model)?;
    let regression = match &saved.fitted {
        Fitted::Regression(regression) => regression,
        Fitted::Networks(_) => {
            return Err(Error::failure(format!(
                "{} holds networks; `contextualized effects` shows their edges",
                shown(&arguments.model)
            )));
        }
    };
    let training = saved.training.samples(&saved.design)?;
    let mut account = Account::new(&saved, regression, &training, arguments.level)?;
    if arguments.exponentiate {
        account = account.exponentiated()?;
    }
    if arguments.marginal {
        account = account.with_marginal_effects()?;
    }
    let sections = account::summary(&account)?;
    print(&saved.facts(), &sections, global.json)
}

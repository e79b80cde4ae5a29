//! `effects`: which coefficient varies, with which context, and with what evidence; of networks, which edge.

use super::curves::{write_figures, write_table};
use crate::arguments::{Effects, Global};
use crate::error::{Error, Result};
use crate::model_files;
use crate::output::{OutputFile, print};
use contextualized_core::Monitor;
use contextualized_files::{is_standard, shown};
use contextualized_frame::account;
use contextualized_frame::curves::curves;

pub(crate) fn run(arguments: &Effects, global: &Global) -> Result<()> {
    let saved = model_files::load(&arguments.model)?;
    if let Some(path) = &arguments.curves {
        OutputFile::check(path)?;
    }
    if let Some(folder) = &arguments.figures {
        let failed = |source| Error::file("write", &shown(folder), &source);
        std::fs::create_dir_all(folder).map_err(failed)?;
        OutputFile::check(&folder.join("figure.svg"))?;
    }
    let mut sections = account::effects(&saved, Monitor::default())?;
    if arguments.curves.is_some() || arguments.figures.is_some() {
        let training = saved.training.samples(&saved.design)?;
        let curves = curves(&saved, &training, arguments.level)?;
        if let Some(path) = &arguments.curves {
            write_table(&curves, path)?;
            sections.push((format!("Curves written to {}", shown(path)), None));
        }
        if let Some(folder) = &arguments.figures {
            let drawn = write_figures(&curves, folder)?;
            let text = format!("{drawn} figures drawn in {}", shown(folder));
            sections.push((text, None));
        }
    }
    if arguments.curves.as_deref().is_some_and(is_standard) {
        return Ok(());
    }
    print(&saved.facts(), &sections, global.json)
}

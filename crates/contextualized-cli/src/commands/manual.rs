//! Completion scripts and manual pages.

use crate::arguments::Arguments;
use crate::error::{Error, Result};
use crate::output::print_text;
use crate::paths::shown;
use clap::CommandFactory;
use std::path::Path;

pub(crate) fn completions(shell: clap_complete::Shell) -> Result<()> {
    let mut script = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(shell, &mut command, "contextualized", &mut script);
    print_text(&script)
}

pub(crate) fn pages(folder: &Path) -> Result<()> {
    let name = shown(folder);
    let failed = |source| Error::file("write", &name, &source);
    std::fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(Arguments::command(), folder).map_err(failed)
}

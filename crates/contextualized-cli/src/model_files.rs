//! Model files, by their names.

use crate::error::{Error, Result};
use crate::model_file::{BEGINNING, check_beginning};
use crate::output::OutputFile;
use crate::saved::Saved;
use contextualized_files::shown;
use std::io::Read;
use std::path::Path;

/// Writes a model to a file, whole or not at all.
pub(crate) fn save(model: &Saved, path: &Path) -> Result<()> {
    OutputFile::write_whole(path, &model.to_bytes()?)
}

/// Reads a model from a file.
pub(crate) fn load(path: &Path) -> Result<Saved> {
    let name = shown(path);
    let failed = |source| Error::file("read", &name, &source);
    let mut file = std::fs::File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(Error::failure(format!(
            "cannot read {name}: it is a folder, and a model file is needed"
        )));
    }
    // A look at the beginning first: a large file that is not a model is not read whole.
    let mut bytes = Vec::new();
    Read::by_ref(&mut file)
        .take(BEGINNING as u64)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    check_beginning(&bytes, &name)?;
    file.read_to_end(&mut bytes).map_err(failed)?;
    Ok(Saved::from_bytes(&mut bytes, &name)?)
}

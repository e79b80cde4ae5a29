//! `report`: one HTML file.

use crate::arguments::{Global, Report};
use crate::error::Result;

pub(crate) fn run(_arguments: &Report, _global: &Global) -> Result<()> {
    Err(crate::error::Error::failure("not yet"))
}

//! What people see while they wait: a bar on a terminal, nothing elsewhere.

use crate::arguments::Global;
use contextualized_core::Monitor;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// A bar, or a spinner while nothing can be counted.
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub(crate) fn new(global: &Global, what: &str) -> Self {
        // The target is hidden by itself where standard error is no terminal.
        let target = if global.quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_message(what.to_owned());
        if !global.quiet {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Self { bar }
    }

    pub(crate) fn say(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }

    /// Shows how far a fit is.
    pub(crate) fn monitor(&self) -> Monitor {
        let bar = self.bar.clone();
        Monitor::new(move |done, total| at(&bar, done, total))
    }

    /// So many rows are done, of an unknown number.
    pub(crate) fn rows(&self, rows: usize) {
        self.bar.set_message(format!("{rows} rows"));
    }
}

/// How many are done, and of how many.
fn at(bar: &ProgressBar, done: usize, total: usize) {
    if bar.length() != Some(total as u64) {
        bar.set_length(total as u64);
        if let Ok(style) = ProgressStyle::with_template("{msg} [{wide_bar}] {pos}/{len}") {
            bar.set_style(style.progress_chars("=> "));
        }
    }
    bar.set_position(done as u64);
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

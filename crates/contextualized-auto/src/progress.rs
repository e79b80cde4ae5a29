//! Telling a monitor how far the work is.

use contextualized_core::Monitor;
use std::sync::Mutex;

/// Counts finished fits, in order, from whichever thread finishes one.
pub(crate) struct Progress<'a> {
    done: Mutex<usize>,
    total: usize,
    monitor: &'a Monitor,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(total: usize, monitor: &'a Monitor) -> Self {
        monitor.progress(0, total);
        Self {
            done: Mutex::new(0),
            total,
            monitor,
        }
    }

    /// One more fit is done.
    pub(crate) fn step(&self) {
        self.skip(1);
    }

    /// So many more fits are done, or need not be.
    pub(crate) fn skip(&self, fits: usize) {
        if fits == 0 {
            return;
        }
        // A panic of a monitor elsewhere leaves the count as it was.
        let mut done = self
            .done
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        *done += fits;
        self.monitor.progress(*done, self.total);
    }
}

//! Telling an observer how far the work is.

use std::sync::Mutex;

/// Counts finished fits, in order, from whichever thread finishes one.
pub(crate) struct Progress<'a> {
    done: Mutex<usize>,
    total: usize,
    observer: &'a (dyn Fn(usize, usize) + Sync),
}

impl<'a> Progress<'a> {
    pub(crate) fn new(total: usize, observer: &'a (dyn Fn(usize, usize) + Sync)) -> Self {
        observer(0, total);
        Self {
            done: Mutex::new(0),
            total,
            observer,
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
        // A panic of an observer elsewhere leaves the count as it was.
        let mut done = self
            .done
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        *done += fits;
        (self.observer)(*done, self.total);
    }
}

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

    pub(crate) fn step(&self) {
        // A panic of an observer elsewhere leaves the count as it was.
        let mut done = self
            .done
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        *done += 1;
        (self.observer)(*done, self.total);
    }
}

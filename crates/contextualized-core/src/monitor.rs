//! Watching a fit from outside: how far it is, and ending it.

use crate::{Error, Result};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Watches the fits of samples that it is given to by [`Samples::with_monitor`](crate::Samples::with_monitor), those
/// of their folds and replicates too. Clones are one monitor.
///
/// Who waits for a fit on another thread ends it with [`cancel`](Monitor::cancel): every loop that takes long asks
/// [`check`](Monitor::check), so that the fit returns [`Error::Cancelled`] after an evaluation or a step.
///
/// ```
/// use contextualized_core::{Error, Monitor, Samples};
/// use ndarray::array;
///
/// let monitor = Monitor::new(|done, total| eprintln!("{done} of {total} fits"));
/// let (c, x, y) = (array![[0.1], [0.7]], array![[1.0], [2.0]], array![[1.5], [3.0]]);
/// let samples = Samples::new(c.view(), x.view(), y.view())?.with_monitor(monitor.clone());
/// monitor.cancel();
/// assert!(matches!(samples.select(&[0])?.monitor().check(), Err(Error::Cancelled)));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Monitor {
    /// None where nobody watches.
    watch: Option<Arc<Watch>>,
}

struct Watch {
    cancelled: AtomicBool,
    progress: Box<dyn Fn(usize, usize) + Send + Sync>,
}

impl Monitor {
    /// A monitor whose function is called with the number of fits that are done and their total number, by several
    /// threads, one at a time.
    pub fn new(progress: impl Fn(usize, usize) + Send + Sync + 'static) -> Self {
        Self {
            watch: Some(Arc::new(Watch {
                cancelled: AtomicBool::new(false),
                progress: Box::new(progress),
            })),
        }
    }

    /// Ends what it watches.
    pub fn cancel(&self) {
        if let Some(watch) = &self.watch {
            watch.cancelled.store(true, Ordering::Relaxed);
        }
    }

    /// Whether to go on.
    ///
    /// # Errors
    ///
    /// [`Error::Cancelled`] after [`cancel`](Monitor::cancel).
    pub fn check(&self) -> Result<()> {
        match &self.watch {
            Some(watch) if watch.cancelled.load(Ordering::Relaxed) => Err(Error::Cancelled),
            Some(_) | None => Ok(()),
        }
    }

    /// Reports that `done` of `total` fits are done.
    pub fn progress(&self, done: usize, total: usize) {
        if let Some(watch) = &self.watch {
            (watch.progress)(done, total);
        }
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cancelled = self.check().is_err();
        f.debug_struct("Monitor")
            .field("cancelled", &cancelled)
            .finish_non_exhaustive()
    }
}

/// Who watches makes no difference to what is watched.
impl PartialEq for Monitor {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn clones_are_one_monitor() {
        let seen = Arc::new(AtomicUsize::new(0));
        let told = Arc::clone(&seen);
        let monitor =
            Monitor::new(move |done, total| told.store(10 * done + total, Ordering::Relaxed));
        let other = monitor.clone();
        other.progress(3, 7);
        assert_eq!(seen.load(Ordering::Relaxed), 37);
        assert!(monitor.check().is_ok());
        other.cancel();
        assert!(matches!(monitor.check(), Err(Error::Cancelled)));
    }

    #[test]
    fn nobody_cancels_what_nobody_watches() {
        let monitor = Monitor::default();
        monitor.progress(1, 2);
        monitor.cancel();
        assert!(monitor.check().is_ok());
    }
}

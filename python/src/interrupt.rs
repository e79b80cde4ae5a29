//! Fits that Ctrl-C ends, and that tell how far they are.

use crate::errors::exception;
use contextualized_core::Monitor;
use contextualized_frame::Result;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long signals wait.
const WAIT: Duration = Duration::from_millis(100);

/// What a fit gives, which runs on a thread of its own while this one looks for signals, without holding Python.
/// `progress` is called with the numbers of fits that are done and of all, as they change.
pub(crate) fn interruptible<T: Send>(
    py: Python<'_>,
    progress: Option<&Py<PyAny>>,
    fit: impl FnOnce(Monitor) -> Result<T> + Send,
) -> PyResult<T> {
    let reached = Arc::new(Mutex::new((0, 0)));
    let told = Arc::clone(&reached);
    let monitor = Monitor::new(move |done, total| {
        *told.lock().unwrap_or_else(PoisonError::into_inner) = (done, total);
    });
    let mut shown = (0, 0);
    let mut look = |py: Python<'_>| -> PyResult<()> {
        py.check_signals()?;
        let now = *reached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(progress) = progress
            && now != shown
        {
            shown = now;
            progress.call1(py, now)?;
        }
        Ok(())
    };
    py.detach(|| {
        std::thread::scope(|scope| {
            let (sender, receiver) = channel();
            let watched = monitor.clone();
            scope.spawn(move || sender.send(fit(watched)));
            loop {
                match receiver.recv_timeout(WAIT) {
                    Ok(fitted) => return fitted.map_err(exception),
                    Err(RecvTimeoutError::Timeout) => {
                        if let Err(interrupt) = Python::attach(&mut look) {
                            monitor.cancel();
                            let _ = receiver.recv();
                            return Err(interrupt);
                        }
                    }
                    // The thread panicked, which the end of the scope passes on.
                    Err(RecvTimeoutError::Disconnected) => {
                        return Err(PyRuntimeError::new_err("the fit gave nothing"));
                    }
                }
            }
        })
    })
}

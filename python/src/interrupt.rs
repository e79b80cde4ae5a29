//! Fits that Ctrl-C ends.

use crate::errors::exception;
use contextualized_core::Monitor;
use contextualized_frame::Result;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// How long signals wait.
const WAIT: Duration = Duration::from_millis(100);

/// What a fit gives, which runs on a thread of its own while this one looks for signals, without holding Python.
pub(crate) fn interruptible<T: Send>(
    py: Python<'_>,
    fit: impl FnOnce(Monitor) -> Result<T> + Send,
) -> PyResult<T> {
    let monitor = Monitor::new(|_, _| ());
    py.detach(|| {
        std::thread::scope(|scope| {
            let (sender, receiver) = channel();
            let watched = monitor.clone();
            scope.spawn(move || sender.send(fit(watched)));
            loop {
                match receiver.recv_timeout(WAIT) {
                    Ok(fitted) => return fitted.map_err(exception),
                    Err(RecvTimeoutError::Timeout) => {
                        if let Err(interrupt) = Python::attach(|py| py.check_signals()) {
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

//! Long work that Ctrl-C ends, and that tells how far it is.

use crate::errors::exception;
use contextualized_core::Monitor;
use contextualized_frame::Error;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long signals wait.
const WAIT: Duration = Duration::from_millis(100);

/// What the thread that works says to the one that looks for signals.
enum Said<T, C> {
    /// It wants Python to be called.
    Call(C),
    /// It is done.
    Ended(T),
}

/// What a fit gives, which runs on a thread of its own while this one looks for signals, without holding Python.
/// `progress` is called with the numbers of fits that are done and of all, as they change.
pub(crate) fn interruptible<T: Send, E: Into<Error> + Send>(
    py: Python<'_>,
    progress: Option<&Py<PyAny>>,
    fit: impl FnOnce(Monitor) -> Result<T, E> + Send,
) -> PyResult<T> {
    let nothing = |_: Python<'_>, (): ()| Ok(());
    watched(py, progress, nothing, |monitor, _| fit(monitor))
}

/// What work gives that calls Python now and then: `call` does so on the thread of whoever asked for the work, as
/// functions of R and of some libraries need, and as Ctrl-C needs to end a function of Python.
pub(crate) fn calling<T: Send, E: Into<Error> + Send, C: Send>(
    py: Python<'_>,
    call: impl FnMut(Python<'_>, C) -> PyResult<()> + Send,
    work: impl FnOnce(Monitor, &(dyn Fn(C) + Sync)) -> Result<T, E> + Send,
) -> PyResult<T> {
    watched(py, None, call, work)
}

fn watched<T: Send, E: Into<Error> + Send, C: Send>(
    py: Python<'_>,
    progress: Option<&Py<PyAny>>,
    mut call: impl FnMut(Python<'_>, C) -> PyResult<()> + Send,
    work: impl FnOnce(Monitor, &(dyn Fn(C) + Sync)) -> Result<T, E> + Send,
) -> PyResult<T> {
    let reached = Arc::new(Mutex::new((0, 0)));
    let told = Arc::clone(&reached);
    let monitor = Monitor::new(move |done, total| {
        *told.lock().unwrap_or_else(PoisonError::into_inner) = (done, total);
    });
    let mut shown = (0, 0);
    let look = |py: Python<'_>| -> PyResult<()> {
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
            scope.spawn({
                let monitor = monitor.clone();
                move || said(sender, |ask| work(monitor, ask))
            });
            wait(&receiver, &monitor, look, &mut call)
        })
    })
}

/// Works, and says so.
fn said<T: Send, C: Send>(sender: Sender<Said<T, C>>, work: impl FnOnce(&(dyn Fn(C) + Sync)) -> T) {
    // Nobody listens to a thread only if that of the listener panicked.
    let ended = work(&|call| {
        let _ = sender.send(Said::Call(call));
    });
    let _ = sender.send(Said::Ended(ended));
}

/// Waits for the end; what Python raises meanwhile cancels the work, and is given in its place.
fn wait<T, E: Into<Error>, C: Send>(
    receiver: &Receiver<Said<Result<T, E>, C>>,
    monitor: &Monitor,
    mut look: impl FnMut(Python<'_>) -> PyResult<()> + Send,
    call: &mut (impl FnMut(Python<'_>, C) -> PyResult<()> + Send),
) -> PyResult<T> {
    let mut raised: Option<PyErr> = None;
    loop {
        let looked = match receiver.recv_timeout(WAIT) {
            Ok(Said::Ended(found)) => return raised.map_or_else(|| found.map_err(exception), Err),
            // What wants a call after that gets no answer.
            Ok(Said::Call(_)) | Err(RecvTimeoutError::Timeout) if raised.is_some() => continue,
            Ok(Said::Call(wanted)) => Python::attach(|py| {
                call(py, wanted)?;
                py.check_signals()
            }),
            Err(RecvTimeoutError::Timeout) => Python::attach(&mut look),
            // The thread panicked, which the end of the scope passes on.
            Err(RecvTimeoutError::Disconnected) => {
                return Err(PyRuntimeError::new_err("the work gave nothing"));
            }
        };
        if let Err(error) = looked {
            monitor.cancel();
            raised = Some(error);
        }
    }
}

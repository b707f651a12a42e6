//! Ctrl-C and its kin: noted once, asked before every call, and a way to wait that ends when it comes.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::check::Failed;

/// Whether somebody told the demo to stop.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<(Mutex<bool>, Condvar)>);

impl Stop {
    /// Listens for SIGINT, SIGTERM and SIGHUP until the program ends.
    pub(crate) fn listen() -> Self {
        let stop = Self::default();
        let told = stop.clone();
        // Without a listener the signals end the program as ever; the nodes then stop with their session.
        std::thread::spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
                return;
            };
            if runtime.block_on(signalled()).is_some() {
                told.set();
            }
        });
        stop
    }

    fn set(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    /// Fails if the demo was told to stop.
    pub(crate) fn check(&self) -> Result<(), Failed> {
        if *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) {
            return Err(Failed::new("the demo to run to its end", "it was told to stop (Ctrl-C)"));
        }
        Ok(())
    }

    /// Waits this long, or until told to stop.
    pub(crate) fn wait(&self, at_most: Duration) {
        let told = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Poisoned or timed out: the caller looks again either way.
        drop(self.0.1.wait_timeout_while(told, at_most, |told| !*told));
    }

    /// Waits until told to stop.
    pub(crate) fn wait_for_it(&self) {
        let told = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.0.1.wait_while(told, |told| !*told));
    }
}

async fn signalled() -> Option<()> {
    let mut int = signal(SignalKind::interrupt()).ok()?;
    let mut term = signal(SignalKind::terminate()).ok()?;
    let mut hup = signal(SignalKind::hangup()).ok()?;
    tokio::select! {
        told = int.recv() => told,
        told = term.recv() => told,
        told = hup.recv() => told,
    }
}

//! Ctrl-C and SIGTERM: the first asks to finish, the second ends at once.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

/// What a shell shows for a program ended by Ctrl-C.
const INTERRUPTED: i32 = 130;

/// Listens for the signals that end a program.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt {
    /// Cancelled by the first signal: take nothing new, finish what is begun.
    pub(crate) finish: CancellationToken,
    /// Cancelled by the second, just before the process ends: stop what is running.
    pub(crate) abort: CancellationToken,
}

impl Interrupt {
    /// Takes the signals over from the operating system's defaults. Only commands that have
    /// something to finish do; the others simply end.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let interrupt = Self {
            finish: CancellationToken::new(),
            abort: CancellationToken::new(),
        };
        let mut signals = Signals::new()
            .map_err(|e| Failure::failed(format!("cannot listen for signals: {e}")))?;
        let tokens = interrupt.clone();
        tokio::spawn(async move {
            signals.next().await;
            tokens.finish.cancel();
            signals.next().await;
            tokens.abort.cancel();
            // Time for the commands that run to be killed.
            tokio::time::sleep(Duration::from_millis(100)).await;
            std::process::exit(INTERRUPTED);
        });
        Ok(interrupt)
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// A write over the file size limit (`ulimit -f`) then fails with an error that is reported, where
/// its signal would end the process without a word.
pub(crate) fn survive_file_size_limit() {
    #[cfg(unix)]
    {
        /// Its number on Linux and macOS.
        const SIGXFSZ: i32 = 25;
        let kind = tokio::signal::unix::SignalKind::from_raw(SIGXFSZ);
        // Listening is enough, and lasts for the process. Without it there is nothing to lose.
        drop(tokio::signal::unix::signal(kind));
    }
}

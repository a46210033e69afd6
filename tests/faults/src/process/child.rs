//! One process and its signals.

use std::process::ExitStatus;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use super::Launch;
use crate::patience::PAUSE;

/// How long a process may take to end after `SIGKILL`: the system may be flushing its files.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that this one started, killed when this is dropped.
///
/// Signals go to its pid, and only while the pid is its own: a process that has ended keeps its pid until it is reaped,
/// and it is reaped under the same lock.
#[derive(Debug)]
pub(crate) struct Child {
    pid: Pid,
    inner: Mutex<std::process::Child>,
}

impl Child {
    pub(crate) fn spawn(launch: &Launch) -> Self {
        let program = launch.program();
        let child = launch
            .command()
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
        Self {
            pid: Pid::from_child(&child),
            inner: Mutex::new(child),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&self) -> Option<ExitStatus> {
        let mut child = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        child.try_wait().expect("our own child can be waited for")
    }

    /// Waits for its end, up to that long.
    pub(crate) async fn end_within(&self, time: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + time;
        loop {
            let ended = self.ended();
            if ended.is_some() || Instant::now() >= deadline {
                return ended;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// `SIGKILL`, and waits for the end.
    pub(crate) async fn kill9(&self) -> ExitStatus {
        self.signal(Signal::KILL);
        let ended = self.end_within(PATIENCE).await;
        ended.expect("a process ends that got SIGKILL")
    }

    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// `SIGSTOP`, and waits until it stands still.
    pub(crate) async fn stop(&self) {
        self.signal(Signal::STOP);
        let stopped = || {
            let look = WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
            let status = waitid(WaitId::Pid(self.pid), look);
            status.is_ok_and(|status| status.is_some_and(|status| status.stopped()))
        };
        let deadline = Instant::now() + PATIENCE;
        while self.ended().is_none() && !stopped() {
            assert!(
                Instant::now() < deadline,
                "a process stops that got SIGSTOP"
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    pub(crate) fn cont(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let mut child = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = child.try_wait().expect("our own child can be waited for");
        if ended.is_none() {
            kill_process(self.pid, signal).expect("our own child gets our signal");
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let child = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        // It can only fail if the process has ended, and then it is reaped all the same.
        let _ = (child.kill(), child.wait());
    }
}

//! The outside of a worker process: started, listened to, killed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::ledger::{Event, What};
use super::plan::Plan;
use crate::patience::within;

/// A running worker. It is killed when it goes out of scope, so no case leaves one behind.
#[derive(Debug)]
pub(super) struct WorkerProcess {
    child: Child,
    /// What it says. It is read at all times: a worker whose output nobody reads stands still as
    /// soon as the pipe is full.
    lines: UnboundedReceiver<std::io::Result<String>>,
    errors: PathBuf,
}

impl WorkerProcess {
    pub(super) fn start(binary: &Path, plan: &Plan, errors: PathBuf) -> Self {
        let stderr = File::create(&errors).expect("a file for the worker's errors");
        let mut child = Command::new(binary)
            .args(plan.to_args())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|e| {
                panic!(
                    "the worker {} cannot be started ({e}); build it first: give `process_suite!` \
                     a binary of your own crate by `env!(\"CARGO_BIN_EXE_worker\")`",
                    binary.display()
                )
            });
        let stdout = child.stdout.take().expect("it is piped");
        let (said, lines) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut lines = BufReader::new(stdout).lines();
            while let Some(line) = lines.next_line().await.transpose() {
                // It goes on when its listener is gone: the ledger is the account.
                let _ = said.send(line);
            }
        });
        Self {
            child,
            lines,
            errors,
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id().expect("it has not been waited for")
    }

    /// The next event of this kind; others are passed over, the ledger keeps them.
    pub(super) async fn next(&mut self, what: What) -> Event {
        let name = format!("the worker's next event `{what:?}`");
        loop {
            let Some(line) = within(&name, self.lines.recv()).await else {
                panic!(
                    "the worker ended before its next `{what:?}`; it said: {}",
                    self.errors()
                );
            };
            let line = line.expect("the worker's output can be read");
            match Event::parse(&line) {
                Some(event) if event.what == what => return event,
                Some(_) => {}
                None => panic!("the worker printed what is no event: {line}"),
            }
        }
    }

    /// The next `n` events of this kind.
    pub(super) async fn take(&mut self, what: What, n: usize) -> Vec<Event> {
        let mut events = Vec::with_capacity(n);
        while events.len() < n {
            events.push(self.next(what).await);
        }
        events
    }

    /// kill -9, and waits until it is gone.
    pub(super) async fn kill(mut self) {
        within("the killed worker's end", self.child.kill())
            .await
            .expect("a child can be killed");
    }

    /// SIGTERM; fails unless it then ends in good order.
    pub(super) async fn stop(mut self) {
        self.signal("TERM").await;
        let status = self.exit().await;
        assert!(
            status.success(),
            "told to stop, the worker ended with {status}; it said: {}",
            self.errors()
        );
    }

    /// Sends a signal by the system's own means.
    pub(super) async fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().await;
        let sent = sent.expect("there is a `kill` command");
        assert!(sent.success(), "kill -s {name} {pid} ended with {sent}");
    }

    /// Gives it a line on its standard input.
    pub(super) async fn say(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("it is piped");
        let said = input.write_all(format!("{line}\n").as_bytes()).await;
        said.expect("the worker listens");
    }

    /// Waits for its end.
    pub(super) async fn exit(&mut self) -> ExitStatus {
        let ended = within("the worker's end", self.child.wait()).await;
        ended.expect("a child can be waited for")
    }

    fn errors(&self) -> String {
        std::fs::read_to_string(&self.errors).unwrap_or_default()
    }
}

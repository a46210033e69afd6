//! A Redis server of a test's own, and the binary run against it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};

use glmsg_faults::server::{Kind, RedisServer, RedisSetup};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::store::{Run, await_that, bare, finish, signal};

/// A server that writes to the disk before it answers. It is killed when it is dropped.
pub(crate) struct Redis {
    runtime: Runtime,
    server: RedisServer,
}

impl Redis {
    pub(crate) fn start() -> Self {
        Self::set_up(RedisSetup::default())
    }

    pub(crate) fn set_up(setup: RedisSetup) -> Self {
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(RedisServer::start(Kind::Redis7, setup));
        Self { runtime, server }
    }

    /// Its address without a login.
    pub(crate) fn place(&self) -> String {
        format!("redis://{}", self.server.addr())
    }

    /// Makes a user who may do everything but what `rights` takes away, and gives its address.
    pub(crate) fn user(&self, name: &str, rights: &[&str]) -> String {
        let all = ["ACL", "SETUSER", name, "on", ">c4n4ry", "~*", "&*", "+@all"];
        let words = [&all[..], rights].concat();
        self.runtime.block_on(self.server.command(&words));
        format!("redis://{name}:c4n4ry@{}", self.server.addr())
    }

    /// kill -9.
    pub(crate) fn kill(&self) {
        self.runtime.block_on(self.server.kill9());
    }

    /// Starts it again, with what it has on its disk.
    pub(crate) fn restart(&self) {
        self.runtime.block_on(self.server.restart());
    }

    /// Keeps it from running.
    pub(crate) fn stop(&self) {
        self.runtime.block_on(self.server.stop());
    }

    /// Lets it run again.
    pub(crate) fn resume(&self) {
        self.server.cont();
    }

    /// Moves its clock to so many seconds before or after the real time.
    pub(crate) fn set_clock_offset(&self, seconds: i64) {
        self.runtime.block_on(self.server.set_clock_offset(seconds));
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = bare(args);
        command.env("GLMSG_BROKER", self.server.url());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Run {
        finish(self.command(args), b"")
    }

    pub(crate) fn run_with(&self, args: &[&str], stdin: impl AsRef<[u8]>) -> Run {
        finish(self.command(args), stdin.as_ref())
    }

    /// The objects that a command prints with `--json`.
    pub(crate) fn json(&self, args: &[&str]) -> Vec<Value> {
        let args = [&["--json"], args].concat();
        self.run(&args).success().objects()
    }

    /// Starts a command that goes on.
    pub(crate) fn begin(&self, args: &[&str]) -> Watched {
        Watched::spawn(self.command(args))
    }
}

/// A command that is running, and what it has printed so far. It does not outlive the test.
pub(crate) struct Watched {
    child: Child,
    stdin: Option<Sender<String>>,
    stdout: Lines,
    stderr: Lines,
}

type Lines = Arc<Mutex<Vec<String>>>;

impl Watched {
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            stdin: Some(pass_on(child.stdin.take().unwrap())),
            stdout: collect(child.stdout.take().unwrap()),
            stderr: collect(child.stderr.take().unwrap()),
            child,
        }
    }

    /// Writes to its stdin, and does not wait until that is read.
    pub(crate) fn feed(&mut self, text: &str) {
        self.stdin.as_ref().unwrap().send(text.to_owned()).unwrap();
    }

    pub(crate) fn end_of_input(&mut self) {
        self.stdin = None;
    }

    pub(crate) fn printed(&self) -> Vec<String> {
        self.stdout.lock().unwrap().clone()
    }

    pub(crate) fn said(&self) -> Vec<String> {
        self.stderr.lock().unwrap().clone()
    }

    /// How many lines of stderr hold these words.
    pub(crate) fn times_said(&self, words: &str) -> usize {
        self.said().iter().filter(|l| l.contains(words)).count()
    }

    /// Waits until as many lines of stderr hold these words.
    #[track_caller]
    pub(crate) fn await_said(&mut self, words: &str, times: usize) {
        let what = format!("{words:?} on stderr, {times} times");
        self.await_while_running(&what, |this| this.times_said(words) >= times);
    }

    /// Waits until it has printed as many lines.
    #[track_caller]
    pub(crate) fn await_printed(&mut self, lines: usize) {
        let what = format!("{lines} lines on stdout");
        self.await_while_running(&what, |this| this.printed().len() >= lines);
    }

    #[track_caller]
    pub(crate) fn await_while_running(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        await_that(what, || {
            let ended = self.child.try_wait().unwrap();
            // What it printed at the end is read by now, or a moment later.
            if holds(self) {
                return Some(());
            }
            assert!(ended.is_none(), "it ended: {:?}", self.said());
            None
        });
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(name, self.child.id());
    }

    /// Waits for the end, and for all that it printed.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> ExitStatus {
        self.stdin = None;
        let status = await_that("the end of a command", || self.child.try_wait().unwrap());
        await_that("the end of what it printed", || {
            let is_whole = |lines: &Lines| Arc::strong_count(lines) == 1;
            (is_whole(&self.stdout) && is_whole(&self.stderr)).then_some(())
        });
        status
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes what is sent, until the sender is gone.
fn pass_on(mut to: impl Write + Send + 'static) -> Sender<String> {
    let (sender, texts) = mpsc::channel::<String>();
    std::thread::spawn(move || {
        for text in texts {
            // A command that has ended reads no more.
            if to.write_all(text.as_bytes()).is_err() {
                return;
            }
        }
    });
    sender
}

/// Reads lines until the end; the clone that does so is gone then.
fn collect(from: impl std::io::Read + Send + 'static) -> Lines {
    let lines = Lines::default();
    let filled = lines.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines() {
            filled.lock().unwrap().push(line.unwrap());
        }
    });
    lines
}

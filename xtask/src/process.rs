//! Running another program, and showing what is run.

mod errors;
mod forward;
mod lines;
mod runners;

use std::ffi::{OsStr, OsString};
use std::io::{IsTerminal, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::PoisonError;
use std::thread;
use std::time::{Duration, Instant};

use self::errors::Errors;
use self::forward::{Forward, Shared};
use self::runners::Runners;
use crate::failure::{Failure, Outcome};
use crate::secrets;

/// One program to run. It prints its own command line first, so that a reader can repeat it by hand.
#[derive(Debug)]
pub(crate) struct Process {
    command: Command,
    shown: String,
    /// It starts test runners, whose output its stdout is.
    of_tests: bool,
}

/// What a program printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Printed {
    pub(crate) has_succeeded: bool,
    /// It was stopped for its time.
    pub(crate) is_late: bool,
    /// stdout and stderr, as they came.
    pub(crate) text: String,
}

impl Process {
    pub(crate) fn new(program: &str) -> Self {
        Self {
            command: Command::new(program),
            shown: program.to_owned(),
            of_tests: false,
        }
    }

    /// `cargo` with the given words. It is the very cargo that started this tool: a toolchain override stays in force.
    pub(crate) fn cargo(words: &str) -> Self {
        let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(program);
        // What cargo tells this tool about itself is not for the other cargo: build scripts that look at it, as that of
        // `ring` does, would run again, and all that depends on them would be built anew, here and at the next command
        // that is typed by hand.
        let told = std::env::vars_os().map(|(key, _)| key);
        told.filter(|key| is_about_this_tool(key)).for_each(|key| {
            command.env_remove(key);
        });
        Self {
            command,
            shown: "cargo".to_owned(),
            of_tests: false,
        }
        .words(words)
    }

    /// Adds arguments, split at white space.
    pub(crate) fn words(self, words: &str) -> Self {
        self.args(words.split_whitespace())
    }

    /// Adds arguments as they are.
    pub(crate) fn args<S: AsRef<str>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        for arg in args {
            self.command.arg(arg.as_ref());
            self.shown.push(' ');
            self.shown.push_str(arg.as_ref());
        }
        self
    }

    /// Sets an environment variable for this program alone.
    pub(crate) fn env(mut self, key: &str, value: &str) -> Self {
        self.command.env(key, value);
        self.shown = format!("{key}={value:?} {}", self.shown);
        self
    }

    /// Runs it in another directory than this one.
    pub(crate) fn within(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self.shown = format!("cd {} && {}", directory.display(), self.shown);
        self
    }

    /// Adds arguments for the test runners, which also print what the tests print that pass. Where that is searched for
    /// secrets, it is not shown, and a failure tells which tests failed.
    pub(crate) fn all_of_tests<S: AsRef<str>>(self, args: impl IntoIterator<Item = S>) -> Self {
        let mut this = self.args(["--", "--show-output"]).args(args);
        if std::io::stdout().is_terminal() {
            this = this.args(["--color", "always"]);
        }
        this.of_tests = true;
        this
    }

    /// Runs it with its output streaming through.
    pub(crate) fn run(mut self) -> Outcome {
        println!("$ {}", self.shown);
        secrets::search(self.shown.as_bytes());
        self.command.stdin(Stdio::null());
        let ended = if secrets::are_watched() {
            self.watched()
        } else {
            self.command.status().map(|status| (status, String::new()))
        };
        let (status, failures) = ended.map_err(|error| self.cannot_start(&error))?;
        if status.success() {
            return Ok(());
        }
        let ended = self.ended(status);
        Err(Failure::failed(format!("{ended}{failures}")))
    }

    /// Runs it with its output passing through this process, which searches it; returns the tests that failed and what
    /// cargo says of them, too.
    fn watched(&mut self) -> std::io::Result<(ExitStatus, String)> {
        // It sees no terminal, and shows colours none the less where there is one.
        if std::io::stderr().is_terminal() && std::env::var_os("CARGO_TERM_COLOR").is_none() {
            self.command.env("CARGO_TERM_COLOR", "always");
        }
        let command = self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let (errors, runners) = (Shared::<Errors>::default(), Shared::<Runners>::default());
        let stderr = forward_stderr(&mut child, self.of_tests.then(|| errors.clone()));
        let stdout = child.stdout.take().map(|from| {
            let reader = self.of_tests.then(|| runners.clone());
            Forward::start(from, std::io::stdout(), reader)
        });
        let status = child.wait()?;
        [stdout, stderr]
            .into_iter()
            .flatten()
            .for_each(Forward::finish);
        let failures = runners.lock().unwrap_or_else(PoisonError::into_inner);
        let errors = errors.lock().unwrap_or_else(PoisonError::into_inner);
        Ok((status, failures.failures() + &errors.text()))
    }

    /// Runs it and returns its stdout; its stderr streams through.
    pub(crate) fn stdout(mut self) -> Outcome<String> {
        let stderr = if secrets::are_watched() {
            Stdio::piped()
        } else {
            Stdio::inherit()
        };
        let command = self.command.stdin(Stdio::null());
        let child = command.stdout(Stdio::piped()).stderr(stderr).spawn();
        let mut child = child.map_err(|error| self.cannot_start(&error))?;
        let stderr = forward_stderr(&mut child, None);
        let output = child.wait_with_output();
        let output = output.map_err(|error| self.cannot_start(&error))?;
        stderr.into_iter().for_each(Forward::finish);
        secrets::search(&output.stdout);
        if !output.status.success() {
            return Err(self.ended(output.status));
        }
        String::from_utf8(output.stdout).map_err(|_| {
            Failure::failed(format!("`{}` printed bytes that are not UTF-8", self.shown))
        })
    }

    /// Runs it for so long at most, and keeps what it prints.
    pub(crate) fn printed(mut self, limit: Duration) -> Outcome<Printed> {
        let shown = self.shown.clone();
        let broken = |error: std::io::Error| Failure::failed(format!("`{shown}`: {error}"));
        let (mut reader, writer) = std::io::pipe().map_err(broken)?;
        let command = self.command.stdin(Stdio::null());
        command.stdout(writer.try_clone().map_err(broken)?);
        command.stderr(writer);
        let child = command.spawn();
        let mut child = child.map_err(|error| self.cannot_start(&error))?;
        // With it goes this process's end of the pipe: what is read ends with the program.
        drop(self);
        let reading = thread::spawn(move || {
            let mut bytes = Vec::new();
            // What was read before it broke is what there is to show.
            let _ = reader.read_to_end(&mut bytes);
            bytes
        });
        let deadline = Instant::now() + limit;
        let (status, is_late) = loop {
            if let Some(status) = child.try_wait().map_err(broken)? {
                break (status, false);
            }
            if Instant::now() > deadline {
                child.kill().map_err(broken)?;
                break (child.wait().map_err(broken)?, true);
            }
            thread::sleep(Duration::from_millis(10));
        };
        let bytes = reading.join().unwrap_or_default();
        secrets::search(&bytes);
        Ok(Printed {
            has_succeeded: status.success(),
            is_late,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        })
    }

    /// Whether it can be started and succeeds; nothing is shown. For probing what a machine has.
    pub(crate) fn succeeds(mut self) -> bool {
        let quiet = self
            .command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        quiet.status().is_ok_and(|status| status.success())
    }

    fn cannot_start(&self, error: &std::io::Error) -> Failure {
        Failure::failed(format!("`{}` could not be started: {error}", self.shown))
    }

    fn ended(&self, status: ExitStatus) -> Failure {
        Failure::failed(format!("`{}` failed ({status})", self.shown))
    }
}

/// Passes on what it prints on stderr, if that comes to us.
fn forward_stderr(child: &mut Child, errors: Option<Shared<Errors>>) -> Option<Forward> {
    let from = child.stderr.take()?;
    Some(Forward::start(from, std::io::stderr(), errors))
}

/// Whether it is one of the variables that cargo sets for the package it runs.
fn is_about_this_tool(key: &OsStr) -> bool {
    let key = key.to_string_lossy();
    [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_BIN_NAME",
        "CARGO_CRATE_NAME",
    ]
    .iter()
    .any(|start| key.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_cargo_is_not_told_about_this_package() {
        assert!(is_about_this_tool(OsStr::new("CARGO_PKG_VERSION_MAJOR")));
        assert!(is_about_this_tool(OsStr::new("CARGO_MANIFEST_DIR")));
        for kept in [
            "CARGO",
            "CARGO_HOME",
            "CARGO_TARGET_DIR",
            "CARGO_NET_OFFLINE",
            "PATH",
        ] {
            assert!(!is_about_this_tool(OsStr::new(kept)), "{kept}");
        }
        assert!(
            std::env::var_os("CARGO_PKG_NAME").is_some(),
            "cargo runs this test"
        );
        let command = Process::cargo("--version").command;
        let mut removed = command.get_envs().filter(|(_, value)| value.is_none());
        assert!(removed.any(|(key, _)| key == "CARGO_PKG_NAME"));
    }

    #[test]
    fn stdout_is_returned_and_a_failure_names_the_command() {
        let version = Process::cargo("--version").stdout().unwrap();
        assert!(version.starts_with("cargo "));
        let failure = Process::new("a-program-that-is-nowhere")
            .words("--flag")
            .run()
            .unwrap_err();
        assert!(
            failure
                .to_string()
                .contains("a-program-that-is-nowhere --flag")
        );
    }

    #[test]
    fn what_is_printed_is_kept_and_what_hangs_is_stopped() {
        let hour = Duration::from_secs(3600);
        let printed = Process::cargo("--version").printed(hour).unwrap();
        assert!(printed.has_succeeded && !printed.is_late);
        assert!(printed.text.starts_with("cargo "), "{printed:?}");
        let hanging = Process::new("sleep").words("3600");
        let printed = hanging.printed(Duration::from_millis(50)).unwrap();
        assert!(!printed.has_succeeded && printed.is_late);
    }

    #[test]
    fn a_probe_of_what_is_missing_is_false() {
        assert!(!Process::new("a-program-that-is-nowhere").succeeds());
        assert!(Process::cargo("--version").succeeds());
    }
}

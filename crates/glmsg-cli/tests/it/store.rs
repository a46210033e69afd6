//! A broker's file of a test's own, and the binary run against it.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{
    Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Output, Stdio,
};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Nothing here takes this long, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A directory with a broker's file in it.
pub(crate) struct Store {
    dir: tempfile::TempDir,
}

/// What a run printed, and how it ended.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite:{}", self.path("broker.db").display())
    }

    /// The binary, with this broker, in this directory.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = bare(args);
        command
            .env("GLMSG_BROKER", self.url())
            .current_dir(self.dir.path());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Run {
        finish(self.command(args), b"")
    }

    pub(crate) fn run_with(&self, args: &[&str], stdin: impl AsRef<[u8]>) -> Run {
        finish(self.command(args), stdin.as_ref())
    }

    /// Publishes lines as JSON values.
    pub(crate) fn publish(&self, topic: &str, lines: &str) {
        self.run_with(&["publish", topic], lines).success();
    }

    /// The objects that a command prints with `--json`.
    pub(crate) fn json(&self, args: &[&str]) -> Vec<Value> {
        let args = [&["--json"], args].concat();
        self.run(&args).success().objects()
    }

    /// The lag of a group.
    pub(crate) fn lag(&self, topic: &str, group: &str) -> Value {
        self.json(&["lag", topic, "--group", group]).remove(0)
    }

    /// Starts a command that goes on.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        Running(
            self.command(args)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap(),
        )
    }

    /// Waits until a file has at least as many lines, and returns it.
    pub(crate) fn await_lines(&self, name: &str, lines: usize) -> String {
        let path = self.path(name);
        await_that(&format!("{lines} lines in {name}"), || {
            let text = fs::read_to_string(&path).unwrap_or_default();
            (text.lines().count() >= lines).then_some(text)
        })
    }
}

/// The binary without a broker.
pub(crate) fn bare(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_glmsg"));
    command
        .args(args)
        .env_remove("GLMSG_BROKER")
        .env_remove("GLMSG_CONFIG")
        .env_remove("NO_COLOR");
    command
}

/// Runs a command to its end.
pub(crate) fn finish(mut command: Command, stdin: &[u8]) -> Run {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id();
    let mut pipe = child.stdin.take().unwrap();
    let stdin = stdin.to_vec();
    std::thread::spawn(move || {
        // A command that refuses its input does not read all of it.
        let _ = pipe.write_all(&stdin);
    });
    let (sender, ended) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = ended.recv_timeout(PATIENCE) else {
        signal("KILL", pid);
        panic!("{command:?} does not end");
    };
    let Output {
        status,
        stdout,
        stderr,
    } = output.unwrap();
    tell(&stdout);
    tell(&stderr);
    Run {
        code: status.code(),
        stdout,
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

impl Run {
    #[track_caller]
    pub(crate) fn success(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }

    /// Failed with this exit code, and one line that holds these words.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{:?}", self.stderr);
        let lines: Vec<&str> = self.stderr.lines().collect();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("glmsg: "), "{lines:?}");
        assert!(!lines[0].contains("panicked"), "{lines:?}");
        for word in words {
            assert!(lines[0].contains(word), "{word:?} is not in {lines:?}");
        }
        self
    }

    /// Failed with this exit code, and one object on stderr whose message holds these words.
    #[track_caller]
    pub(crate) fn fails_in_json(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{:?}", self.stderr);
        let errors = self.errors();
        let [error] = &errors[..] else {
            panic!("one object: {errors:?}");
        };
        let message = error["message"].as_str().unwrap();
        for word in words {
            assert!(message.contains(word), "{word:?} is not in {message:?}");
        }
        self
    }

    /// The errors on stderr, where it has nothing but objects.
    #[track_caller]
    pub(crate) fn errors(&self) -> Vec<Value> {
        let parse = |line: &str| -> Value {
            let error: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
            assert_eq!(error["level"], "ERROR", "{line}");
            assert_eq!(error["target"], "glmsg", "{line}");
            assert!(
                error["timestamp"].as_str().unwrap().ends_with('Z'),
                "{line}"
            );
            error
        };
        self.stderr.lines().map(parse).collect()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    pub(crate) fn lines(&self) -> Vec<&str> {
        self.text().lines().collect()
    }

    pub(crate) fn objects(&self) -> Vec<Value> {
        let parse =
            |line: &&str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        self.lines().iter().map(parse).collect()
    }
}

/// A command that is running. It does not outlive the test.
pub(crate) struct Running(Child);

impl Running {
    /// Starts a command that goes on; also gives what it says.
    pub(crate) fn heard(mut command: Command) -> (Self, BufReader<ChildStderr>) {
        let command = command.stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let notes = BufReader::new(child.stderr.take().unwrap());
        (Self(child), notes)
    }

    pub(crate) fn stdin(&mut self) -> ChildStdin {
        self.0.stdin.take().unwrap()
    }

    pub(crate) fn stdout(&mut self) -> BufReader<ChildStdout> {
        BufReader::new(self.0.stdout.take().unwrap())
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(name, self.0.id());
    }

    /// Waits for the end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        await_that("the end of a command", || self.0.try_wait().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn signal(name: &str, pid: u32) {
    let status = Command::new("kill")
        .args([format!("-{name}"), pid.to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

/// Looks until there is something to see, up to a bound far beyond what it takes.
#[track_caller]
pub(crate) fn await_that<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "no {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// `n` JSON objects, one a line, no two alike and none spelled as a serialiser would.
pub(crate) fn json_lines(n: usize) -> String {
    (0..n)
        .map(|i| format!("{{ \"n\":{i}, \"text\" : \"zürich \\u0041\",\"x\":1.50}}\n"))
        .collect()
}

/// The next line of a running command.
pub(crate) fn next_line(reader: &mut impl BufRead) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    line
}

/// Everything in a directory, by name.
pub(crate) fn listing(path: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .map(|name: std::ffi::OsString| {
            AsRef::<OsStr>::as_ref(&name).to_string_lossy().into_owned()
        })
        .collect();
    names.sort();
    names
}

/// What a command said is among what the tests print, which is searched for passwords.
#[allow(clippy::print_stdout, reason = "that is what it is for")]
fn tell(said: &[u8]) {
    print!("{}", String::from_utf8_lossy(said));
}

//! The binary, run to its end.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Runs the binary on a broker; what has not ended after a minute is ended.
pub(crate) fn glmsg(broker: &str, args: &[&str], stdin: &str) -> Run {
    let mut child = Command::new("timeout")
        .args(["60", env!("CARGO_BIN_EXE_glmsg"), "--json"])
        .args(args)
        .env("GLMSG_BROKER", broker)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that is refused does not read what it is given.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().unwrap();
    tell(&stdout);
    tell(&stderr);
    Run {
        code: status.code(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// What a run printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Run {
    /// The objects of a run that has succeeded.
    #[track_caller]
    pub(crate) fn objects(&self) -> Vec<Value> {
        assert_eq!(self.code, Some(0), "{self:?}");
        let lines = self.stdout.lines();
        lines.map(|l| serde_json::from_str(l).unwrap()).collect()
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.code != Some(0)
    }

    /// It has failed, and says so with these words.
    #[track_caller]
    pub(crate) fn fails(&self, words: &str) {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert!(self.stderr.contains(words), "{self:?}");
    }
}

/// What a command said is among what the tests print, which is searched for passwords.
#[allow(clippy::print_stdout, reason = "that is what it is for")]
fn tell(said: &[u8]) {
    print!("{}", String::from_utf8_lossy(said));
}

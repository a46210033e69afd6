//! One server process: started on its own, written down, and stopped by what was written down and by nothing else.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::client::{self, Client};
use super::environment::Environment;
use super::place::{self, Place};
use super::wait;
use crate::failure::{Failure, Outcome};

/// How long a server may take until it answers, and until it is gone.
const LIMIT: Duration = Duration::from_secs(15);

/// A process that was started, alive or not.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) pid: u32,
    pub(super) port: u16,
    directory: PathBuf,
    /// The process itself, in the command that started it.
    child: Option<Child>,
}

impl Node {
    /// Starts a server in a new directory of its own. It has its own process group: neither the end of this tool nor a
    /// Ctrl-C meant for it reaches the server.
    pub(super) fn start(
        place: &Place,
        name: &str,
        port: u16,
        program: &Path,
        options: &[String],
    ) -> Outcome<Self> {
        let directory = place.run(name);
        place::create_directory(&directory)?;
        let failed = |error: std::io::Error| {
            Failure::failed(format!("cannot start {}: {error}", program.display()))
        };
        let log = File::create(directory.join(LOG)).map_err(failed)?;
        let child = Command::new(program)
            .args(options)
            .current_dir(&directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let node = Self {
            name: name.to_owned(),
            pid: child.id(),
            port,
            directory,
            child: Some(child),
        };
        let mut record = Environment::default();
        record.set("PID", node.pid.to_string());
        record.set("PORT", port.to_string());
        record.store(&node.directory.join(RECORD))?;
        Ok(node)
    }

    /// The server of that name, if one was started here.
    pub(super) fn find(place: &Place, name: &str) -> Outcome<Option<Self>> {
        let directory = place.run(name);
        let record = Environment::load(&directory.join(RECORD))?;
        let node = record
            .number("PID")
            .zip(record.number("PORT"))
            .map(|(pid, port)| Self {
                name: name.to_owned(),
                pid,
                port,
                directory,
                child: None,
            });
        Ok(node)
    }

    /// Whether the process is there and is still ours: ids are used again.
    pub(super) fn is_alive(&self) -> bool {
        // Empty for a process that has ended and was not waited for.
        let line = std::fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        is_ours(&line, &self.directory)
    }

    /// Whether a server that was started just now is gone already. Its command line would not do: for an instant after
    /// the start it is empty.
    fn has_ended(&mut self) -> bool {
        match &mut self.child {
            Some(child) => !matches!(child.try_wait(), Ok(None)),
            None => !self.is_alive(),
        }
    }

    /// Waits until the server lacks nothing, as long as its process is there.
    pub(super) fn wait_until(
        &mut self,
        limit: Duration,
        lacks: impl Fn(&Self) -> Option<String>,
    ) -> Outcome {
        wait::until(limit, || {
            if self.has_ended() {
                return Err(self.ended());
            }
            Ok(lacks(self))
        })
    }

    /// Waits until this very process answers on its port.
    pub(super) fn wait_until_ready(&mut self, client: &Client) -> Outcome {
        self.wait_until(LIMIT, |node| match client.ask(&["INFO", "server"]) {
            Ok(info) if node.is_in(&info) => None,
            Ok(_) => Some(format!("another server has the port of {}", node.name)),
            Err(failure) => Some(format!("{} is not ready: {failure}", node.name)),
        })
    }

    /// A file of keys and values in its directory.
    pub(super) fn read(&self, name: &str) -> Outcome<Environment> {
        Environment::load(&self.directory.join(name))
    }

    /// Whether an `INFO` reply came from this process.
    pub(super) fn is_in(&self, info: &str) -> bool {
        client::field(info, "process_id").is_some_and(|id| id == self.pid.to_string())
    }

    /// Ends the process. At once, without asking it: its data goes with its directory.
    pub(super) fn kill(&self) -> Outcome {
        self.signal("KILL")?;
        wait::until(LIMIT, || {
            Ok(self
                .is_alive()
                .then(|| format!("{}, process {}, is still there", self.name, self.pid)))
        })
    }

    /// Asks the process to end.
    pub(super) fn terminate(&self) -> Outcome {
        self.signal("TERM")
    }

    fn signal(&self, name: &str) -> Outcome {
        if !self.is_alive() {
            return Ok(());
        }
        // The shell has `kill` built in; a system need not have the program. The whole group, for a script that has not
        // become its server yet; one that was started again by hand may be in the group of somebody else.
        let pid = self.pid;
        let signal = format!("kill -s {name} -- -{pid} 2>/dev/null || kill -s {name} {pid}");
        let sent = Command::new("sh").args(["-c", &signal]).status();
        sent.map_err(|error| Failure::failed(format!("cannot run `{signal}`: {error}")))?;
        Ok(())
    }

    fn ended(&self) -> Failure {
        let path = self.directory.join(LOG);
        let log = std::fs::read_to_string(&path).unwrap_or_default();
        let why = reason(&log).unwrap_or("it printed nothing");
        Failure::failed(format!(
            "{} ended while starting: {why} ({})",
            self.name,
            path.display()
        ))
    }
}

/// What the server prints.
const LOG: &str = "server.log";

/// Where its id and port are kept.
const RECORD: &str = "server.env";

/// What tells the reason from a farewell and from the lines of a stack.
const MARKS: &[&str] = &[" # ", "FATAL", "Exception: ", "Error: "];

/// Whether a command line, as the kernel shows it, names that directory or a file in it.
fn is_ours(line: &[u8], directory: &Path) -> bool {
    line.split(|byte| *byte == 0)
        .filter_map(|word| std::str::from_utf8(word).ok())
        .any(|word| Path::new(word).starts_with(directory))
}

/// The line of a log that says why: the last one with a warning mark or with an exception of Java, or else the last one.
fn reason(log: &str) -> Option<&str> {
    let lines = || log.lines().map(str::trim).filter(|line| !line.is_empty());
    let warning = lines()
        .rev()
        .find(|line| MARKS.iter().any(|mark| line.contains(mark)));
    warning.or_else(|| lines().next_back())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_ours_by_the_directory_in_its_command_line() {
        let directory = Path::new("/build/services/run/cluster-1");
        let ours = b"/bin/redis-server\0--dir\0/build/services/run/cluster-1\0";
        let sentinel = b"redis-server\0/build/services/run/cluster-1/sentinel.conf\0--sentinel\0";
        let other = b"redis-server\0--dir\0/build/services/run/cluster-12\0";
        assert!(is_ours(ours, directory) && is_ours(sentinel, directory));
        assert!(!is_ours(other, directory));
        assert!(!is_ours(b"", directory), "a process that has ended");
    }

    #[test]
    fn the_reason_is_the_warning_and_not_the_farewell() {
        let log =
            "1:M 1 Jan * Starting\n1:M 1 Jan # Failed listening on port 1\n\n1:M 1 Jan * Bye\n";
        assert_eq!(reason(log), Some("1:M 1 Jan # Failed listening on port 1"));
        let log = "ERROR Exiting Kafka\na.b.ConfigException: Invalid value x\n\tat a.b.Config.parse(Config.java:7)\nWARN Bye\n";
        assert_eq!(reason(log), Some("a.b.ConfigException: Invalid value x"));
        assert_eq!(reason("a\nb\n"), Some("b"));
        assert_eq!(reason("\n"), None);
    }
}

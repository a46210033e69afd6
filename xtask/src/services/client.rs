//! Asking a server with `redis-cli`: the tool speaks to all of them, TLS too, so no protocol is written here.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::certificates::Certificates;
use super::wait;
use crate::failure::{Failure, Outcome};

/// What a healthy server on this machine never needs for an answer.
const LIMIT: Duration = Duration::from_secs(5);

/// One server as its clients see it.
#[derive(Debug, Clone)]
pub(super) struct Client {
    pub(super) program: PathBuf,
    pub(super) port: u16,
    /// With them the connection is TLS.
    pub(super) certificates: Option<Certificates>,
}

impl Client {
    /// Runs one command and returns its reply as text.
    pub(super) fn ask(&self, command: &[&str]) -> Outcome<String> {
        self.run(command, LIMIT)
    }

    /// The same with another limit, for the commands of `redis-cli` itself.
    pub(super) fn run(&self, words: &[&str], limit: Duration) -> Outcome<String> {
        let what = || format!("`{}` to port {}", words.join(" "), self.port);
        let spawned = Command::new(&self.program)
            .args(self.options())
            .args(words)
            .env_remove("REDISCLI_AUTH")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = spawned.map_err(|error| {
            Failure::failed(format!("cannot start {}: {error}", self.program.display()))
        })?;
        let ended = wait::until(limit, || {
            let ended = child.try_wait();
            let ended =
                ended.map_err(|error| Failure::failed(format!("{} was lost: {error}", what())))?;
            Ok(ended.is_none().then(|| format!("no answer on {}", what())))
        });
        if let Err(failure) = ended {
            let _ = child.kill();
            let _ = child.wait();
            return Err(failure);
        }
        let (stdout, stderr) = output(&mut child);
        match child.wait() {
            Ok(status) if status.success() => Ok(stdout),
            _ => {
                let said = [stderr.trim(), stdout.trim()].join(" ");
                Err(Failure::failed(format!(
                    "{} failed: {}",
                    what(),
                    said.trim()
                )))
            }
        }
    }

    fn options(&self) -> Vec<String> {
        let port = self.port.to_string();
        // `-e`: an error reply is an exit code, and not one more text to look at.
        let mut options: Vec<String> = ["-h", "127.0.0.1", "-p", &port, "-e"]
            .map(str::to_owned)
            .into();
        if let Some(certificates) = &self.certificates {
            options.extend(certificates.client_options());
        }
        options
    }
}

/// What it printed. All of it fits into a pipe, so it can be read after the end.
fn output(child: &mut Child) -> (String, String) {
    let mut texts = (String::new(), String::new());
    if let Some(stdout) = &mut child.stdout {
        let _ = stdout.read_to_string(&mut texts.0);
    }
    if let Some(stderr) = &mut child.stderr {
        let _ = stderr.read_to_string(&mut texts.1);
    }
    texts
}

/// The value of one field of an `INFO` reply.
pub(super) fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| {
        let (key, value) = line.trim_end().split_once(':')?;
        (key == name).then_some(value)
    })
}

/// What a server calls itself in an `INFO` reply. Valkey also names the Redis it is compatible with, under the older key.
pub(super) fn version(info: &str) -> String {
    let named =
        |product: &str, key: &str| field(info, key).map(|version| format!("{product} {version}"));
    let version = named("valkey", "valkey_version").or_else(|| named("redis", "redis_version"));
    version.unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valkey_is_not_taken_for_the_redis_it_names() {
        let info = "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.2\r\n";
        assert_eq!(version(info), "valkey 9.1.2");
        assert_eq!(version("redis_version:7.0.15\r\n"), "redis 7.0.15");
        assert_eq!(version(""), "unknown");
    }

    #[test]
    fn a_field_of_info_is_found_by_its_whole_name() {
        let info =
            "# Server\r\nredis_version:7.0.15\r\nprocess_id:12\r\nlistener0:name=tcp,port=1\r\n";
        assert_eq!(field(info, "process_id"), Some("12"));
        assert_eq!(field(info, "listener0"), Some("name=tcp,port=1"));
        assert_eq!(field(info, "redis"), None);
    }

    #[test]
    fn tls_adds_the_certificates() {
        let mut client = Client {
            program: PathBuf::from("redis-cli"),
            port: 12_000,
            certificates: None,
        };
        assert_eq!(client.options(), ["-h", "127.0.0.1", "-p", "12000", "-e"]);
        client.certificates = Some(Certificates::at(PathBuf::from("tls")));
        assert!(client.options().contains(&"--tls".to_owned()));
    }
}

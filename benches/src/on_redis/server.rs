//! A Redis server of this run's own.

use std::env;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use glmsg::TopicConfig;
use tempfile::TempDir;

use crate::Outcome;
use crate::served::Served;

/// How long a server may take to answer after its start.
const PATIENCE: Duration = Duration::from_secs(20);
/// So many messages a topic may hold here: more than any workload publishes.
const MAX_LEN: u64 = 100_000_000;
/// How many ports are tried: one that was free may be taken by the time the server binds it.
const TRIES: usize = 5;

/// The bounds of a topic here: it may hold more than the default of 100 000 messages, for a
/// workload's messages to fit; nothing else is set.
pub(crate) fn roomy() -> TopicConfig {
    TopicConfig::default().max_len(MAX_LEN)
}

/// A server that writes nothing to the disk, on a free port, in a directory that goes away with
/// it. It is stopped when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    port: u16,
    /// Held for its drop.
    _directory: TempDir,
}

/// Where a server is: what workloads are handed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Address {
    pub(crate) port: u16,
    /// Its process id, to look at what it uses.
    pub(crate) pid: u32,
}

impl Server {
    /// Starts one and waits until it answers.
    pub(crate) fn start() -> Outcome<Self> {
        let program = program("GLMSG_REDIS7_SERVER", "redis-server")?;
        for _ in 0..TRIES {
            if let Some(server) = Self::try_start(&program)? {
                return Ok(server);
            }
        }
        Err(format!("{} ends as soon as it is started", program.display()).into())
    }

    /// `None` if it ended at once.
    fn try_start(program: &Path) -> Outcome<Option<Self>> {
        let directory = tempfile::tempdir()?;
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = free.local_addr()?.port();
        drop(free);
        let child = Command::new(program)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .args(["--maxmemory-policy", "noeviction", "--dir"])
            .arg(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|e| format!("{} cannot be started: {e}", program.display()))?;
        let mut server = Self {
            child,
            port,
            _directory: directory,
        };
        let began = Instant::now();
        while server.child.try_wait()?.is_none() {
            if server
                .address()
                .ask("PING")
                .is_ok_and(|said| said == "+PONG")
            {
                return Ok(Some(server));
            }
            if began.elapsed() > PATIENCE {
                return Err("the server was started and does not answer".into());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(None)
    }

    pub(crate) fn address(&self) -> Address {
        Address {
            port: self.port,
            pid: self.child.id(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It holds nothing that is worth a farewell, and may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Address {
    /// How the `redis` crate is told.
    pub(crate) fn socket(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// How the library is told, and with which bounds its topic is made.
    pub(crate) fn served(&self, bounds: TopicConfig) -> Served {
        Served {
            url: format!("redis://{}", self.socket()),
            pid: self.pid,
            bounds,
        }
    }

    /// Empties the server, and waits until the memory is free.
    pub(crate) fn clear(&self) -> Outcome<()> {
        match self.ask("FLUSHALL SYNC")?.as_str() {
            "+OK" => Ok(()),
            other => Err(format!("the server could not be emptied: {other}").into()),
        }
    }

    /// One command of plain words and the first line of the answer.
    pub(crate) fn ask(&self, command: &str) -> Outcome<String> {
        let mut stream = TcpStream::connect(self.socket())?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let (mut said, mut part) = (Vec::new(), [0; 512]);
        while !said.ends_with(b"\r\n") {
            match stream.read(&mut part)? {
                0 => return Err("the server hung up".into()),
                read => said.extend_from_slice(&part[..read]),
            }
        }
        Ok(String::from_utf8_lossy(&said).trim_end().to_owned())
    }
}

/// Where a program of Redis is: as the variable says, or on the path.
pub(crate) fn program(variable: &str, name: &str) -> Outcome<PathBuf> {
    if let Some(given) = env::var_os(variable).filter(|given| !given.is_empty()) {
        return Ok(given.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|program| program.is_file());
    found.ok_or_else(|| {
        let text = format!(
            "{name} is not on the path: run `cargo xtask bench --backend redis`, which fetches it, or name it in {variable}"
        );
        std::io::Error::new(ErrorKind::NotFound, text).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_missing_is_named_with_the_remedy() {
        let failure = program("GLMSG_NO_SUCH_VARIABLE", "no-such-program").unwrap_err();
        let text = failure.to_string();
        assert!(text.contains("no-such-program is not on the path: run `cargo xtask"));
    }
}

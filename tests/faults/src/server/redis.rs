//! Redis and Valkey servers.

use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use super::handle::{Probe, Server};
use super::log;
use super::resp::{Reply, Session};
use crate::process::Launch;
use crate::{services, until};

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Redis 7.0, the oldest that is supported.
    Redis7,
    /// Redis 8.
    Redis8,
    /// Valkey 9.
    Valkey9,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Redis7, Self::Redis8, Self::Valkey9];

    /// Its program, by [`services::get`].
    ///
    /// # Panics
    /// If it is not known where it is, with what to do.
    #[track_caller]
    pub fn program(self) -> PathBuf {
        let key = match self {
            Self::Redis7 => "REDIS7_SERVER",
            Self::Redis8 => "REDIS8_SERVER",
            Self::Valkey9 => "VALKEY9_SERVER",
        };
        services::get(key).into()
    }
}

/// When a server writes to the disk: its `appendfsync`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fsync {
    /// Before it answers.
    Always,
    /// Once a second: what it answered in that time may be lost.
    Everysec,
    /// When the system likes to.
    No,
}

/// How a server is set up. As it begins: everything is on the disk before it is answered, and nothing is evicted.
#[derive(Debug, Clone)]
pub struct RedisSetup {
    fsync: Fsync,
    policy: String,
    args: Vec<String>,
    password: Option<String>,
    movable_clock: bool,
}

impl Default for RedisSetup {
    fn default() -> Self {
        Self {
            fsync: Fsync::Always,
            policy: "noeviction".to_owned(),
            args: Vec::new(),
            password: None,
            movable_clock: false,
        }
    }
}

impl RedisSetup {
    /// When it writes to the disk.
    #[must_use]
    pub fn fsync(mut self, fsync: Fsync) -> Self {
        self.fsync = fsync;
        self
    }

    /// What it evicts when it is full: `noeviction`, `allkeys-lru`, …
    #[must_use]
    pub fn maxmemory_policy(mut self, policy: &str) -> Self {
        policy.clone_into(&mut self.policy);
        self
    }

    /// More arguments, in which `{port}` and `{dir}` stand for what the server gets.
    #[must_use]
    pub fn args<A: Into<String>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Who connects must give this password.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// Its wall clock can be moved, by [`RedisServer::set_clock_offset`]. Needs libfaketime.
    #[must_use]
    pub fn movable_clock(mut self) -> Self {
        self.movable_clock = true;
        self
    }
}

/// A Redis or Valkey server with a folder and a port of its own. It can do whatever a [`Server`] can.
#[derive(Debug, Clone)]
pub struct RedisServer {
    server: Server,
    password: Option<String>,
    /// The file with its offset, in a folder that goes after the server.
    clock: Option<Arc<TempDir>>,
}

impl RedisServer {
    /// Starts one and waits until it answers.
    ///
    /// # Panics
    /// As [`Server::start`]; or if it is not known where the program is, with what to do.
    pub async fn start(kind: Kind, setup: RedisSetup) -> Self {
        let RedisSetup {
            fsync,
            policy,
            args,
            password,
            movable_clock,
        } = setup;
        let fsync = match fsync {
            Fsync::Always => "always",
            Fsync::Everysec => "everysec",
            Fsync::No => "no",
        };
        // With its dir a server finds its data again; the log goes where it prints.
        let mut launch = Launch::new(kind.program())
            .args(["--port", "{port}", "--bind", "127.0.0.1", "--dir", "{dir}"])
            .args(["--save", "", "--appendonly", "yes", "--appendfsync", fsync])
            .args(["--maxmemory-policy", &policy]);
        if let Some(password) = &password {
            launch = launch.args(["--requirepass", password]);
        }
        launch = launch.args(args);
        let clock =
            movable_clock.then(|| Arc::new(TempDir::new().expect("a folder for the clock")));
        if let Some(clock) = &clock {
            set_clock(clock, 0);
            // The C library before jemalloc, which asks for the time while it allocates for the first time, when
            // libfaketime cannot answer yet: the two together hang (github.com/wolfcw/libfaketime/issues/130).
            let preloaded = format!("{}:libc.so.6", services::get("LIBFAKETIME"));
            // The monotonic clock goes on as it is: the server must not believe that it was suspended.
            launch = launch
                .env("LD_PRELOAD", preloaded)
                .env("FAKETIME_TIMESTAMP_FILE", clock.path().join(CLOCK))
                .env("FAKETIME_NO_CACHE", "1")
                .env("TZ", "UTC")
                .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        let secret = password.clone();
        let server = Server::start(launch, move |probe| ping(probe, secret.clone())).await;
        Self {
            server,
            password,
            clock,
        }
    }

    /// Starts it again as [`Server::restart`] does; if it was killed, after its log was mended.
    ///
    /// # Panics
    /// As [`Server::start`]; or if its log cannot be mended.
    pub async fn restart(&self) {
        if !self.is_alive() {
            let dir = self.dir().to_path_buf();
            let mended = tokio::task::spawn_blocking(move || log::mend(&dir)).await;
            mended.expect("no panic").expect("the log can be mended");
        }
        self.server.restart().await;
    }

    /// Its address as a URL, with the password if there is one.
    pub fn url(&self) -> String {
        self.url_at(self.addr())
    }

    /// The URL of a proxy in front of it.
    pub fn url_at(&self, addr: SocketAddr) -> String {
        match &self.password {
            Some(password) => format!("redis://:{password}@{addr}"),
            None => format!("redis://{addr}"),
        }
    }

    /// Sends one command over a connection of its own: `FLUSHALL`, `CONFIG SET …`.
    ///
    /// # Panics
    /// If it is not answered, or answered with an error.
    pub async fn command<W: AsRef<[u8]>>(&self, words: &[W]) -> Reply {
        match self.try_command(words).await {
            Ok(Reply::Error(error)) => panic!("the server says {error}"),
            Ok(reply) => reply,
            Err(error) => panic!("the server does not answer: {error}"),
        }
    }

    /// As [`command`](Self::command); an error of the server is a reply like any other.
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn try_command<W: AsRef<[u8]>>(&self, words: &[W]) -> io::Result<Reply> {
        session(self.addr(), self.password.as_deref())
            .await?
            .ask(words)
            .await
    }

    /// Stops its wall clock at a time of UTC: `2026-01-31 23:59:59.001`. When this returns, every command that is sent
    /// sees that time, until it is moved again.
    ///
    /// # Panics
    /// If it was not set up with a [`movable_clock`](RedisSetup::movable_clock).
    pub fn freeze_clock(&self, at: &str) {
        let clock = self.clock.as_ref();
        write_clock(clock.expect("set it up with `movable_clock()`"), at);
    }

    /// Moves its wall clock to so many seconds before or after the real time, and waits until it shows that.
    ///
    /// # Panics
    /// If it was not set up with a [`movable_clock`](RedisSetup::movable_clock).
    pub async fn set_clock_offset(&self, seconds: i64) {
        let clock = self.clock.as_ref();
        set_clock(clock.expect("set it up with `movable_clock()`"), seconds);
        until(
            "the server's clock shows it",
            Duration::from_secs(10),
            || async {
                let shown = self.command(&["TIME"]).await;
                let shown = shown.list().first().and_then(Reply::integer).unwrap_or(0);
                let real = SystemTime::now().duration_since(UNIX_EPOCH);
                let real = real.map_or(0, |real| i64::try_from(real.as_secs()).unwrap_or(0));
                (shown - real - seconds).abs() <= 2
            },
        )
        .await;
    }
}

impl Deref for RedisServer {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

/// The file that holds the offset.
const CLOCK: &str = "clock";

fn set_clock(dir: &TempDir, seconds: i64) {
    write_clock(dir, &format!("{seconds:+}"));
}

fn write_clock(dir: &TempDir, time: &str) {
    // Written beside and renamed: the server reads it whenever it wants to know the time.
    let (file, new) = (dir.path().join(CLOCK), dir.path().join("new"));
    std::fs::write(&new, format!("{time}\n")).expect("the clock can be written");
    std::fs::rename(new, file).expect("the clock can be replaced");
}

pub(super) async fn session(addr: SocketAddr, password: Option<&str>) -> io::Result<Session> {
    let mut session = Session::open(addr).await?;
    if let Some(password) = password {
        session.ask(&["AUTH", password]).await?;
    }
    Ok(session)
}

/// A real `PING`, so that a server which is still loading does not count; and its pid, so that a stranger does not.
pub(super) async fn ping(probe: Probe, password: Option<String>) -> bool {
    let asked = async {
        let mut session = session(probe.addr, password.as_deref()).await?;
        let pong = session.ask(&["PING"]).await?;
        let about = session.ask(&["INFO", "server"]).await?;
        io::Result::Ok((pong, about))
    };
    let Ok((pong, about)) = asked.await else {
        return false;
    };
    let pid = format!("process_id:{}", probe.pid);
    let is_ours = about
        .text()
        .is_some_and(|text| text.lines().any(|line| line == pid));
    pong.text() == Some("PONG") && is_ours
}

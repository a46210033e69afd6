//! Servers: those that run, and those a test starts.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Pipeline, Value};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep};

use crate::config::RedisConfig;
use crate::connection::Link;

/// The value of a key, from the environment or from what `cargo xtask services up` wrote.
pub(crate) fn service(key: &str) -> String {
    if let Ok(value) = std::env::var(format!("GLMSG_{key}")) {
        return value;
    }
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let mut files: Vec<PathBuf> = target.into_iter().collect();
    files.extend(manifest.ancestors().map(|root| root.join("target")));
    let lines = files.iter().filter_map(|file| {
        let text = std::fs::read_to_string(file.join("services/services.env")).ok()?;
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        let found = lines.find(|(found, _)| *found == key);
        found.map(|(_, value)| value.to_owned())
    });
    let found = lines.into_iter().next();
    found.unwrap_or_else(|| panic!("{key} is not known: run `cargo xtask services up` first"))
}

/// A name for keys that no other test uses.
pub(crate) fn unique(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("glmsg-test-{what}-{}-{number}", std::process::id())
}

/// Waits until something holds.
pub(super) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds().await {
        assert!(Instant::now() < deadline, "not within 30 s: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

pub(super) fn pipeline(commands: &[&[&str]]) -> Pipeline {
    let mut pipeline = Pipeline::new();
    for words in commands {
        let (name, rest) = words.split_first().unwrap();
        let command = pipeline.cmd(name);
        for word in rest {
            command.arg(*word);
        }
    }
    pipeline
}

/// What `INFO` says under a name.
pub(super) fn field(info: &Value, name: &str) -> String {
    let Value::BulkString(text) = info else {
        panic!("no INFO: {info:?}");
    };
    let text = String::from_utf8_lossy(text);
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let found = lines.find(|(found, _)| *found == name);
    found
        .unwrap_or_else(|| panic!("no {name} in {text}"))
        .1
        .to_owned()
}

/// A server of a test, on a port that stays its own while it is down.
pub(crate) struct Server {
    program: String,
    arguments: Vec<String>,
    dir: tempfile::TempDir,
    addr: SocketAddr,
    /// The port nodes of a cluster talk to each other on.
    bus: u16,
    _holds: [TcpSocket; 2],
    child: Option<Child>,
}

impl Server {
    /// Starts Redis 7.
    pub(super) async fn start(arguments: &[&str]) -> Self {
        Self::start_program(&service("REDIS7_SERVER"), arguments).await
    }

    /// Starts a sentinel that watches `main` at a port and decides alone.
    pub(super) async fn start_sentinel(master: u16, more: &str) -> Self {
        let mut server = Self::prepare(&service("REDIS7_SERVER"), &[]);
        let file = server.dir().join("sentinel.conf");
        let text = format!(
            "port {}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {master} 1\n\
             sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 2000\n\
             {more}\n",
            server.port(),
        );
        std::fs::write(&file, text).unwrap();
        server.arguments = vec![file.display().to_string(), "--sentinel".to_owned()];
        server.launch().await;
        server
    }

    pub(crate) async fn start_program(program: &str, arguments: &[&str]) -> Self {
        let mut server = Self::prepare(program, arguments);
        server.launch().await;
        server
    }

    fn prepare(program: &str, arguments: &[&str]) -> Self {
        let (hold, addr) = hold_port();
        let (hold_bus, bus) = hold_port();
        Self {
            program: program.to_owned(),
            arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
            dir: tempfile::tempdir().unwrap(),
            addr,
            bus: bus.port(),
            _holds: [hold, hold_bus],
            child: None,
        }
    }

    /// Starts it again.
    pub(super) async fn launch(&mut self) {
        self.spawn();
        let addr = self.addr;
        until("the server accepts connections", || async move {
            TcpStream::connect(addr).await.is_ok()
        })
        .await;
    }

    /// Starts it again and does not wait.
    pub(super) fn spawn(&mut self) {
        let mut command = Command::new(&self.program);
        let port = self.port().to_string();
        let is_sentinel = self
            .arguments
            .first()
            .is_some_and(|word| word.ends_with(".conf"));
        if is_sentinel {
            command.args(&self.arguments);
        } else {
            let tls = self
                .arguments
                .iter()
                .any(|word| word == "--tls-auth-clients");
            let ports = if tls {
                ["--port", "0", "--tls-port", &port]
            } else {
                ["--port", &port, "--tls-port", "0"]
            };
            command
                .args(ports)
                .args(["--save", "", "--bind", "127.0.0.1"]);
            if self
                .arguments
                .iter()
                .any(|word| word == "--cluster-enabled")
            {
                command.args(["--cluster-port", &self.bus.to_string()]);
            }
            command
                .arg("--dir")
                .arg(self.dir.path())
                .args(&self.arguments);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap());
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(super) fn port(&self) -> u16 {
        self.addr.port()
    }

    pub(super) fn bus(&self) -> u16 {
        self.bus
    }

    pub(super) fn url(&self) -> String {
        format!("redis://{}", self.addr)
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Ends it without a chance to say anything.
    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Stops it from running, or lets it run again: `STOP`, `CONT`.
    pub(super) fn signal(&self, name: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        let done = Command::new("kill").args(["-s", name, &id]).status();
        assert!(done.unwrap().success());
    }

    /// Runs commands past the link.
    pub(super) async fn run(&self, commands: &[&[&str]]) -> Vec<Value> {
        run(self.addr, commands).await
    }
}

/// A port that nobody gets who asks for any: a socket is bound to it that never listens.
fn hold_port() -> (TcpSocket, SocketAddr) {
    let hold = TcpSocket::new_v4().unwrap();
    hold.set_reuseaddr(true).unwrap();
    hold.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = hold.local_addr().unwrap();
    (hold, addr)
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs commands on a connection for them alone.
pub(super) async fn run(addr: SocketAddr, commands: &[&[&str]]) -> Vec<Value> {
    let mut connection = connect(addr).await;
    let commands = pipeline(commands);
    let answers = connection.send_packed_commands(&commands, 0, commands.len());
    answers.await.unwrap()
}

/// A connection past the link. It ends with its last clone.
pub(crate) async fn connect(addr: SocketAddr) -> MultiplexedConnection {
    let stream = TcpStream::connect(addr).await.unwrap();
    let settings = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    let info = redis::RedisConnectionInfo::default();
    let made = MultiplexedConnection::new_with_config(&info, stream, settings).await;
    let (connection, driver) = made.unwrap();
    tokio::spawn(driver);
    connection
}

pub(super) async fn open(url: &str) -> Link {
    open_config(RedisConfig::from_url(url).unwrap()).await
}

pub(super) async fn open_config(config: RedisConfig) -> Link {
    Link::open(config, NO_SCRIPTS).await.unwrap()
}

pub(super) const NO_SCRIPTS: [&str; 0] = [];

/// The error of an attempt to connect.
pub(super) async fn refusal(config: RedisConfig) -> glmsg_core::Error {
    match Link::open(config, NO_SCRIPTS).await {
        Ok(_) => panic!("it was accepted"),
        Err(error) => error,
    }
}

pub(crate) fn text(value: &Value) -> &str {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).unwrap(),
        Value::SimpleString(text) => text,
        Value::Okay => "OK",
        other => panic!("no text: {other:?}"),
    }
}

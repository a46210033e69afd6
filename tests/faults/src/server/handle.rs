//! Any server.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::patience::PAUSE;
use crate::port::Port;
use crate::process::{Child, Launch, Usage, tail};

/// How long a server may take to answer after its start, and to end when asked to.
const PATIENCE: Duration = Duration::from_secs(240);

/// What a health check looks at.
#[derive(Debug, Clone, Copy)]
pub struct Probe {
    /// Where the server is to answer.
    pub addr: SocketAddr,
    /// The process that is to answer. Where the server tells its pid compare it: a stranger may have the port.
    pub pid: u32,
}

type Ping = dyn Fn(Probe) -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync;

/// A server process. It is killed, and its folder deleted, when the last handle is dropped.
///
/// It keeps its port while it is down: nobody else gets it, and connecting to it is refused.
#[derive(Clone)]
pub struct Server {
    shared: Arc<Shared>,
}

struct Shared {
    launch: Launch,
    port: Port,
    dir: PathBuf,
    ping: Box<Ping>,
    child: Mutex<Arc<Child>>,
    /// One restart at a time.
    turn: tokio::sync::Mutex<()>,
    /// Deleted after the process is gone: fields are dropped in their order.
    _own_dir: Option<TempDir>,
}

impl Server {
    /// Starts it and waits until `ping` says that it answers.
    ///
    /// In the arguments of `launch`, `{port}` and `{dir}` stand for the port and the folder that it gets. Without a
    /// folder of its own in `launch` it gets one that is deleted with it, and without a log one in that folder.
    ///
    /// # Panics
    /// If it cannot be started, ends, or does not answer within two minutes; the message has the end of its log.
    pub async fn start<P, F>(launch: Launch, ping: P) -> Self
    where
        P: Fn(Probe) -> F + Send + Sync + 'static,
        F: Future<Output = bool> + Send + 'static,
    {
        let own_dir = launch
            .working_dir()
            .is_none()
            .then(|| TempDir::with_prefix("glmsg-server-").expect("a folder for the server"));
        let dir = own_dir.as_ref().map(TempDir::path).or(launch.working_dir());
        let dir = dir.map_or_else(PathBuf::new, Path::to_path_buf);
        let port = Port::hold();
        let mut launch = launch
            .with("{port}", &port.number().to_string())
            .with("{dir}", &dir.to_string_lossy())
            .dir(&dir);
        if !launch.has_log() {
            launch = launch.log(dir.join("server.log"));
        }
        let child = Arc::new(Child::spawn(&launch));
        let shared = Shared {
            launch,
            port,
            dir,
            ping: Box::new(move |probe| Box::pin(ping(probe))),
            child: Mutex::new(child),
            turn: tokio::sync::Mutex::new(()),
            _own_dir: own_dir,
        };
        let server = Self {
            shared: Arc::new(shared),
        };
        server.answers().await;
        server
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.shared.port.addr()
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.shared.dir
    }

    /// The pid of the process that runs, or ran last.
    pub fn pid(&self) -> u32 {
        self.child().pid()
    }

    /// Whether its process has not ended; a stopped process has not.
    pub fn is_alive(&self) -> bool {
        self.child().ended().is_none()
    }

    /// `SIGKILL`. When this returns it is gone.
    pub async fn kill9(&self) {
        self.child().kill9().await;
    }

    /// `SIGSTOP`: its connections stay open, and nothing answers on them.
    pub async fn stop(&self) {
        self.child().stop().await;
    }

    /// `SIGCONT`: it goes on after a [`stop`](Self::stop), and answers what has waited.
    pub fn cont(&self) {
        self.child().cont();
    }

    /// `SIGTERM`, and waits until it has ended.
    ///
    /// # Panics
    /// If it does not within two minutes.
    pub async fn terminate(&self) {
        let child = self.child();
        child.terminate();
        let ended = child.end_within(PATIENCE).await;
        assert!(
            ended.is_some(),
            "the server does not end:\n{}",
            tail(&self.log())
        );
    }

    /// Starts it again on the same port, in the same folder, and waits until it answers. One that still runs is asked to
    /// end first.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub async fn restart(&self) {
        let _turn = self.shared.turn.lock().await;
        if self.is_alive() {
            self.cont();
            self.terminate().await;
        }
        let child = Arc::new(Child::spawn(&self.shared.launch));
        *self.lock() = child;
        self.answers().await;
    }

    /// What it printed so far.
    pub fn log(&self) -> String {
        self.shared.launch.printed()
    }

    /// What it uses now.
    ///
    /// # Panics
    /// If it has ended.
    pub fn usage(&self) -> Usage {
        Usage::of(self.pid()).expect("the usage of a process that runs can be read")
    }

    async fn answers(&self) {
        let child = self.child();
        let addr = self.addr();
        let deadline = Instant::now() + PATIENCE;
        let pid = child.pid();
        loop {
            if let Some(status) = child.ended() {
                panic!("the server ended with {status}:\n{}", tail(&self.log()));
            }
            // A server that accepts and does not answer must not hold up the case for ever.
            let ping = (self.shared.ping)(Probe { addr, pid });
            let answered = tokio::time::timeout(Duration::from_secs(5), ping).await;
            if answered == Ok(true) {
                return;
            }
            let in_time = Instant::now() < deadline;
            assert!(
                in_time,
                "the server does not answer:\n{}",
                tail(&self.log())
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn child(&self) -> Arc<Child> {
        Arc::clone(&self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Arc<Child>> {
        let child = self.shared.child.lock();
        child.unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("addr", &self.addr())
            .field("pid", &self.pid())
            .field("dir", &self.shared.dir)
            .finish_non_exhaustive()
    }
}

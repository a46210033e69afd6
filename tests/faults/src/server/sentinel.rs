//! A primary with replicas, watched by Sentinels.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::handle::Server;
use super::redis::{Kind, RedisServer, RedisSetup, ping};
use crate::process::Launch;
use crate::proxy::{Control, Direction, Mode, Proxy};
use crate::until;

/// What replicas and Sentinels call from, so that they can be told from clients.
const INSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// The name of the primary.
const NAME: &str = "main";
/// How long the set may take to be complete, and to have another primary.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a set is made.
#[derive(Debug, Clone)]
pub struct SentinelSetup {
    /// How many replicas the primary has.
    pub replicas: usize,
    /// How many Sentinels there are; most of them must agree.
    pub sentinels: usize,
    /// After how long a silent primary is believed to be down.
    pub down_after: Duration,
    /// How each server is set up.
    pub server: RedisSetup,
}

impl Default for SentinelSetup {
    /// Two replicas and three Sentinels, and a second and a half.
    fn default() -> Self {
        Self {
            replicas: 2,
            sentinels: 3,
            down_after: Duration::from_millis(1500),
            server: RedisSetup::default(),
        }
    }
}

/// A primary with replicas and Sentinels.
///
/// Everybody reaches the primary by a proxy, and what it does is done to replicas and Sentinels alone: a
/// [partition](Self::partition) leaves clients with the old primary, which is how acknowledged writes get lost.
#[derive(Debug)]
pub struct SentinelSet {
    proxy: Proxy,
    primary: RedisServer,
    replicas: Vec<RedisServer>,
    sentinels: Vec<Server>,
    _configs: TempDir,
}

impl SentinelSet {
    /// Starts one, and waits until the replicas are in step and the Sentinels know all.
    ///
    /// # Panics
    /// If it is not complete within a minute.
    pub async fn start(kind: Kind, setup: SentinelSetup) -> Self {
        // For a protected server only 127.0.0.1 is this machine.
        let open = ["--protected-mode", "no"];
        let delay = ["--repl-diskless-sync-delay", "0"];
        let server = setup.server.clone().args(open).args(delay);
        let primary = RedisServer::start(kind, server.clone()).await;
        let proxy = Proxy::start_for(primary.addr(), INSIDE).await;
        announce(&primary, &proxy).await;
        let port = proxy.addr().port().to_string();
        let mut replicas = Vec::new();
        for _ in 0..setup.replicas {
            // They are told by what they call from, and called where they listen.
            let inside = ["--bind-source-addr".to_owned(), INSIDE.to_string()];
            let announce = ["--replica-announce-ip", "127.0.0.1"];
            let of = ["--replicaof", "127.0.0.1", &port].map(str::to_owned);
            let setup = server.clone().args(inside).args(announce).args(of);
            replicas.push(RedisServer::start(kind, setup).await);
        }
        for replica in &replicas {
            until("a replica is in step", PATIENCE, || async {
                let info = replica.command(&["INFO", "replication"]).await;
                let info = info.text().unwrap_or_default().to_owned();
                info.contains("master_link_status:up")
            })
            .await;
        }
        let configs = TempDir::with_prefix("glmsg-sentinels-").expect("a folder");
        let mut sentinels = Vec::new();
        for number in 0..setup.sentinels {
            let file = configs.path().join(format!("{number}.conf"));
            sentinels.push(start_sentinel(kind, &file, proxy.addr(), &setup).await);
        }
        let set = Self {
            proxy,
            primary,
            replicas,
            sentinels,
            _configs: configs,
        };
        for sentinel in &set.sentinels {
            until("a Sentinel knows all", PATIENCE, || async {
                let info = ask(sentinel.addr(), &["INFO", "sentinel"]).await;
                let (replicas, sentinels) = (setup.replicas, setup.sentinels);
                let all = format!("status=ok,address={},slaves={replicas},", set.proxy.addr());
                info.contains(&all) && info.contains(&format!("sentinels={sentinels}"))
            })
            .await;
        }
        set
    }

    /// How a client names it.
    pub fn url(&self) -> String {
        let addrs = self.sentinels.iter().map(|one| one.addr().to_string());
        let addrs: Vec<String> = addrs.collect();
        format!("redis+sentinel://{}/{NAME}", addrs.join(","))
    }

    /// The server that is the primary in the beginning.
    pub fn primary(&self) -> &RedisServer {
        &self.primary
    }

    /// The servers that are replicas in the beginning.
    pub fn replicas(&self) -> &[RedisServer] {
        &self.replicas
    }

    /// What stands between the first primary and its replicas and Sentinels.
    pub fn control(&self) -> Control {
        self.proxy.control()
    }

    /// Cuts the first primary off from its replicas and the Sentinels, and from nobody else.
    pub async fn partition(&self) {
        let all = Mode::BlackHole(Direction::Both);
        self.control().set(all).await;
    }

    /// Ends the partition.
    pub async fn heal(&self) {
        self.control().set(Mode::Pass).await;
    }

    /// The primary as most Sentinels name it.
    pub async fn named(&self) -> Option<SocketAddr> {
        let mut named = Vec::new();
        for sentinel in &self.sentinels {
            let words = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME];
            let reply = super::redis::session(sentinel.addr(), None).await;
            let Ok(mut session) = reply else {
                continue;
            };
            let Ok(reply) = session.ask(&words).await else {
                continue;
            };
            if let [host, port] = reply.list()
                && let (Some(host), Some(port)) = (host.text(), port.text())
            {
                named.extend(format!("{host}:{port}").parse::<SocketAddr>());
            }
        }
        let votes = |addr: &SocketAddr| named.iter().filter(|one| *one == addr).count();
        let first = named.iter().max_by_key(|addr| votes(addr)).copied();
        first.filter(|addr| 2 * votes(addr) > self.sentinels.len())
    }

    /// The server that is the primary now, and its address.
    ///
    /// # Panics
    /// If most Sentinels name none of the set within a minute.
    pub async fn current(&self) -> (&RedisServer, SocketAddr) {
        until("a primary is named", PATIENCE, || async {
            self.named().await.is_some()
        })
        .await;
        let addr = self.named().await.expect("it was named");
        let mut replicas = self.replicas.iter();
        let server = match addr == self.proxy.addr() {
            true => Some(&self.primary),
            false => replicas.find(|replica| replica.addr() == addr),
        };
        (server.expect("a server of the set"), addr)
    }

    /// Waits until most Sentinels name another primary than that, and it is one.
    ///
    /// # Panics
    /// If they do not within a minute.
    pub async fn fails_over(&self, from: SocketAddr) {
        until("another primary is named", PATIENCE, || async {
            let Some(named) = self.named().await else {
                return false;
            };
            named != from && ask(named, &["ROLE"]).await == "master"
        })
        .await;
    }

    /// Starts a server of the set again.
    pub async fn restart(&self, server: &RedisServer) {
        server.restart().await;
        if server.addr() == self.primary.addr() {
            announce(server, &self.proxy).await;
        }
    }

    /// Waits until all others follow the primary, and are in step.
    ///
    /// # Panics
    /// If they are not within a minute.
    pub async fn is_whole(&self) {
        until("all others follow the primary", PATIENCE, || async {
            let Some(named) = self.named().await else {
                return false;
            };
            let info = ask(named, &["INFO", "replication"]).await;
            info.matches("state=online").count() == self.replicas.len()
        })
        .await;
    }

    /// The address of the first primary, as all know it.
    pub fn first_addr(&self) -> SocketAddr {
        self.proxy.addr()
    }
}

/// Tells the first primary by which address it is to be known when it follows another: the one that all know already.
async fn announce(primary: &RedisServer, proxy: &Proxy) {
    let port = proxy.addr().port().to_string();
    for (key, value) in [
        ("replica-announce-ip", "127.0.0.1"),
        ("replica-announce-port", &port),
    ] {
        primary.command(&["CONFIG", "SET", key, value]).await;
    }
}

async fn start_sentinel(
    kind: Kind,
    file: &Path,
    primary: SocketAddr,
    setup: &SentinelSetup,
) -> Server {
    let SentinelSetup { sentinels, .. } = setup;
    let (host, port) = (primary.ip(), primary.port());
    let down_after = setup.down_after.as_millis();
    let text = format!(
        "bind 127.0.0.1\nprotected-mode no\nbind-source-addr {INSIDE}\nsentinel announce-ip 127.0.0.1\n\
         sentinel monitor {NAME} {host} {port} {quorum}\n\
         sentinel down-after-milliseconds {NAME} {down_after}\n\
         sentinel failover-timeout {NAME} 2000\n\
         sentinel parallel-syncs {NAME} 2\n",
        quorum = sentinels / 2 + 1
    );
    std::fs::write(file, text).expect("the configuration can be written");
    let launch = Launch::new(kind.program()).args([file]).args([
        "--sentinel",
        "--port",
        "{port}",
        "--dir",
        "{dir}",
    ]);
    Server::start(launch, |probe| ping(probe, None)).await
}

/// The text of an answer, or of its first part; nothing if there is none.
async fn ask(addr: SocketAddr, words: &[&str]) -> String {
    let asked = async {
        let mut session = super::redis::session(addr, None).await?;
        session.ask(words).await
    };
    let Ok(reply) = asked.await else {
        return String::new();
    };
    let first = reply.list().first().and_then(super::Reply::text);
    let text = reply.text().or(first);
    text.unwrap_or_default().to_owned()
}

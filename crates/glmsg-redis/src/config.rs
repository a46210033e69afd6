//! How to reach a server.

mod address;
mod check;
mod secret;
mod server;
mod tls;
mod url;

use std::path::PathBuf;
use std::time::Duration;

use glmsg_broker::{Durability, TopicConfig};
use glmsg_core::{Result, limits};

pub use address::Address;
pub use secret::Secret;
pub use server::Server;
pub use tls::TlsFiles;

/// What to do with a server that throws keys away when its memory is full.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Eviction {
    /// Refuse it: messages would vanish without a trace.
    #[default]
    Refuse,
    /// Use it, and say so in the health report.
    Warn,
}

/// How to reach a server, and what to ask of it.
///
/// ```
/// use glmsg_redis::RedisConfig;
///
/// let config = RedisConfig::from_url("redis://app:hush@db.local/2?namespace=orders")?;
/// assert_eq!(config.namespace, "orders");
/// assert_eq!(config.database, 2);
/// assert!(!format!("{config:?}").contains("hush"));
/// assert!(RedisConfig::from_url("redis://db.local?namespac=orders").is_err());
/// # Ok::<(), glmsg_core::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone)]
pub struct RedisConfig {
    /// Which server, or which set of servers. Default: one at 127.0.0.1:6379.
    pub server: Server,
    /// The user to log in as. Default: the server's default user.
    pub user: Option<String>,
    /// The password to log in with.
    pub password: Option<Secret>,
    /// A file to read the password from, at every connect, so that it can be changed.
    pub password_file: Option<PathBuf>,
    /// The number of the database. Default: 0, the only one a cluster has.
    pub database: u32,
    /// Speak TLS, with these files. Default: plain TCP.
    pub tls: Option<TlsFiles>,
    /// The first part of the name of every key. Default: `glmsg`.
    pub namespace: String,
    /// The largest payload accepted, in bytes. Default: 1 MiB, at most 16 MiB.
    pub max_payload: usize,
    /// How long an operation is tried before it fails. Default: 5 s.
    pub timeout: Duration,
    /// What a stored message must have survived. Default: [`Durability::Local`].
    pub durability: Durability,
    /// The bounds of topics that a publish or a subscription creates.
    pub topic: TopicConfig,
    /// The most connections for publishes and acks that wait for replicas or the disk, each of
    /// which needs one for as long. Besides, all other calls share one for each server, and each
    /// subscription has its own. Default: 50.
    pub connections: usize,
    /// The name the server shows for our connections. Default: `glmsg`.
    pub name: String,
    /// What to do with a server that throws keys away. Default: refuse it.
    pub eviction: Eviction,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            server: Server::Single(Address::new("127.0.0.1", Address::PORT)),
            user: None,
            password: None,
            password_file: None,
            database: 0,
            tls: None,
            namespace: "glmsg".to_owned(),
            max_payload: limits::DEFAULT_MAX_PAYLOAD,
            timeout: Duration::from_secs(5),
            durability: Durability::Local,
            topic: TopicConfig::default(),
            connections: 50,
            name: "glmsg".to_owned(),
            eviction: Eviction::Refuse,
        }
    }
}

impl RedisConfig {
    /// The server at 127.0.0.1:6379, with defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The server a URL names:
    ///
    /// - `redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]`, one server;
    /// - `redis+sentinel://[USER:PASSWORD@]HOST[:PORT],…/NAME[/DATABASE]`, the master that these
    ///   sentinels call NAME;
    /// - `redis+cluster://[USER:PASSWORD@]HOST[:PORT],…`, the cluster these nodes belong to;
    /// - `rediss://`, `rediss+sentinel://` and `rediss+cluster://`, the same over TLS.
    ///
    /// User and password may be percent-encoded. The keys after a `?` are `namespace`,
    /// `max_payload`, `timeout_ms`, `durability` (`local`, `fsynced`, `replicated:N`), `max_len`,
    /// `max_age_s`, `dead_letter_age_s`, `overflow` (`reject` or `drop-oldest`), `frames` and
    /// `frame_delay_ms` (the bounds of [`Frames`](glmsg_broker::Frames)), `connections`, `name`, `eviction` (`refuse` or `warn`), `password_file`, with TLS also `ca`, `cert` and
    /// `key` (paths of PEM files), and with sentinels `sentinel_user` and `sentinel_password`.
    ///
    /// # Errors
    /// `ConfigInvalid` for another scheme, an unknown key or a value of the wrong form. The error
    /// names no user and no password.
    pub fn from_url(url: &str) -> Result<Self> {
        url::parse(url)
    }

    /// Sets [`server`](Self::server).
    #[must_use]
    pub fn server(mut self, server: Server) -> Self {
        self.server = server;
        self
    }

    /// Sets [`user`](Self::user) and [`password`](Self::password).
    #[must_use]
    pub fn login(mut self, user: Option<String>, password: impl Into<Secret>) -> Self {
        self.user = user;
        self.password = Some(password.into());
        self
    }

    /// Sets [`password_file`](Self::password_file).
    #[must_use]
    pub fn password_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.password_file = Some(path.into());
        self
    }

    /// Sets [`database`](Self::database).
    #[must_use]
    pub fn database(mut self, number: u32) -> Self {
        self.database = number;
        self
    }

    /// Sets [`tls`](Self::tls).
    #[must_use]
    pub fn tls(mut self, files: TlsFiles) -> Self {
        self.tls = Some(files);
        self
    }

    /// Sets [`namespace`](Self::namespace).
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Sets [`max_payload`](Self::max_payload).
    #[must_use]
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.max_payload = bytes;
        self
    }

    /// Sets [`timeout`](Self::timeout).
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets [`durability`](Self::durability).
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Sets [`topic`](Self::topic).
    #[must_use]
    pub fn topic(mut self, defaults: TopicConfig) -> Self {
        self.topic = defaults;
        self
    }

    /// Sets [`connections`](Self::connections).
    #[must_use]
    pub fn connections(mut self, most: usize) -> Self {
        self.connections = most;
        self
    }

    /// Sets [`name`](Self::name).
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets [`eviction`](Self::eviction).
    #[must_use]
    pub fn eviction(mut self, eviction: Eviction) -> Self {
        self.eviction = eviction;
        self
    }

    /// Checks the bounds.
    ///
    /// # Errors
    /// `ConfigInvalid` that names the setting.
    pub fn check(&self) -> Result<()> {
        check::check(self)
    }
}

//! How to reach a cluster.

mod address;
mod check;
mod choice;
mod client;
mod secret;
mod set;
mod tls;
mod url;
mod wire;

use std::path::PathBuf;
use std::time::Duration;

use glmsg_broker::{MAX_APPEND_BYTES, TopicConfig};
use glmsg_core::{Result, limits};

pub use address::Address;
pub use choice::{Compression, Encoding, GroupProtocol, Profile, SaslMechanism};
pub use secret::Secret;
pub use tls::TlsFiles;

/// How to reach a cluster, and what to ask of it.
///
/// ```
/// use glmsg_kafka::KafkaConfig;
///
/// let config = KafkaConfig::from_url("kafka://app:hush@a:9092,b:9092?sasl=plain&partitions=12")?;
/// assert_eq!(config.servers.len(), 2);
/// assert_eq!(config.partitions, 12);
/// assert!(!format!("{config:?}").contains("hush"));
/// assert!(KafkaConfig::from_url("kafka://a?partitons=12").is_err());
/// # Ok::<(), glmsg_core::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
pub struct KafkaConfig {
    /// Where some of the cluster's brokers listen; the others are found. Default: 127.0.0.1:9092.
    pub servers: Vec<Address>,
    /// Speak TLS, with these files. Default: plain TCP.
    pub tls: Option<TlsFiles>,
    /// How to log in. Default: SCRAM-SHA-256 where there is a user.
    pub sasl: Option<SaslMechanism>,
    /// The user to log in as. Default: no login.
    pub user: Option<String>,
    /// The password to log in with.
    pub password: Option<Secret>,
    /// A file to read the password from, whenever a client is made.
    pub password_file: Option<PathBuf>,
    /// Stands with a dot before the names of all topics and groups. Default: nothing, the names are
    /// those of the cluster.
    pub namespace: String,
    /// The name the cluster knows our clients by. Default: `glmsg`.
    pub name: String,
    /// How long an operation is tried before it fails. Default: 5 s.
    pub timeout: Duration,
    /// The largest payload accepted, in bytes. Default: 1 MiB, at most 16 MiB.
    pub max_payload: usize,
    /// How many partitions a new topic gets. Default: 4.
    pub partitions: u16,
    /// How many copies a new topic has. Default: what the cluster says.
    pub replication: Option<u16>,
    /// How many copies of a new topic must have a message before it counts as stored. Default: what
    /// the cluster says.
    pub min_insync: Option<u16>,
    /// How what is sent is compressed. Default: not.
    pub compression: Compression,
    /// How long a publish waits for others to go along with. Default: not at all, at most 1 s.
    pub linger: Duration,
    /// How long a member of a group may be silent before its partitions go to others. Default: 10 s.
    /// With [`GroupProtocol::Consumer`] the cluster decides.
    pub session_timeout: Duration,
    /// How groups share out partitions. All members of a group must do it the same way. Default:
    /// [`GroupProtocol::Classic`].
    pub group_protocol: GroupProtocol,
    /// Our name in all groups, which keeps our partitions for us while we restart within the
    /// session timeout. Default: none, a restart hands them to others.
    pub instance: Option<String>,
    /// What is refused for its risk. Default: [`Profile::Development`].
    pub profile: Profile,
    /// The bounds of topics that a publish or a subscription creates.
    pub topic: TopicConfig,
    /// How a message is written into a record. All ways are read. Default: [`Encoding::Headers`].
    pub encoding: Encoding,
    /// How long a group may do nothing of a partition while messages come until health says that it
    /// stands still. Default: 60 s. Longer than the longest handler.
    pub stalled_after: Duration,
    /// How many bytes of messages that were fetched and not yet taken are held for each subscription.
    /// Default: 16 MiB.
    pub read_buffer: usize,
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            servers: vec![Address::new("127.0.0.1", Address::PORT)],
            tls: None,
            sasl: None,
            user: None,
            password: None,
            password_file: None,
            namespace: String::new(),
            name: "glmsg".to_owned(),
            timeout: Duration::from_secs(5),
            max_payload: limits::DEFAULT_MAX_PAYLOAD,
            partitions: 4,
            replication: None,
            min_insync: None,
            compression: Compression::None,
            linger: Duration::ZERO,
            session_timeout: Duration::from_secs(10),
            group_protocol: GroupProtocol::Classic,
            instance: None,
            profile: Profile::Development,
            topic: TopicConfig::default(),
            encoding: Encoding::Headers,
            stalled_after: Duration::from_secs(60),
            read_buffer: 16 * 1024 * 1024,
        }
    }
}

impl KafkaConfig {
    /// The cluster at 127.0.0.1:9092, with defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The cluster a URL names: `kafka://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…][?KEY=VALUE&…]`.
    ///
    /// User and password may be percent-encoded. The keys are `tls` (`true` or `false`), `ca`, `cert`
    /// and `key` (paths of PEM files, each of which means TLS), `sasl` (`plain`, `scram-sha-256`,
    /// `scram-sha-512`), `password_file`, `namespace`, `name`, `timeout_ms`, `max_payload`,
    /// `partitions`, `replication`, `min_insync`, `compression` (`none`, `gzip`, `snappy`, `lz4`,
    /// `zstd`), `linger_ms` (fractions are allowed), `session_timeout_ms`, `group_protocol`
    /// (`classic` or `consumer`), `instance`, `profile` (`development` or `production`), `max_age_s`,
    /// `dead_letter_age_s`, `encoding` (`headers`, `envelope` or `cloudevents`), `stalled_after_ms`
    /// and `read_buffer`.
    ///
    /// # Errors
    /// `ConfigInvalid` for another scheme, an unknown key or a value of the wrong form;
    /// `Unsupported` for what this build was made without. The error names no user and no password.
    pub fn from_url(url: &str) -> Result<Self> {
        url::parse(url)
    }

    /// Checks the bounds.
    ///
    /// # Errors
    /// `ConfigInvalid` that names the setting, `Unsupported` for what this build was made without.
    pub fn check(&self) -> Result<()> {
        check::check(self)
    }

    /// The largest record of the storage, in bytes: an append is one.
    pub(crate) fn max_change(&self) -> usize {
        self.max_payload.max(MAX_APPEND_BYTES) + 64 * 1024
    }

    /// The largest record that carries the largest payload, in bytes.
    pub(crate) const fn max_record(&self) -> usize {
        self.max_payload + 512 * 1024
    }
}

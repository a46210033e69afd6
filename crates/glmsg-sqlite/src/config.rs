//! How to open a store.

mod url;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Frames, TopicConfig};
use glmsg_core::{Clock, Error, ErrorKind, Result, SystemClock, limits};

/// How to open a store.
///
/// ```
/// use glmsg_sqlite::SqliteConfig;
///
/// let config = SqliteConfig::from_url("sqlite:orders.db?max_payload=65536")?;
/// assert_eq!(config.max_payload, 65536);
/// assert!(SqliteConfig::from_url("sqlite:orders.db?max_paylod=1").is_err());
/// # Ok::<(), glmsg_core::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone)]
pub struct SqliteConfig {
    /// The database file. It is created if it does not exist; its directory is not.
    pub path: PathBuf,
    /// The largest payload accepted, in bytes. Default: 1 MiB, at most 16 MiB.
    pub max_payload: usize,
    /// How long to wait for another process that is writing. Default: 30 s.
    pub busy_timeout: Duration,
    /// Where time comes from. Default: the system clock.
    pub clock: Arc<dyn Clock>,
    /// The bounds of topics that a publish or a subscription creates.
    pub topic: TopicConfig,
    /// After how many pages the write-ahead log is copied into the database file. Default: 2000.
    pub wal_autocheckpoint: u32,
    /// How often to look for messages of other processes while somebody waits. Default: 3 ms.
    pub poll: Duration,
    /// The largest database file, in bytes; a publish that needs more is refused with `Full`.
    /// Default: as large as the disk allows.
    pub max_file_size: Option<u64>,
}

impl SqliteConfig {
    /// The store in the file `path`, with defaults.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().to_path_buf(),
            max_payload: limits::DEFAULT_MAX_PAYLOAD,
            busy_timeout: Duration::from_secs(30),
            clock: Arc::new(SystemClock),
            topic: TopicConfig::default(),
            wal_autocheckpoint: 2000,
            poll: Duration::from_millis(3),
            max_file_size: None,
        }
    }

    /// The store a URL names: `sqlite:PATH?key=value&…`. The path may be percent-encoded. Keys are
    /// `max_payload`, `busy_timeout_ms`, `wal_autocheckpoint`, `poll_ms`, `max_file_size`,
    /// `max_len`, `max_age_s`, `dead_letter_age_s` and `overflow` (`reject` or `drop-oldest`).
    ///
    /// # Errors
    /// `ConfigInvalid` for another scheme, an unknown key or a value of the wrong form.
    pub fn from_url(url: &str) -> Result<Self> {
        url::parse(url)
    }

    /// Sets [`max_payload`](Self::max_payload).
    #[must_use]
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.max_payload = bytes;
        self
    }

    /// Sets [`busy_timeout`](Self::busy_timeout).
    #[must_use]
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// Sets [`clock`](Self::clock).
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets [`topic`](Self::topic).
    #[must_use]
    pub fn topic(mut self, defaults: TopicConfig) -> Self {
        self.topic = defaults;
        self
    }

    /// Sets [`wal_autocheckpoint`](Self::wal_autocheckpoint).
    #[must_use]
    pub fn wal_autocheckpoint(mut self, pages: u32) -> Self {
        self.wal_autocheckpoint = pages;
        self
    }

    /// Sets [`poll`](Self::poll).
    #[must_use]
    pub fn poll(mut self, interval: Duration) -> Self {
        self.poll = interval;
        self
    }

    /// Sets [`max_file_size`](Self::max_file_size).
    #[must_use]
    pub fn max_file_size(mut self, bytes: u64) -> Self {
        self.max_file_size = Some(bytes);
        self
    }

    /// Checks the bounds.
    ///
    /// # Errors
    /// `ConfigInvalid` that names the setting, `Unsupported` for frames.
    pub fn check(&self) -> Result<()> {
        let wrong = |what: &str| Err(Error::new(ErrorKind::ConfigInvalid, what).operation("open"));
        if self.path.as_os_str().is_empty() {
            return wrong("the path of the database is empty");
        }
        if self.max_payload > limits::MAX_PAYLOAD {
            return wrong("max_payload is over 16 MiB (16777216)");
        }
        if self.busy_timeout > Duration::from_secs(3600) {
            return wrong("the busy timeout is over 1 h");
        }
        if self.poll.is_zero() || self.poll > Duration::from_secs(1) {
            return wrong("the poll interval must be up to 1 s and not 0");
        }
        if self.wal_autocheckpoint == 0 || self.wal_autocheckpoint > 1_000_000 {
            return wrong("wal_autocheckpoint must be 1 to 1000000 pages");
        }
        if self.topic.frames.is_some() {
            return Err(Frames::unsupported("sqlite").operation("open"));
        }
        self.topic.check()
    }
}

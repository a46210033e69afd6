//! The setters.

use std::path::PathBuf;
use std::time::Duration;

use glmsg_broker::TopicConfig;

use super::{
    Address, Compression, Encoding, GroupProtocol, KafkaConfig, Profile, SaslMechanism, Secret,
    TlsFiles,
};

impl KafkaConfig {
    /// Sets [`servers`](Self::servers).
    #[must_use]
    pub fn servers(mut self, servers: impl IntoIterator<Item = Address>) -> Self {
        self.servers = servers.into_iter().collect();
        self
    }

    /// Sets [`tls`](Self::tls).
    #[must_use]
    pub fn tls(mut self, files: TlsFiles) -> Self {
        self.tls = Some(files);
        self
    }

    /// Sets [`sasl`](Self::sasl).
    #[must_use]
    pub fn sasl(mut self, mechanism: SaslMechanism) -> Self {
        self.sasl = Some(mechanism);
        self
    }

    /// Sets [`user`](Self::user) and [`password`](Self::password).
    #[must_use]
    pub fn login(mut self, user: impl Into<String>, password: impl Into<Secret>) -> Self {
        self.user = Some(user.into());
        self.password = Some(password.into());
        self
    }

    /// Sets [`user`](Self::user) and [`password_file`](Self::password_file).
    #[must_use]
    pub fn login_from(mut self, user: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.user = Some(user.into());
        self.password_file = Some(path.into());
        self
    }

    /// Sets [`namespace`](Self::namespace).
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Sets [`name`](Self::name).
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets [`timeout`](Self::timeout).
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets [`max_payload`](Self::max_payload).
    #[must_use]
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.max_payload = bytes;
        self
    }

    /// Sets [`partitions`](Self::partitions).
    #[must_use]
    pub fn partitions(mut self, number: u16) -> Self {
        self.partitions = number;
        self
    }

    /// Sets [`replication`](Self::replication).
    #[must_use]
    pub fn replication(mut self, copies: u16) -> Self {
        self.replication = Some(copies);
        self
    }

    /// Sets [`min_insync`](Self::min_insync).
    #[must_use]
    pub fn min_insync(mut self, copies: u16) -> Self {
        self.min_insync = Some(copies);
        self
    }

    /// Sets [`compression`](Self::compression).
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Sets [`linger`](Self::linger).
    #[must_use]
    pub fn linger(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }

    /// Sets [`session_timeout`](Self::session_timeout).
    #[must_use]
    pub fn session_timeout(mut self, timeout: Duration) -> Self {
        self.session_timeout = timeout;
        self
    }

    /// Sets [`group_protocol`](Self::group_protocol).
    #[must_use]
    pub fn group_protocol(mut self, protocol: GroupProtocol) -> Self {
        self.group_protocol = protocol;
        self
    }

    /// Sets [`instance`](Self::instance).
    #[must_use]
    pub fn instance(mut self, name: impl Into<String>) -> Self {
        self.instance = Some(name.into());
        self
    }

    /// Sets [`profile`](Self::profile).
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Sets [`topic`](Self::topic).
    #[must_use]
    pub fn topic(mut self, defaults: TopicConfig) -> Self {
        self.topic = defaults;
        self
    }

    /// Sets [`encoding`](Self::encoding).
    #[must_use]
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Sets [`stalled_after`](Self::stalled_after).
    #[must_use]
    pub fn stalled_after(mut self, time: Duration) -> Self {
        self.stalled_after = time;
        self
    }

    /// Sets [`read_buffer`](Self::read_buffer).
    #[must_use]
    pub fn read_buffer(mut self, bytes: usize) -> Self {
        self.read_buffer = bytes;
        self
    }
}

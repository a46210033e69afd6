//! The settings of the own client, by which messages go.

use std::time::Duration;

use glmsg_core::Result;
use glmsg_kafka_wire as wire;

use super::{Compression, KafkaConfig, SaslMechanism};

/// The most bytes that may wait to be stored.
const QUEUE: usize = 64 * 1024 * 1024;
/// How long a broker waits for something to read.
const WAIT: Duration = Duration::from_millis(500);
/// The most bytes of what is read at once.
const ANSWER: usize = 8 * 1024 * 1024;
/// The most bytes that a batch may have once it is unpacked.
const INFLATED: usize = 64 * 1024 * 1024;
/// The least time in which a record is to be stored: leaders change.
const LEAST: Duration = Duration::from_secs(5);

impl KafkaConfig {
    /// Where the cluster is, and how one gets in.
    ///
    /// # Errors
    /// Those of [`check`](Self::check).
    pub(crate) fn endpoint(&self) -> Result<wire::Endpoint> {
        self.check()?;
        let servers = self.servers.iter();
        let tls = self.tls.as_ref().map(|files| wire::TlsFiles {
            ca: files.ca.clone(),
            cert: files.cert.clone(),
            key: files.key.clone(),
        });
        Ok(wire::Endpoint {
            servers: servers.map(|at| (at.host.clone(), at.port)).collect(),
            client_id: self.name.to_string(),
            timeout: self
                .timeout
                .clamp(Duration::from_secs(1), Duration::from_secs(30)),
            tls,
            login: self.wire_login(),
        })
    }

    fn wire_login(&self) -> Option<wire::Login> {
        let password = match (&self.password, &self.password_file) {
            (Some(text), _) => wire::Password::Text(text.reveal().to_owned()),
            (None, Some(path)) => wire::Password::File(path.clone()),
            (None, None) => wire::Password::Text(String::new()),
        };
        Some(wire::Login {
            mechanism: match self.sasl.unwrap_or_default() {
                SaslMechanism::Plain => wire::Mechanism::Plain,
                SaslMechanism::ScramSha256 => wire::Mechanism::ScramSha256,
                SaslMechanism::ScramSha512 => wire::Mechanism::ScramSha512,
            },
            user: self.user.clone()?,
            password,
        })
    }

    /// How messages are sent: each is stored once, and its answer is final.
    pub(crate) fn sending(&self) -> wire::ProducerSettings {
        wire::ProducerSettings {
            sends_again: true,
            timeout: self.timeout.max(LEAST),
            linger: self.linger,
            queue: QUEUE.max(2 * self.max_record()),
            compression: match self.compression {
                Compression::None => wire::Compression::None,
                Compression::Gzip => wire::Compression::Gzip,
                Compression::Snappy => wire::Compression::Snappy,
                Compression::Lz4 => wire::Compression::Lz4,
                Compression::Zstd => wire::Compression::Zstd,
            },
            ..wire::ProducerSettings::default()
        }
    }

    /// How the partitions of a group are read.
    pub(crate) fn fetching(&self) -> wire::FetchSettings {
        wire::FetchSettings {
            max_wait: WAIT,
            max_bytes: self.read_buffer.min(ANSWER),
            read_committed: true,
            buffer: self.read_buffer,
            // What others have packed, too.
            max_inflated: INFLATED.max(2 * self.max_record()),
            ..wire::FetchSettings::default()
        }
    }

    /// How changes to the storage are sent: once and never again, as each record is to be there once, and
    /// what was not stored is sent again as another.
    pub(crate) fn sending_once(&self) -> wire::ProducerSettings {
        wire::ProducerSettings {
            sends_again: false,
            linger: Duration::ZERO,
            compression: wire::Compression::None,
            ..self.sending()
        }
    }
}

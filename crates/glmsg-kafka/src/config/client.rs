//! The settings of the client library.

use std::time::Duration;

use glmsg_core::{Error, ErrorKind, Result};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};

use super::{GroupProtocol, KafkaConfig, SaslMechanism};

/// The most bytes that the messages of a producer may take until they are stored.
const QUEUE_KBYTES: usize = 64 * 1024;
/// The most bytes a fetch asks for, whatever is free.
const FETCH_BYTES: usize = 50 * 1024 * 1024;
/// How much larger than asked for an answer may be: the first batch of others' comes whole.
const FETCH_EXCESS: usize = 32 * 1024 * 1024;

fn millis(d: Duration, least: u64, most: u64) -> String {
    let millis = u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
    millis.clamp(least, most).to_string()
}

impl KafkaConfig {
    /// What every client needs.
    ///
    /// # Errors
    /// Those of [`check`](Self::check), and of a password file that cannot be read.
    pub(crate) fn client(&self) -> Result<ClientConfig> {
        self.check()?;
        let servers: Vec<_> = self.servers.iter().map(ToString::to_string).collect();
        let mut client = ClientConfig::new();
        // The library writes a line for each connection that comes and goes.
        client.set_log_level(RDKafkaLogLevel::Warning);
        client
            .set("bootstrap.servers", servers.join(","))
            .set("client.id", &*self.name)
            // Topics are made with the settings above, not with those of a broker.
            .set("allow.auto.create.topics", "false")
            .set("message.max.bytes", self.max_record().to_string())
            .set("socket.keepalive.enable", "true")
            .set("socket.nagle.disable", "true")
            .set("socket.timeout.ms", millis(self.timeout, 3000, 60_000))
            .set(
                "socket.connection.setup.timeout.ms",
                millis(self.timeout, 1000, 30_000),
            )
            // A broker that comes back must be found within the time of an operation.
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            .set("broker.address.ttl", "1000")
            .set("log.connection.close", "false")
            .set("statistics.interval.ms", "0");
        self.security(&mut client)?;
        Ok(client)
    }

    /// What a producer of transactions needs.
    pub(crate) fn producer(&self) -> Result<ClientConfig> {
        let mut client = self.client()?;
        let linger = self.linger.as_micros();
        client
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // With more, the first record of a new partition can be lost though it is reported as
            // stored: see decision 0008.
            .set("max.in.flight.requests.per.connection", "1")
            .set("message.timeout.ms", millis(self.timeout, 5000, 3_600_000))
            .set("request.timeout.ms", millis(self.timeout, 5000, 30_000))
            .set(
                "linger.ms",
                format!("{}.{:03}", linger / 1000, linger % 1000),
            )
            .set("compression.type", self.compression.as_str())
            // The partition of a key is the one that the Java client chooses.
            .set("partitioner", "murmur2_random")
            .set("queue.buffering.max.messages", "100000")
            .set("queue.buffering.max.kbytes", QUEUE_KBYTES.to_string());
        Ok(client)
    }

    /// What a reader of the storage needs.
    pub(crate) fn storage_consumer(&self) -> Result<ClientConfig> {
        let mut client = self.consumer("glmsg-storage")?;
        client
            // There are no transactions, and nothing is to be waited for that has been stored.
            .set("isolation.level", "read_uncommitted")
            .set("statistics.interval.ms", "0")
            .set("message.max.bytes", self.max_change().to_string())
            .set("fetch.message.max.bytes", self.max_change().to_string())
            .set("fetch.max.bytes", self.max_change().to_string())
            .set(
                "receive.message.max.bytes",
                (self.max_change() + FETCH_EXCESS).to_string(),
            );
        Ok(client)
    }

    /// What a member of a group needs, by the group's name in the cluster.
    pub(crate) fn consumer(&self, group_id: &str) -> Result<ClientConfig> {
        let mut client = self.client()?;
        let fetch = self.read_buffer.min(FETCH_BYTES).max(self.max_record());
        client
            .set("group.id", group_id)
            .set("group.protocol", self.group_protocol.as_str())
            // What is told of a group's progress: often enough to see it stand still.
            .set(
                "statistics.interval.ms",
                millis(self.stalled_after / 4, 250, 5000),
            )
            // What is done is told when it is done, and nothing else.
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("isolation.level", "read_committed")
            .set("check.crcs", "true")
            .set("max.poll.interval.ms", "300000")
            .set("enable.partition.eof", "true")
            .set(
                "queued.max.messages.kbytes",
                self.read_buffer.div_ceil(1024).to_string(),
            )
            // A full buffer is looked at again soon, not after a second.
            .set("fetch.queue.backoff.ms", "20")
            .set("fetch.min.bytes", "1")
            // A partition that begins to be read while a broker waits for others to have something is
            // not read before that: with the usual 500 ms every start would take so much longer.
            .set("fetch.wait.max.ms", "100")
            .set("fetch.message.max.bytes", self.max_record().to_string())
            .set("fetch.max.bytes", fetch.to_string())
            .set(
                "receive.message.max.bytes",
                (fetch + FETCH_EXCESS).to_string(),
            );
        if self.group_protocol == GroupProtocol::Classic {
            // The other protocol has these from the cluster, and refuses a client that says them.
            let session = self.session_timeout;
            client
                .set("partition.assignment.strategy", "cooperative-sticky")
                .set("session.timeout.ms", millis(session, 6000, 300_000))
                .set("heartbeat.interval.ms", millis(session / 4, 1500, 3000));
        }
        if let Some(instance) = &self.instance {
            client.set("group.instance.id", instance);
        }
        Ok(client)
    }

    /// The number of copies of a new topic, as a request says it.
    pub(crate) fn replication_factor(&self) -> i32 {
        self.replication.map_or(-1, i32::from)
    }

    fn security(&self, client: &mut ClientConfig) -> Result<()> {
        let protocol = match (&self.tls, &self.user) {
            (None, None) => "plaintext",
            (Some(_), None) => "ssl",
            (None, Some(_)) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        };
        client.set("security.protocol", protocol);
        if let Some(files) = &self.tls {
            client
                .set("enable.ssl.certificate.verification", "true")
                .set("ssl.endpoint.identification.algorithm", "https");
            for (name, path) in [
                ("ssl.ca.location", &files.ca),
                ("ssl.certificate.location", &files.cert),
                ("ssl.key.location", &files.key),
            ] {
                if let Some(path) = path.as_ref().and_then(|path| path.to_str()) {
                    client.set(name, path);
                }
            }
        }
        if let Some(user) = &self.user {
            let mechanism = match self.sasl.unwrap_or_default() {
                SaslMechanism::Plain => "PLAIN",
                SaslMechanism::ScramSha256 => "SCRAM-SHA-256",
                SaslMechanism::ScramSha512 => "SCRAM-SHA-512",
            };
            client
                .set("sasl.mechanism", mechanism)
                .set("sasl.username", user)
                .set("sasl.password", self.password_now()?);
        }
        Ok(())
    }

    fn password_now(&self) -> Result<String> {
        if let Some(password) = &self.password {
            return Ok(password.reveal().to_owned());
        }
        let Some(path) = &self.password_file else {
            return Ok(String::new());
        };
        let text = std::fs::read_to_string(path).map_err(|e| {
            let kind = match e.kind() {
                std::io::ErrorKind::NotFound => ErrorKind::NotFound,
                std::io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
                _ => ErrorKind::ConfigInvalid,
            };
            Error::new(kind, "the password file cannot be read")
                .operation("open")
                .with("path", path.display())
                .source(e)
        })?;
        // Editors end a file with a line break.
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }
}

#[cfg(test)]
mod tests;

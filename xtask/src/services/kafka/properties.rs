//! The configuration of a broker, which is one of the cluster's controllers too.

use std::path::Path;

/// The ports of one broker, all on 127.0.0.1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    /// For clients and the other brokers, in the clear and without a password.
    pub(super) plain: u16,
    /// For the controllers.
    pub(super) controller: u16,
    /// For clients with a password over TLS.
    pub(super) sasl: Option<u16>,
}

/// A message may be 10 MB, and a batch has a head and the headers of its messages.
const LARGEST: u32 = 12 * 1024 * 1024;

/// The text of `server.properties` of the broker at that place among `all`, whose keys and certificates are in that file.
pub(super) fn text(all: &[Ports], index: usize, directory: &Path, keys: &Path) -> Option<String> {
    let own = all.get(index)?;
    let mut listeners = format!("PLAINTEXT://127.0.0.1:{}", own.plain);
    if let Some(port) = own.sasl {
        listeners.push_str(&format!(",SASL_SSL://127.0.0.1:{port}"));
    }
    let voters: Vec<String> = (1..)
        .zip(all)
        .map(|(id, ports): (usize, &Ports)| format!("{id}@127.0.0.1:{}", ports.controller))
        .collect();
    // With three, one may be away and the others still take what every replica in sync must have.
    let copies = all.len();
    let in_sync = if copies < 3 { 1 } else { 2 };
    let mut lines = vec![
        "process.roles=broker,controller".to_owned(),
        format!("node.id={}", index + 1),
        format!("controller.quorum.voters={}", voters.join(",")),
        format!(
            "listeners={listeners},CONTROLLER://127.0.0.1:{}",
            own.controller
        ),
        format!("advertised.listeners={listeners}"),
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL"
            .to_owned(),
        "controller.listener.names=CONTROLLER".to_owned(),
        "inter.broker.listener.name=PLAINTEXT".to_owned(),
        format!("log.dirs={}", directory.join("data").display()),
        // A topic is there because somebody made it: a wrong name is an error, and not one more topic.
        "auto.create.topics.enable=false".to_owned(),
        "num.partitions=4".to_owned(),
        format!("default.replication.factor={copies}"),
        format!("min.insync.replicas={in_sync}"),
        format!("message.max.bytes={LARGEST}"),
        format!("replica.fetch.max.bytes={LARGEST}"),
        format!("replica.fetch.response.max.bytes={LARGEST}"),
        // What a first group or transaction waits for: these topics are made, and led, partition by partition.
        "offsets.topic.num.partitions=8".to_owned(),
        "transaction.state.log.num.partitions=8".to_owned(),
        format!("offsets.topic.replication.factor={copies}"),
        format!("transaction.state.log.replication.factor={copies}"),
        format!("transaction.state.log.min.isr={in_sync}"),
        "group.initial.rebalance.delay.ms=0".to_owned(),
        // Of the protocol where the cluster shares out, a member that was killed is missed after 45 s by itself: tests would
        // wait for it.
        "group.consumer.min.session.timeout.ms=6000".to_owned(),
        "group.consumer.session.timeout.ms=6000".to_owned(),
        "group.consumer.min.heartbeat.interval.ms=1000".to_owned(),
        "group.consumer.heartbeat.interval.ms=1500".to_owned(),
        // How often it is looked for transactions whose time is over: by itself every 10 s.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms=1000".to_owned(),
        // By itself 128 MiB of the heap, taken at the start.
        "log.cleaner.dedupe.buffer.size=8388608".to_owned(),
    ];
    if own.sasl.is_some() {
        lines.extend([
            "sasl.enabled.mechanisms=SCRAM-SHA-512".to_owned(),
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
             org.apache.kafka.common.security.scram.ScramLoginModule required;"
                .to_owned(),
            "ssl.keystore.type=PEM".to_owned(),
            format!("ssl.keystore.location={}", keys.display()),
            "ssl.client.auth=none".to_owned(),
        ]);
    }
    lines.push(String::new());
    Some(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(first: u16, sasl: Option<u16>) -> Ports {
        Ports {
            plain: first,
            controller: first + 1,
            sasl,
        }
    }

    fn has(text: &str, line: &str) -> bool {
        text.lines().any(|found| found == line)
    }

    #[test]
    fn one_broker_keeps_one_copy() {
        let all = [ports(12_000, None)];
        let text = text(&all, 0, Path::new("/run/kafka"), Path::new("")).unwrap();
        for line in [
            "node.id=1",
            "controller.quorum.voters=1@127.0.0.1:12001",
            "listeners=PLAINTEXT://127.0.0.1:12000,CONTROLLER://127.0.0.1:12001",
            "advertised.listeners=PLAINTEXT://127.0.0.1:12000",
            "log.dirs=/run/kafka/data",
            "default.replication.factor=1",
            "min.insync.replicas=1",
            "offsets.topic.replication.factor=1",
            "transaction.state.log.min.isr=1",
            "auto.create.topics.enable=false",
            "message.max.bytes=12582912",
        ] {
            assert!(has(&text, line), "{line}\n{text}");
        }
        assert!(!text.contains("ssl.keystore"), "{text}");
        assert!(text.ends_with("=8388608\n"));
    }

    #[test]
    fn three_brokers_know_each_other_and_can_spare_one() {
        let all = [12_000, 12_002, 12_004].map(|first| ports(first, None));
        let of = |index| text(&all, index, Path::new("/run"), Path::new(""));
        let last = of(2).unwrap();
        for line in [
            "node.id=3",
            "controller.quorum.voters=1@127.0.0.1:12001,2@127.0.0.1:12003,3@127.0.0.1:12005",
            "advertised.listeners=PLAINTEXT://127.0.0.1:12004",
            "default.replication.factor=3",
            "min.insync.replicas=2",
            "offsets.topic.replication.factor=3",
            "transaction.state.log.replication.factor=3",
            "transaction.state.log.min.isr=2",
        ] {
            assert!(has(&last, line), "{line}\n{last}");
        }
        assert_eq!(of(3), None);
    }

    #[test]
    fn a_password_is_asked_for_over_tls_alone() {
        let all = [ports(12_000, Some(12_002))];
        let text = text(&all, 0, Path::new("/run"), Path::new("/run/keys.pem")).unwrap();
        for line in [
            "advertised.listeners=PLAINTEXT://127.0.0.1:12000,SASL_SSL://127.0.0.1:12002",
            "sasl.enabled.mechanisms=SCRAM-SHA-512",
            "ssl.keystore.location=/run/keys.pem",
            "ssl.client.auth=none",
        ] {
            assert!(has(&text, line), "{line}\n{text}");
        }
    }
}

//! Kafka: brokers that are controllers too, one or several that work together.

mod metadata;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::handle::Server;
use crate::process::Launch;
use crate::{Port, services, until};

/// How long a cluster may take until all of its brokers know each other, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// Memory for the heap of a broker, in MiB.
const HEAP: u32 = 384;

/// Brokers of one cluster, each with a folder and ports of its own. They are killed when the last handle is dropped.
///
/// With three, topics have three copies, of which two must have a message; with one, one.
#[derive(Debug, Clone)]
pub struct KafkaSet {
    brokers: Vec<Server>,
    _controllers: Arc<[Port]>,
}

impl KafkaSet {
    /// Starts so many and waits until all know each other.
    ///
    /// # Panics
    /// As [`Server::start`]; or if Java or Kafka are missing, with what to do.
    pub async fn start(brokers: usize) -> Self {
        let controllers: Arc<[Port]> = (0..brokers).map(|_| Port::hold()).collect();
        let starting: Vec<_> = (0..brokers)
            .map(|index| tokio::spawn(start(index, Arc::clone(&controllers))))
            .collect();
        let mut brokers = Vec::new();
        for one in starting {
            brokers.push(one.await.expect("a broker starts"));
        }
        let set = Self {
            brokers,
            _controllers: controllers,
        };
        set.is_whole().await;
        set
    }

    /// The broker at that place, from 0.
    pub fn broker(&self, index: usize) -> &Server {
        &self.brokers[index]
    }

    /// Waits until each broker knows all.
    ///
    /// # Panics
    /// If they do not within five minutes.
    pub async fn is_whole(&self) {
        until("all brokers know each other", PATIENCE, || async {
            for broker in &self.brokers {
                if metadata::brokers(broker.addr()).await != Some(self.brokers.len()) {
                    return false;
                }
            }
            true
        })
        .await;
    }

    /// Where they listen, as a URL.
    pub fn url(&self) -> String {
        let each = self.brokers.iter().map(|broker| broker.addr().to_string());
        format!("kafka://{}", each.collect::<Vec<_>>().join(","))
    }
}

async fn start(index: usize, controllers: Arc<[Port]>) -> Server {
    let script = script(index, &controllers);
    let launch = Launch::new("/bin/sh").args(["-c", &script]);
    // It answers when it has joined, alone or not.
    Server::start(launch, |probe| async move {
        metadata::brokers(probe.addr).await.is_some()
    })
    .await
}

/// Writes the configuration, formats the folder the first time, and becomes the broker.
fn script(index: usize, controllers: &[Port]) -> String {
    let (java, jars) = (services::get("JAVA"), services::get("KAFKA_LIB"));
    let properties = properties(index, &addresses(controllers)).join("\n");
    let run = format!(
        "'{java}' -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp '{jars}/*'"
    );
    // The same in all brokers of a set; that of another is known by its ports.
    let cluster = "glmsgfaultsglmsgfaultA";
    format!(
        "cat >'{{dir}}/server.properties' <<'END'\n{properties}\nEND\n\
         if [ ! -f '{{dir}}/data/meta.properties' ]; then\n\
         {run} kafka.tools.StorageTool format --ignore-formatted -t {cluster} -c '{{dir}}/server.properties' || exit\n\
         fi\n\
         exec {run} -Xmx{HEAP}m kafka.Kafka '{{dir}}/server.properties'\n"
    )
}

fn addresses(ports: &[Port]) -> Vec<SocketAddr> {
    ports.iter().map(Port::addr).collect()
}

fn properties(index: usize, controllers: &[SocketAddr]) -> Vec<String> {
    let (copies, own) = (controllers.len(), controllers[index]);
    let in_sync = if copies < 3 { 1 } else { 2 };
    let voters = (1..).zip(controllers);
    let voters: Vec<String> = voters.map(|(id, addr)| format!("{id}@{addr}")).collect();
    [
        "process.roles=broker,controller".to_owned(),
        format!("node.id={}", index + 1),
        format!("controller.quorum.voters={}", voters.join(",")),
        format!("listeners=PLAINTEXT://127.0.0.1:{{port}},CONTROLLER://{own}"),
        "advertised.listeners=PLAINTEXT://127.0.0.1:{port}".to_owned(),
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned(),
        "controller.listener.names=CONTROLLER".to_owned(),
        "inter.broker.listener.name=PLAINTEXT".to_owned(),
        "log.dirs={dir}/data".to_owned(),
        "auto.create.topics.enable=false".to_owned(),
        format!("default.replication.factor={copies}"),
        format!("min.insync.replicas={in_sync}"),
        "offsets.topic.num.partitions=4".to_owned(),
        "transaction.state.log.num.partitions=4".to_owned(),
        format!("offsets.topic.replication.factor={copies}"),
        format!("transaction.state.log.replication.factor={copies}"),
        format!("transaction.state.log.min.isr={in_sync}"),
        "group.initial.rebalance.delay.ms=0".to_owned(),
        // As short as the session of the other protocol's members may be: by itself 45 s.
        "group.consumer.min.session.timeout.ms=6000".to_owned(),
        "group.consumer.session.timeout.ms=6000".to_owned(),
        "group.consumer.min.heartbeat.interval.ms=1000".to_owned(),
        "group.consumer.heartbeat.interval.ms=1500".to_owned(),
        "unclean.leader.election.enable=false".to_owned(),
        // One that was killed is not let in again before its session is over.
        format!(
            "broker.session.timeout.ms={}",
            if copies > 1 { 12_000 } else { 1500 }
        ),
        // By themselves 1 and 2 s: several on a machine that is busy would choose a new leader before the last has
        // begun, for as long as it is busy.
        "controller.quorum.election.timeout.ms=5000".to_owned(),
        "controller.quorum.fetch.timeout.ms=10000".to_owned(),
        "controller.quorum.request.timeout.ms=10000".to_owned(),
        "broker.heartbeat.interval.ms=300".to_owned(),
        // By itself 128 MiB of the heap, taken at the start.
        "log.cleaner.dedupe.buffer.size=8388608".to_owned(),
    ]
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_brokers_can_spare_one() {
        let controllers = [1, 2, 3].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let second = properties(1, &controllers);
        for line in [
            "node.id=2",
            "controller.quorum.voters=1@127.0.0.1:1,2@127.0.0.1:2,3@127.0.0.1:3",
            "listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:2",
            "min.insync.replicas=2",
            "offsets.topic.replication.factor=3",
        ] {
            assert!(
                second.iter().any(|found| found == line),
                "{line}: {second:?}"
            );
        }
        let alone = properties(0, &controllers[..1]);
        assert!(alone.iter().any(|line| line == "min.insync.replicas=1"));
    }
}

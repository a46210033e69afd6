//! A broker of Kafka of a case's own: to be killed, or to be reached through a proxy.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use glmsg_faults::ledger::Writer;
use glmsg_faults::process::{Launch, Worker};
use glmsg_faults::{Port, services, until};
use glmsg_kafka::{KafkaBroker, KafkaConfig};
use tempfile::TempDir;

/// How long a broker may take to come up.
const START: Duration = Duration::from_secs(60);

/// A broker that runs. It ends with this, and its data goes away.
#[derive(Debug)]
pub struct KafkaServer {
    dir: TempDir,
    ports: [Port; 3],
    running: Option<Worker>,
    ledger: Writer,
    advertised: SocketAddr,
}

impl KafkaServer {
    /// Starts one that clients reach at [`addr`](Self::addr).
    pub async fn start() -> Self {
        let mut server = Self::new();
        server.restart().await;
        server
    }

    /// One that does not run yet, so that something can be put before it.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let ports = [Port::hold(), Port::hold(), Port::hold()];
        let ledger = Writer::open(dir.path(), "server");
        Self {
            advertised: ports[0].addr(),
            dir,
            ports,
            running: None,
            ledger,
        }
    }

    /// Has clients come by way of a proxy to [`addr`](Self::addr).
    pub fn advertise(&mut self, proxy: SocketAddr) {
        self.advertised = proxy;
    }

    /// Where it listens for clients.
    pub fn addr(&self) -> SocketAddr {
        self.ports[0].addr()
    }

    /// The URL for clients.
    pub fn url(&self) -> String {
        format!(
            "kafka://{}?timeout_ms=2000&session_timeout_ms=6000",
            self.advertised
        )
    }

    /// Starts it, with the data that it had.
    ///
    /// # Panics
    /// If it does not come up.
    pub async fn restart(&mut self) {
        let path = self.dir.path();
        let properties = path.join("server.properties");
        std::fs::write(&properties, self.properties(&path.join("data"))).expect("a file");
        let classes = format!("{}/*", services::get("KAFKA_LIB"));
        let java = |args: &[&str]| {
            Launch::new(services::get("JAVA"))
                .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx384m"])
                .args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp"])
                .args([&*classes])
                .args(args)
                .dir(path)
                .log(path.join("server.log"))
        };
        let properties = properties.to_str().expect("a path that is UTF-8");
        if !path.join("data/meta.properties").exists() {
            let id = "6d589a7b399743e287d6dA";
            let format = [
                "kafka.tools.StorageTool",
                "format",
                "-t",
                id,
                "-c",
                properties,
            ];
            let formatting = Worker::spawn("format", &java(&format), &self.ledger);
            assert!(
                formatting.wait(START).await.success(),
                "{}",
                formatting.log()
            );
        }
        let launch = java(&["kafka.Kafka", properties]);
        let running = Worker::spawn("kafka", &launch, &self.ledger);
        let url = self.url();
        until("the broker answers", START, || async {
            assert!(running.is_alive(), "{}", running.log());
            let config = KafkaConfig::from_url(&url).expect("a valid URL");
            KafkaBroker::open(config).await.is_ok()
        })
        .await;
        self.running = Some(running);
    }

    /// Kills it.
    pub async fn kill9(&mut self) {
        if let Some(running) = self.running.take() {
            running.kill9().await;
        }
    }

    fn properties(&self, data: &Path) -> String {
        let [client, inner, controller] = [0, 1, 2].map(|n| self.ports[n].addr());
        let (advertised, data) = (self.advertised, data.display());
        format!(
            "process.roles=broker,controller\n\
             node.id=1\n\
             controller.quorum.voters=1@{controller}\n\
             listeners=CLIENT://{client},INNER://{inner},CONTROLLER://{controller}\n\
             advertised.listeners=CLIENT://{advertised},INNER://{inner}\n\
             listener.security.protocol.map=CLIENT:PLAINTEXT,INNER:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
             controller.listener.names=CONTROLLER\n\
             inter.broker.listener.name=INNER\n\
             log.dirs={data}\n\
             auto.create.topics.enable=false\n\
             default.replication.factor=1\n\
             offsets.topic.num.partitions=4\n\
             transaction.state.log.num.partitions=4\n\
             offsets.topic.replication.factor=1\n\
             transaction.state.log.replication.factor=1\n\
             transaction.state.log.min.isr=1\n\
             group.initial.rebalance.delay.ms=0\n\
             broker.session.timeout.ms=1500\n\
             broker.heartbeat.interval.ms=300\n\
             log.cleaner.dedupe.buffer.size=8388608\n"
        )
    }
}

impl Default for KafkaServer {
    fn default() -> Self {
        Self::new()
    }
}

//! What can be started by name: single servers, and sets of servers that work together.

use super::certificates::Certificates;
use super::client::Client;
use super::environment::{self, Environment};
use super::node::Node;
use super::place::{self, Place};
use super::program::Program;
use super::{client, cluster, kafka, options, sentinel};
use crate::failure::{Failure, Outcome};

/// A service, in the order they are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Redis7,
    Redis8,
    Valkey9,
    Sentinel,
    Cluster,
    Tls,
    Kafka,
    Kafka3,
    KafkaSasl,
}

/// Everything a service needs to be started and asked.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) place: &'a Place,
    pub(super) environment: &'a Environment,
}

impl Service {
    pub(crate) const ALL: &'static [Self] = &[
        Self::Redis7,
        Self::Redis8,
        Self::Valkey9,
        Self::Tls,
        Self::Sentinel,
        Self::Cluster,
        Self::Kafka,
        Self::Kafka3,
        Self::KafkaSasl,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Redis7 => "redis7",
            Self::Redis8 => "redis8",
            Self::Valkey9 => "valkey9",
            Self::Sentinel => "sentinel",
            Self::Cluster => "cluster",
            Self::Tls => "tls",
            Self::Kafka => "kafka",
            Self::Kafka3 => "kafka3",
            Self::KafkaSasl => "kafka-sasl",
        }
    }

    pub(super) fn named(name: &str) -> Outcome<Self> {
        let found = Self::ALL.iter().find(|service| service.name() == name);
        found.copied().ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|service| service.name()).collect();
            Failure::usage(format!(
                "there is no service `{name}`: name some of {}",
                known.join(", ")
            ))
        })
    }

    /// Where tests find its address.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Redis7 => "REDIS7_URL",
            Self::Redis8 => "REDIS8_URL",
            Self::Valkey9 => "VALKEY9_URL",
            Self::Sentinel => "SENTINEL_URL",
            Self::Cluster => "CLUSTER_URL",
            Self::Tls => "TLS_URL",
            Self::Kafka => "KAFKA_URL",
            Self::Kafka3 => "KAFKA3_URL",
            Self::KafkaSasl => "KAFKA_SASL_URL",
        }
    }

    /// Whether the user names one in the environment: then it is not started for tests.
    pub(crate) fn is_given(self) -> bool {
        environment::given(self.key()).is_some()
    }

    /// The program its servers run.
    pub(super) fn program(self) -> Program {
        match self {
            Self::Redis8 => Program::Redis8,
            Self::Valkey9 => Program::Valkey9,
            Self::Redis7 | Self::Sentinel | Self::Cluster | Self::Tls => Program::Redis7,
            Self::Kafka | Self::Kafka3 | Self::KafkaSasl => Program::Java,
        }
    }

    /// What its servers and the tests that talk to them need.
    pub(super) fn programs(self) -> Vec<Program> {
        let tools: &[Program] = match self {
            Self::Kafka | Self::Kafka3 => &[Program::KafkaJars, Program::Kcat],
            // Its certificates are made with the library.
            Self::KafkaSasl => &[Program::KafkaJars, Program::Kcat, Program::Faketime],
            _ => &[
                Program::Redis7,
                Program::Cli,
                Program::Benchmark,
                Program::Faketime,
            ],
        };
        [&[self.program()], tools].concat()
    }

    pub(super) fn is_kafka(self) -> bool {
        matches!(self, Self::Kafka | Self::Kafka3 | Self::KafkaSasl)
    }

    /// Whether its clients need the authority's certificate.
    pub(super) fn has_tls(self) -> bool {
        matches!(self, Self::Tls | Self::KafkaSasl)
    }

    /// The names of its servers.
    pub(super) fn nodes(self) -> &'static [&'static str] {
        match self {
            Self::Redis7 => &["redis7"],
            Self::Redis8 => &["redis8"],
            Self::Valkey9 => &["valkey9"],
            Self::Sentinel => sentinel::NODES,
            Self::Cluster => cluster::NODES,
            Self::Tls => &["tls"],
            Self::Kafka => &["kafka"],
            Self::Kafka3 => &["kafka3-1", "kafka3-2", "kafka3-3"],
            Self::KafkaSasl => &["kafka-sasl"],
        }
    }

    /// Starts all its servers and waits until they work together; returns the address. Brokers are launched instead.
    pub(super) fn start(self, context: &Context<'_>, ports: &[u16]) -> Outcome<String> {
        match (self, ports) {
            (Self::Sentinel, ports) => sentinel::start(context, ports),
            (Self::Cluster, ports) => cluster::start(context, ports),
            (_, &[port]) => self.start_single(context, port),
            _ => Err(Failure::failed(format!("{} has no servers", self.name()))),
        }
    }

    fn start_single(self, context: &Context<'_>, port: u16) -> Outcome<String> {
        let directory = context.place.run(self.name());
        let (scheme, options) = if self == Self::Tls {
            let certificates = context.certificates();
            certificates.provide(&Program::Faketime.path(context.environment)?)?;
            (
                "rediss",
                options::encrypted(port, &directory, &certificates),
            )
        } else {
            ("redis", options::server(port, &directory))
        };
        let mut node = context.spawn(self, self.name(), port, &options)?;
        node.wait_until_ready(&context.client(self, port)?)?;
        Ok(format!("{scheme}://127.0.0.1:{port}"))
    }

    /// The servers that were started, alive or not.
    pub(super) fn started(self, place: &Place) -> Outcome<Vec<Node>> {
        let found = self.nodes().iter().map(|name| Node::find(place, name));
        Ok(found
            .collect::<Outcome<Vec<_>>>()?
            .into_iter()
            .flatten()
            .collect())
    }

    /// Whether every server is there and answers.
    pub(super) fn is_up(self, context: &Context<'_>) -> Outcome<bool> {
        let nodes = self.started(context.place)?;
        let answers = nodes
            .iter()
            .filter(|node| node.is_alive() && self.version(context, node).is_some());
        Ok(answers.count() == self.nodes().len())
    }

    /// What a server calls itself, if that very server answers on its port.
    pub(super) fn version(self, context: &Context<'_>, node: &Node) -> Option<String> {
        if self.is_kafka() {
            kafka::ask(node).ok()?;
            return Some(kafka::version(context).unwrap_or_else(|| "kafka".to_owned()));
        }
        let client = context.client(self, node.port).ok()?;
        let info = client.ask(&["INFO", "server"]).ok()?;
        node.is_in(&info).then(|| client::version(&info))
    }

    /// Ends every server and removes their directories.
    pub(super) fn stop(self, place: &Place) -> Outcome {
        let nodes = self.started(place)?;
        if self.is_kafka() {
            kafka::end(&nodes)?;
        }
        for node in nodes {
            node.kill()?;
        }
        self.nodes()
            .iter()
            .try_for_each(|name| place::remove_directory(&place.run(name)))
    }
}

impl Context<'_> {
    /// Starts one server with the program of its service.
    pub(super) fn spawn(
        &self,
        service: Service,
        name: &str,
        port: u16,
        options: &[String],
    ) -> Outcome<Node> {
        let program = service.program().path(self.environment)?;
        Node::start(self.place, name, port, &program, options)
    }

    /// A client of a server of that service.
    pub(super) fn client(&self, service: Service, port: u16) -> Outcome<Client> {
        Ok(Client {
            program: Program::Cli.path(self.environment)?,
            port,
            certificates: (service == Service::Tls).then(|| self.certificates()),
        })
    }

    pub(super) fn certificates(&self) -> Certificates {
        Certificates::at(self.place.certificates())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_service_is_found_by_its_name_and_no_other_is() {
        for service in Service::ALL {
            assert_eq!(Service::named(service.name()).unwrap(), *service);
        }
        let failure = Service::named("redis").unwrap_err();
        assert!(matches!(failure, Failure::Usage(_)));
        assert!(failure.to_string().contains("redis7, redis8, valkey9"));
    }

    #[test]
    fn servers_and_keys_are_named_once() {
        let all = Service::ALL.iter();
        let nodes: Vec<_> = all.clone().flat_map(|service| service.nodes()).collect();
        assert_eq!(nodes.iter().collect::<BTreeSet<_>>().len(), nodes.len());
        let keys: BTreeSet<_> = all.map(|service| service.key()).collect();
        assert_eq!(keys.len(), Service::ALL.len());
    }
}

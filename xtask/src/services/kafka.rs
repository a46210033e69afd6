//! Kafka: brokers that are controllers too, so that there is nothing else to start.

mod metadata;
mod properties;
mod script;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use self::properties::Ports;
use self::script::Script;
use super::node::Node;
use super::place;
use super::program::Program;
use super::service::{Context, Service};
use super::{address, maven, wait};
use crate::failure::{Failure, Outcome};

/// How long brokers may take until they work together: with few cores, many JVMs that start at once take turns.
const LIMIT: Duration = Duration::from_secs(90);

/// How long brokers that are asked to end may take before they are killed.
const FAREWELL: Duration = Duration::from_secs(2);

/// The user of the broker that asks for one.
const USER: (&str, &str) = ("glmsg", "glmsg-c4n4ry");

/// Brokers that were started and may not answer yet.
#[derive(Debug)]
pub(super) struct Launched {
    nodes: Vec<Node>,
    url: String,
}

/// How many ports a service needs.
pub(super) fn ports(service: Service) -> usize {
    let each = if service == Service::KafkaSasl { 3 } else { 2 };
    service.nodes().len() * each
}

/// Starts the brokers and waits for none of them.
pub(super) fn launch(context: &Context<'_>, service: Service, ports: &[u16]) -> Outcome<Launched> {
    let all: Vec<Ports> = ports
        .chunks(ports.len() / service.nodes().len())
        .filter_map(|ports| match *ports {
            [plain, controller, ref more @ ..] => Some(Ports {
                plain,
                controller,
                sasl: more.first().copied(),
            }),
            _ => None,
        })
        .collect();
    let cluster = cluster_id()?;
    let mut nodes = Vec::new();
    for index in 0..service.nodes().len() {
        nodes.push(launch_one(context, service, &all, index, &cluster)?);
    }
    Ok(Launched {
        nodes,
        url: url(&all),
    })
}

fn launch_one(
    context: &Context<'_>,
    service: Service,
    all: &[Ports],
    index: usize,
    cluster: &str,
) -> Outcome<Node> {
    let too_few = || Failure::failed(format!("too few ports for {}", service.name()));
    let name = service.nodes().get(index).ok_or_else(too_few)?;
    let own = all.get(index).ok_or_else(too_few)?;
    let directory = context.place.run(name);
    place::create_directory(&directory)?;
    let keys = match own.sasl {
        Some(_) => provide_keys(context, &directory)?,
        None => PathBuf::new(),
    };
    let properties = properties::text(all, index, &directory, &keys).ok_or_else(too_few)?;
    write(&directory.join("server.properties"), &properties)?;
    let script = Script {
        java: &Program::Java.path(context.environment)?,
        jars: &Program::KafkaJars.path(context.environment)?,
        directory: &directory,
        port: own.plain,
        cluster,
        heap_megabytes: if all.len() > 1 { 384 } else { 512 },
        user: own.sasl.map(|_| USER),
    };
    let start = directory.join("start");
    write(&start, &script.text())?;
    std::fs::set_permissions(&start, std::fs::Permissions::from_mode(0o755))
        .map_err(|error| Failure::failed(format!("cannot change {}: {error}", start.display())))?;
    Node::start(context.place, name, own.plain, &start, &[])
}

impl Launched {
    /// Waits until every broker answers and knows all; returns the address.
    pub(super) fn wait(mut self) -> Outcome<String> {
        let count = self.nodes.len();
        for node in &mut self.nodes {
            node.wait_until(LIMIT, |node| lacks(node, count))?;
        }
        Ok(self.url)
    }
}

/// What a broker still lacks until it sees the whole cluster.
fn lacks(node: &Node, count: usize) -> Option<String> {
    match ask(node) {
        Err(failure) => Some(format!("{} is not ready: {failure}", node.name)),
        Ok(brokers) if brokers < count => {
            Some(format!("{} knows {brokers} of {count} brokers", node.name))
        }
        Ok(_) => None,
    }
}

/// How many brokers a broker knows, if it is of the very cluster that was started here.
pub(super) fn ask(node: &Node) -> Outcome<usize> {
    let formatted = node.read("data/meta.properties")?;
    let Some(id) = formatted.get("cluster.id") else {
        return Err(Failure::failed("its data is not formatted"));
    };
    let cluster = metadata::ask(node.port)?;
    if cluster.id == id {
        Ok(cluster.brokers)
    } else {
        Err(Failure::failed(format!(
            "another broker has the port of {}",
            node.name
        )))
    }
}

/// Asks brokers to end and waits a moment, all together: one that is asked hands over what it leads and closes its
/// connections. The last of a cluster may find nobody who lets it go.
pub(super) fn end(nodes: &[Node]) -> Outcome {
    nodes.iter().try_for_each(Node::terminate)?;
    let deadline = Instant::now() + FAREWELL;
    while nodes.iter().any(Node::is_alive) && Instant::now() < deadline {
        wait::pause();
    }
    Ok(())
}

/// What a broker of these jars calls itself.
pub(super) fn version(context: &Context<'_>) -> Option<String> {
    let jars = Program::KafkaJars.path(context.environment).ok()?;
    maven::release(&jars).map(|release| format!("kafka {release}"))
}

fn url(all: &[Ports]) -> String {
    let sasl: Vec<u16> = all.iter().filter_map(|ports| ports.sasl).collect();
    if sasl.is_empty() {
        let plain: Vec<u16> = all.iter().map(|ports| ports.plain).collect();
        return format!("kafka://{}", address(&plain));
    }
    let (name, password) = USER;
    format!("kafka://{name}:{password}@{}?tls=true", address(&sasl))
}

/// One file with the key and the certificate of the server, which is what a broker reads.
fn provide_keys(context: &Context<'_>, directory: &Path) -> Outcome<PathBuf> {
    let certificates = context.certificates();
    certificates.provide(&Program::Faketime.path(context.environment)?)?;
    let mut text = String::new();
    for name in ["server.key", "server.pem"] {
        let path = certificates.file(name);
        let part = std::fs::read_to_string(&path)
            .map_err(|error| Failure::failed(format!("cannot read {}: {error}", path.display())))?;
        text.push_str(&part);
    }
    let keys = directory.join("server.pem");
    write(&keys, &text)?;
    Ok(keys)
}

/// A new id: 22 characters of base64, as the broker writes them, that stand for 16 bytes.
fn cluster_id() -> Outcome<String> {
    let source = "/proc/sys/kernel/random/uuid";
    let random = std::fs::read_to_string(source)
        .map_err(|error| Failure::failed(format!("cannot read {source}: {error}")))?;
    let digits = random.chars().filter(char::is_ascii_hexdigit).take(21);
    // Hexadecimal digits are of base64 too. The last character has two bits that count, and must have no other.
    Ok(digits.chain(['A']).collect())
}

fn write(path: &Path, text: &str) -> Outcome {
    std::fs::write(path, text)
        .map_err(|error| Failure::failed(format!("cannot write {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(plain: u16, sasl: Option<u16>) -> Ports {
        Ports {
            plain,
            controller: plain + 1,
            sasl,
        }
    }

    #[test]
    fn an_address_names_the_port_for_clients() {
        let three = [1, 3, 5].map(|plain| ports(plain, None));
        assert_eq!(url(&three), "kafka://127.0.0.1:1,127.0.0.1:3,127.0.0.1:5");
        assert_eq!(
            url(&[ports(1, Some(3))]),
            "kafka://glmsg:glmsg-c4n4ry@127.0.0.1:3?tls=true"
        );
    }

    #[test]
    fn a_cluster_has_an_id_of_its_own() {
        let id = cluster_id().unwrap();
        assert_eq!(id.len(), 22);
        assert!(
            id.chars()
                .all(|character| character.is_ascii_alphanumeric())
        );
        assert_ne!(id, cluster_id().unwrap());
    }

    #[test]
    fn a_broker_has_a_port_for_each_listener() {
        assert_eq!(super::ports(Service::Kafka), 2);
        assert_eq!(super::ports(Service::Kafka3), 6);
        assert_eq!(super::ports(Service::KafkaSasl), 3);
    }
}

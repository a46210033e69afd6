//! A cluster of three primaries, each with one replica.

use std::time::Duration;

use super::client::{self, Client};
use super::sentinel::lacks_replicas;
use super::service::{Context, Service};
use super::{address, options, wait};
use crate::failure::Outcome;

pub(super) const NODES: &[&str] = &[
    "cluster-1",
    "cluster-2",
    "cluster-3",
    "cluster-4",
    "cluster-5",
    "cluster-6",
];

/// How many nodes own slots; the others follow them.
const PRIMARIES: usize = 3;

const LIMIT: Duration = Duration::from_secs(60);

pub(super) fn start(context: &Context<'_>, ports: &[u16]) -> Outcome<String> {
    let mut nodes = Vec::new();
    for (&name, &port) in NODES.iter().zip(ports) {
        let options = options::clustered(port, &context.place.run(name));
        nodes.push(context.spawn(Service::Cluster, name, port, &options)?);
    }
    let mut clients = Vec::new();
    for node in &mut nodes {
        let client = context.client(Service::Cluster, node.port)?;
        node.wait_until_ready(&client)?;
        clients.push(client);
    }
    if let Some(first) = clients.first() {
        let mut words = vec!["--cluster".to_owned(), "create".to_owned()];
        words.extend(ports.iter().map(|port| format!("127.0.0.1:{port}")));
        words.extend(["--cluster-replicas", "1", "--cluster-yes"].map(str::to_owned));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        first.run(&words, LIMIT)?;
    }
    for client in &clients {
        wait::until(LIMIT, || lacks(client))?;
    }
    Ok(format!(
        "redis+cluster://{}",
        address(&ports[..PRIMARIES.min(ports.len())])
    ))
}

/// What one node still lacks, seen by itself.
fn lacks(client: &Client) -> Outcome<Option<String>> {
    let state = lacks_state(&client.ask(&["CLUSTER", "INFO"])?);
    let view = || Ok(lacks_view(&client.ask(&["CLUSTER", "NODES"])?));
    let link = || Ok(lacks_link(&client.ask(&["INFO", "replication"])?));
    let lack = match state {
        Some(lack) => Some(lack),
        None => match view()? {
            Some(lack) => Some(lack),
            None => link()?,
        },
    };
    Ok(lack.map(|lack| format!("the cluster's node on port {}: {lack}", client.port)))
}

fn lacks_state(info: &str) -> Option<String> {
    let state = client::field(info, "cluster_state").unwrap_or("unknown");
    (state != "ok").then(|| format!("its cluster_state is {state}"))
}

/// It must know each node in its role, without a handshake or a failure under way.
fn lacks_view(nodes: &str) -> Option<String> {
    let with = |role: &str| {
        let flags = nodes.lines().filter_map(|line| line.split(' ').nth(2));
        flags
            .filter(|flags| flags.trim_start_matches("myself,") == role)
            .count()
    };
    let (primaries, replicas) = (with("master"), with("slave"));
    let complete = primaries == PRIMARIES && replicas == NODES.len() - PRIMARIES;
    (!complete).then(|| format!("it knows {primaries} primaries and {replicas} replicas"))
}

fn lacks_link(info: &str) -> Option<String> {
    if client::field(info, "role") == Some("master") {
        return lacks_replicas(info, 1);
    }
    let link = client::field(info, "master_link_status").unwrap_or("unknown");
    (link != "up").then(|| format!("its link to its primary is {link}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_must_be_well_and_know_all() {
        assert_eq!(
            lacks_state("cluster_state:ok\r\ncluster_slots_ok:16384\r\n"),
            None
        );
        assert!(lacks_state("cluster_state:fail\r\n").is_some());
        let line = |flags: &str| format!("07c3 127.0.0.1:1@10001 {flags} - 0 1 1 connected\n");
        let roles = [
            "myself,master",
            "master",
            "master",
            "slave",
            "slave",
            "slave",
        ];
        let nodes: String = roles.into_iter().map(line).collect();
        assert_eq!(lacks_view(&nodes), None);
        assert!(lacks_view(&nodes.replace("slave", "slave,fail?")).is_some());
        assert!(lacks_view("").is_some());
    }

    #[test]
    fn both_ends_of_a_replication_are_looked_at() {
        let primary = "role:master\r\nslave0:ip=127.0.0.1,port=1,state=online,offset=1,lag=0\r\n";
        assert_eq!(lacks_link(primary), None);
        assert!(lacks_link("role:master\r\nconnected_slaves:0\r\n").is_some());
        assert_eq!(lacks_link("role:slave\r\nmaster_link_status:up\r\n"), None);
        assert!(lacks_link("role:slave\r\nmaster_link_status:down\r\n").is_some());
    }
}

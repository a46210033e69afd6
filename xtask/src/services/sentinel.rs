//! A primary with two replicas, watched by three Sentinels.

use std::time::Duration;

use super::client::{self, Client};
use super::service::{Context, Service};
use super::{address, options, wait};
use crate::failure::{Failure, Outcome};

/// The name under which the Sentinels know the primary.
pub(super) const MASTER: &str = "mymaster";

pub(super) const NODES: &[&str] = &[
    "sentinel-primary",
    "sentinel-replica-1",
    "sentinel-replica-2",
    "sentinel-1",
    "sentinel-2",
    "sentinel-3",
];

/// The Sentinels find each other by messages they send every two seconds.
const LIMIT: Duration = Duration::from_secs(60);

pub(super) fn start(context: &Context<'_>, ports: &[u16]) -> Outcome<String> {
    let &[primary, first, second, ref sentinels @ ..] = ports else {
        return Err(Failure::failed("too few ports for the Sentinel set"));
    };
    let roles = [
        (primary, None),
        (first, Some(primary)),
        (second, Some(primary)),
    ];
    let mut nodes = Vec::new();
    for (&name, (port, of)) in NODES.iter().zip(roles) {
        let options = options::replicated(port, &context.place.run(name), of);
        nodes.push(context.spawn(Service::Sentinel, name, port, &options)?);
    }
    for node in &mut nodes {
        node.wait_until_ready(&context.client(Service::Sentinel, node.port)?)?;
    }
    let client = context.client(Service::Sentinel, primary)?;
    wait::until(LIMIT, || {
        Ok(lacks_replicas(&client.ask(&["INFO", "replication"])?, 2))
    })?;

    let watching = NODES.iter().skip(nodes.len()).zip(sentinels);
    let mut clients = Vec::new();
    for (&name, &port) in watching {
        clients.push(start_sentinel(context, name, port, primary)?);
    }
    for client in &clients {
        wait::until(LIMIT, || {
            Ok(lacks_view(&client.ask(&["INFO", "sentinel"])?))
        })?;
    }
    Ok(format!("redis+sentinel://{}/{MASTER}", address(sentinels)))
}

fn start_sentinel(context: &Context<'_>, name: &str, port: u16, primary: u16) -> Outcome<Client> {
    let directory = context.place.run(name);
    super::place::create_directory(&directory)?;
    let file = directory.join("sentinel.conf");
    std::fs::write(&file, options::sentinel(port, &directory, primary))
        .map_err(|error| Failure::failed(format!("cannot write {}: {error}", file.display())))?;
    let options = [file.display().to_string(), "--sentinel".to_owned()];
    let mut node = context.spawn(Service::Sentinel, name, port, &options)?;
    let client = context.client(Service::Sentinel, port)?;
    node.wait_until_ready(&client)?;
    Ok(client)
}

/// What a primary still lacks until so many replicas follow it.
pub(super) fn lacks_replicas(info: &str, count: usize) -> Option<String> {
    let online = info
        .lines()
        .filter(|line| line.starts_with("slave") && line.contains("state=online"))
        .count();
    (online < count).then(|| format!("{online} of {count} replicas are attached"))
}

/// What a Sentinel still lacks until it sees the whole set.
fn lacks_view(info: &str) -> Option<String> {
    let view = client::field(info, "master0").unwrap_or_default();
    let sees = |part: &str| view.split(',').any(|found| found == part);
    let complete = ["status=ok", "slaves=2", "sentinels=3"]
        .into_iter()
        .all(sees);
    (!complete).then(|| format!("a Sentinel sees `{view}`, not 2 replicas and 3 Sentinels"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_counts_when_it_is_online() {
        let info = "role:master\r\nconnected_slaves:2\r\n\
                    slave0:ip=127.0.0.1,port=1,state=online,offset=1,lag=0\r\n\
                    slave1:ip=127.0.0.1,port=2,state=wait_bgsave,offset=0,lag=0\r\n";
        assert_eq!(lacks_replicas(info, 1), None);
        assert!(lacks_replicas(info, 2).is_some());
    }

    #[test]
    fn a_sentinel_must_see_all() {
        let view = "master0:name=mymaster,status=ok,address=127.0.0.1:1,slaves=2,sentinels=";
        assert_eq!(lacks_view(&format!("{view}3\r\n")), None);
        assert!(lacks_view(&format!("{view}1\r\n")).is_some());
        assert!(lacks_view("sentinel_masters:0\r\n").is_some());
    }
}

//! What a cluster that runs says of itself.

use glmsg_core::ErrorKind;
use tokio::time::Instant;

use std::sync::Arc;
use std::time::Duration;

use crate::cluster::Cluster;
use crate::connection::tests::servers::{create, delete, open, plain, unique};

/// Asks until the answer is as it should be: what is done takes a moment until all know it.
async fn ask_until(
    cluster: &Arc<Cluster>,
    topic: &str,
    what: &str,
    holds: impl Fn(&[i32], i16) -> bool,
) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        cluster.ask(&[topic]).await.unwrap();
        let leaders = cluster.leaders(topic).unwrap();
        if holds(&leaders.nodes, leaders.code) {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "not within 30 s: {what}: {leaders:?}"
        );
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn leaders_are_known_once_they_were_asked_for() {
    let endpoint = plain();
    let topic = unique("leaders");
    let cluster = Cluster::new(endpoint.clone());
    assert_eq!(cluster.leaders(&topic), None);

    cluster.ask(&[&topic]).await.unwrap();
    assert_eq!(cluster.leaders(&topic).unwrap().code, 3);
    // To ask makes no topic.
    cluster.ask(&[&topic]).await.unwrap();
    assert_eq!(cluster.leaders(&topic).unwrap().code, 3);

    let mut admin = open(&endpoint).await;
    create(&mut admin, &topic, 3).await;
    ask_until(
        &cluster,
        &topic,
        "three partitions have leaders",
        |nodes, code| code == 0 && nodes.len() == 3 && nodes.iter().all(|node| *node >= 0),
    )
    .await;

    let node = cluster.leaders(&topic).unwrap().nodes[0];
    let mut leader = cluster.connect(node).await.unwrap();
    delete(&mut leader, &topic).await;
    ask_until(&cluster, &topic, "it is gone", |nodes, code| {
        code == 3 && nodes.is_empty()
    })
    .await;

    cluster.forget(&topic);
    assert_eq!(cluster.leaders(&topic), None);
}

#[tokio::test]
async fn a_broker_that_is_not_known_is_unavailable() {
    let cluster = Cluster::new(plain());
    let refused = cluster.connect(0).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    // Of no topics, brokers are told.
    cluster.ask(&[]).await.unwrap();
    let refused = cluster.connect(4711).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    assert_eq!(refused.context("node"), Some("4711"));
}

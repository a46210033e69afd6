//! Which broker is asked, and how often.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use glmsg_core::ErrorKind;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    BrokerId, MetadataRequest, MetadataResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};
use tokio::task::{JoinHandle, yield_now};

use crate::cluster::{Cluster, Presence};
use crate::connection::tests::script::{Asked, Client, Script};
use crate::connection::tests::servers::at;
use crate::endpoint::{Endpoint, Login, Mechanism, Password};

/// The topics that were asked for.
fn topics(asked: &Asked) -> Vec<String> {
    let request = asked.read::<MetadataRequest>();
    assert!(!request.allow_auto_topic_creation);
    let each = request.topics.unwrap().into_iter();
    each.map(|topic| topic.name.unwrap().to_string()).collect()
}

/// Answers that the script is broker 1, and that every topic has one partition, which it leads.
async fn answer(client: &mut Client, asked: &Asked, script: &Script) {
    let (host, port) = script.address();
    let broker = MetadataResponseBroker::default()
        .with_node_id(BrokerId(1))
        .with_host(host.into())
        .with_port(port.into());
    let each = topics(asked).into_iter().map(|name| {
        let partition = MetadataResponsePartition::default().with_leader_id(BrokerId(1));
        topic(name).with_partitions(vec![partition])
    });
    let response = MetadataResponse::default()
        .with_brokers(vec![broker])
        .with_topics(each.collect());
    client.answer::<MetadataRequest>(asked, &response).await;
}

fn topic(name: String) -> MetadataResponseTopic {
    MetadataResponseTopic::default()
        .with_name(Some(kafka_protocol::messages::TopicName(name.into())))
}

/// Answers that the script is broker 1, and this of every topic.
async fn answer_code(client: &mut Client, asked: &Asked, code: i16) {
    let each = topics(asked).into_iter();
    let each = each.map(|name| topic(name).with_error_code(code));
    let response = MetadataResponse::default().with_topics(each.collect());
    client.answer::<MetadataRequest>(asked, &response).await;
}

#[tokio::test]
async fn a_broker_is_asked_until_it_knows_what_was_made_or_deleted() {
    let script = Script::new().await;
    let cluster = Cluster::new(script.endpoint());
    let agreeing = |presence, within| {
        let cluster = Arc::clone(&cluster);
        tokio::spawn(async move { cluster.agree(&["a", "b"], presence, within).await })
    };
    let long = Duration::from_secs(60);
    let made = agreeing(Presence::There, long);
    let mut kept = script.welcome().await;
    let asked = kept.asked::<MetadataRequest>().await;
    assert!(topics(&asked).is_empty());
    answer(&mut kept, &asked, &script).await;
    let mut client = script.welcome().await;
    for code in [3, 5] {
        let asked = client.asked::<MetadataRequest>().await;
        assert_eq!(topics(&asked), ["a", "b"]);
        answer_code(&mut client, &asked, code).await;
    }
    let asked = client.asked::<MetadataRequest>().await;
    answer(&mut client, &asked, &script).await;
    assert!(made.await.unwrap().unwrap());
    // Who asks one broker later is told by that one.
    assert!(cluster.leaders("a").is_none());

    let deleted = agreeing(Presence::Gone, long);
    let asked = kept.asked::<MetadataRequest>().await;
    answer(&mut kept, &asked, &script).await;
    let mut client = script.welcome().await;
    let asked = client.asked::<MetadataRequest>().await;
    answer(&mut client, &asked, &script).await;
    let asked = client.asked::<MetadataRequest>().await;
    answer_code(&mut client, &asked, 3).await;
    assert!(deleted.await.unwrap().unwrap());

    let unheard = agreeing(Presence::There, long);
    let asked = kept.asked::<MetadataRequest>().await;
    answer(&mut kept, &asked, &script).await;
    let mut client = script.welcome().await;
    client.asked::<MetadataRequest>().await;
    drop(client);
    assert!(unheard.await.unwrap().unwrap(), "it is left out");
    // It would never say so.
    let late = agreeing(Presence::There, Duration::from_millis(50));
    let asked = kept.asked::<MetadataRequest>().await;
    answer(&mut kept, &asked, &script).await;
    assert!(!late.await.unwrap().unwrap());
}

/// A call on a task of its own, which has begun.
async fn asking(cluster: &Arc<Cluster>, topic: &str) -> JoinHandle<glmsg_core::Result<()>> {
    let (cluster, topic) = (Arc::clone(cluster), topic.to_owned());
    let asking = tokio::spawn(async move { cluster.ask(&[&topic]).await });
    // On one thread, the task runs until it waits before this goes on.
    yield_now().await;
    asking
}

#[tokio::test]
async fn calls_that_wait_are_served_by_one_request() {
    let script = Script::new().await;
    let cluster = Cluster::new(script.endpoint());
    let first = asking(&cluster, "a").await;
    let mut client = script.welcome().await;
    let asked = client.asked::<MetadataRequest>().await;
    assert_eq!(topics(&asked), ["a"]);

    // They ask after the first was sent: its answer may be too old for them.
    let mut waiting = Vec::new();
    for topic in ["b", "a", "c", "b"] {
        waiting.push(asking(&cluster, topic).await);
    }
    answer(&mut client, &asked, &script).await;
    first.await.unwrap().unwrap();
    assert!(cluster.leaders("b").is_none());

    let asked = client.asked::<MetadataRequest>().await;
    assert_eq!(topics(&asked), ["a", "b", "c"]);
    answer(&mut client, &asked, &script).await;
    for waiting in waiting {
        waiting.await.unwrap().unwrap();
    }
    assert_eq!(cluster.leaders("c").unwrap().nodes, [1]);

    // No other request was sent.
    drop(cluster);
    client.gone().await;
}

#[tokio::test]
async fn a_call_that_is_given_up_leaves_the_others_theirs() {
    let script = Script::new().await;
    let cluster = Cluster::new(script.endpoint());
    let first = asking(&cluster, "a").await;
    let mut client = script.welcome().await;
    let asked = client.asked::<MetadataRequest>().await;
    let given_up = asking(&cluster, "b").await;
    let waiting = asking(&cluster, "c").await;
    answer(&mut client, &asked, &script).await;
    first.await.unwrap().unwrap();

    // One of them asks for both, and is given up.
    let asked = client.asked::<MetadataRequest>().await;
    assert_eq!(topics(&asked), ["b", "c"]);
    given_up.abort();
    answer(&mut client, &asked, &script).await;
    waiting.await.unwrap().unwrap();
    assert_eq!(cluster.leaders("c").unwrap().nodes, [1]);
}

#[tokio::test]
async fn a_call_that_is_not_polled_holds_up_no_other() {
    let script = Script::new().await;
    let cluster = Cluster::new(script.endpoint());
    let mut left = pin!(cluster.ask(&["a"]));
    let mut client = tokio::select! {
        biased;
        _ = &mut left => panic!("nobody has answered"),
        client = script.welcome() => client,
    };
    let waiting = asking(&cluster, "b").await;
    let asked = client.asked::<MetadataRequest>().await;
    assert_eq!(topics(&asked), ["a"]);
    answer(&mut client, &asked, &script).await;

    let asked = client.asked::<MetadataRequest>().await;
    assert_eq!(topics(&asked), ["b"]);
    answer(&mut client, &asked, &script).await;
    waiting.await.unwrap().unwrap();
    left.await.unwrap();
}

#[tokio::test]
async fn all_who_wait_learn_why_it_failed() {
    let script = Script::new().await;
    let cluster = Cluster::new(script.endpoint());
    let first = asking(&cluster, "a").await;
    let mut client = script.welcome().await;
    client.asked::<MetadataRequest>().await;
    let waiting = [asking(&cluster, "b").await, asking(&cluster, "c").await];
    drop(client);
    assert_eq!(
        first.await.unwrap().unwrap_err().kind(),
        ErrorKind::Unavailable
    );

    drop(script.accept().await);
    for waiting in waiting {
        let error = waiting.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.context("broker").is_some());
    }
}

#[tokio::test]
async fn a_connection_is_kept_and_replaced() {
    let script = Script::new().await;
    let cluster = Cluster::new(script.endpoint());
    for _ in 0..2 {
        let first = asking(&cluster, "a").await;
        let mut client = script.welcome().await;
        let asked = client.asked::<MetadataRequest>().await;
        answer(&mut client, &asked, &script).await;
        first.await.unwrap().unwrap();

        let again = asking(&cluster, "a").await;
        let asked = client.asked::<MetadataRequest>().await;
        answer(&mut client, &asked, &script).await;
        again.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn another_broker_is_asked_where_one_is_away_or_silent() {
    let gone = Script::new().await;
    let away = gone.address();
    drop(gone);
    let silent = Script::new().await;
    let script = Script::new().await;
    let mut endpoint = at(vec![away, silent.address(), script.address()]);
    endpoint.timeout = Duration::from_secs(4);
    let begun = Instant::now();
    let cluster = Cluster::new(endpoint);
    let asking = asking(&cluster, "a").await;
    let _silent = silent.accept().await;
    let mut client = script.welcome().await;
    let asked = client.asked::<MetadataRequest>().await;
    answer(&mut client, &asked, &script).await;
    asking.await.unwrap().unwrap();
    // Of the time, the silent one has had its share and no more.
    assert!(begun.elapsed() < Duration::from_secs(3));
}

fn with_login(servers: Vec<(String, u16)>) -> Endpoint {
    let login = Login {
        mechanism: Mechanism::Plain,
        user: "me".to_owned(),
        password: Password::Text("c4n4ry".to_owned()),
    };
    Endpoint {
        login: Some(login),
        ..at(servers)
    }
}

#[tokio::test]
async fn a_refused_login_says_more_than_a_broker_that_is_away() {
    let gone = Script::new().await;
    let away = gone.address();
    drop(gone);
    let script = Script::new().await;
    let orders = [
        vec![away.clone(), script.address()],
        vec![script.address(), away],
    ];
    for servers in orders {
        let cluster = Cluster::new(with_login(servers));
        let asking = asking(&cluster, "a").await;
        let mut client = script.welcome().await;
        let asked = client.asked::<SaslHandshakeRequest>().await;
        let refused = SaslHandshakeResponse::default().with_error_code(33);
        client
            .answer::<SaslHandshakeRequest>(&asked, &refused)
            .await;
        let error = asking.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    }
}

#[tokio::test]
async fn leaders_are_in_the_order_of_their_partitions() {
    let script = Script::new().await;
    let cluster = Cluster::new(script.endpoint());
    let asking = asking(&cluster, "a").await;
    let mut client = script.welcome().await;
    let asked = client.asked::<MetadataRequest>().await;
    let each = [(3, 30), (1, -1), (0, 10), (-5, 1), (i32::MAX, 1)];
    let each = each.map(|(index, leader)| {
        MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(BrokerId(leader))
    });
    let told = topic("a".to_owned()).with_partitions(each.to_vec());
    let response = MetadataResponse::default().with_topics(vec![told]);
    client.answer::<MetadataRequest>(&asked, &response).await;
    asking.await.unwrap().unwrap();
    let leaders = cluster.leaders("a").unwrap();
    assert_eq!((&*leaders.nodes, leaders.code), (&[10, -1, -1, 30][..], 0));
}

#[tokio::test]
async fn a_cluster_of_no_broker_cannot_be_asked() {
    let error = Cluster::new(at(Vec::new())).ask(&["a"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
}

//! Each user does its own work, and nothing of that is refused.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{
    Broker, Change, DeadLetterQuery, DeadLetterSelector, Expected, Frames, GroupConfig,
    HealthStatus, KeyPrefix, Nack, Ordering, Overflow, Published, Received, ReplayQuery, Settler,
    Source, StartFrom, Storage, StorageKey, SubscribeOptions, TopicConfig,
};
use glmsg_core::{
    DeadLetterReason, ErrorKind, GroupName, Message, MessageBuilder, Priority, TopicName,
};
use glmsg_faults::server::{Kind, RedisServer};
use glmsg_faults::until;
use glmsg_redis::{RedisBroker, RedisConfig};

use crate::page::{GROUP, More, OURS, allow, refusals, server, url};

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn open(server: &RedisServer, user: &str, namespace: &str) -> Arc<dyn Broker> {
    let config = RedisConfig::from_url(&url(server, user, namespace)).expect("a URL");
    let opened = RedisBroker::open(config).await;
    Arc::new(opened.unwrap_or_else(|e| panic!("{user} connects: {e}")))
}

pub(crate) fn topic() -> TopicName {
    TopicName::new("orders").expect("a name")
}

pub(crate) fn group() -> GroupName {
    GroupName::new(GROUP).expect("a name")
}

pub(crate) fn message() -> MessageBuilder {
    Message::builder(topic()).payload("x")
}

async fn publish(broker: &Arc<dyn Broker>, message: MessageBuilder) {
    let message = message.build().expect("a message");
    let outcomes = broker
        .publish(&[message])
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    assert!(matches!(outcomes[..], [Published::Stored]), "{outcomes:?}");
}

/// Nothing was refused but what every client tries and can do without.
async fn nothing_was_refused(server: &RedisServer) {
    let refused = refusals(server).await;
    let needless = |line: &&String| {
        let needless = ["client|setinfo", "config|get", "acl|dryrun"];
        needless.iter().any(|command| line.ends_with(command))
    };
    let refused: Vec<&String> = refused.iter().filter(|line| !needless(line)).collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

/// Creates the topic and its group.
pub(crate) async fn deploy(server: &RedisServer) {
    let deployer = open(server, "deployer", OURS).await;
    let config = TopicConfig::default().max_len(2000);
    deployer
        .create_topic(&topic(), &config)
        .await
        .expect("a topic");
    deployer
        .create_group(&topic(), &group(), &GroupConfig::default())
        .await
        .expect("a group");
    deployer.close().await.expect("it closes");
}

pub(crate) async fn receive(source: &mut impl Source) -> Received {
    let mut got = Vec::new();
    while got.is_empty() {
        let received = tokio::time::timeout(PATIENCE, source.recv(&mut got, 1)).await;
        received
            .expect("something comes")
            .unwrap_or_else(|e| panic!("{e}"));
    }
    got.remove(0)
}

async fn each_does_its_work(kind: Kind) {
    let server = server(kind).await;
    deploy(&server).await;
    let publisher = open(&server, "publisher", OURS).await;
    let consumer = open(&server, "consumer", OURS).await;
    let operator = open(&server, "operator", OURS).await;
    let deployer = open(&server, "deployer", OURS).await;
    for broker in [&publisher, &consumer, &operator, &deployer] {
        assert_eq!(broker.health().await.status, HealthStatus::Healthy);
    }
    deployer.doctor().await.unwrap_or_else(|e| panic!("{e}"));
    nothing_was_refused(&server).await;
    for broker in [&publisher, &consumer, &operator] {
        // Who may not list topics is told the rest.
        broker.doctor().await.unwrap_or_else(|e| panic!("{e}"));
    }
    refusals(&server).await;

    // Every way to publish, and what is kept for replay gives way.
    for priority in Priority::ALL {
        publish(&publisher, message().priority(priority)).await;
    }
    let twice = message().build().expect("a message");
    for expected in [true, false] {
        let again = std::slice::from_ref(&twice);
        let outcome = publisher.publish(again).await.expect("an outcome");
        assert_eq!(matches!(outcome[..], [Published::Stored]), expected);
    }
    publish(&publisher, message().ttl(Duration::from_millis(1))).await;

    // Every way to settle.
    let options = SubscribeOptions::new(topic(), group()).expect("options");
    let mut source = consumer
        .open_source(&options)
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    let settler = source.settler();
    let first = receive(&mut source).await;
    settler.ack(&[first.token]).await.expect("an ack");
    let second = receive(&mut source).await;
    let extended = settler
        .extend(&[second.token], Duration::from_secs(10))
        .await;
    assert!(extended.expect("it is extended")[0].is_current());
    settler.release(&[second.token]).await.expect("a release");
    let second = receive(&mut source).await;
    let retry = Nack::retry(second.token, Duration::ZERO, "again");
    settler.nack(&[retry]).await.expect("a nack");
    let second = receive(&mut source).await;
    assert_eq!(second.attempt, 2);
    for _ in 0..3 {
        let next = receive(&mut source).await;
        let reject = Nack::reject(next.token, DeadLetterReason::Rejected, "no");
        settler.nack(&[reject]).await.expect("a nack");
    }
    settler.ack(&[second.token]).await.expect("an ack");
    let lag = consumer.lag(&topic(), &group()).await.expect("the lag");
    assert!(lag.dead_letters >= 3, "{lag:?}");

    // Dead letters: listed, one given back, the rest deleted.
    let query = DeadLetterQuery::new(topic(), group());
    let letters = operator.dead_letters(&query).await.expect("dead letters");
    let rejected = letters
        .items
        .iter()
        .find(|l| l.reason == DeadLetterReason::Rejected);
    let ids = DeadLetterSelector::Ids(vec![rejected.expect("one").id]);
    assert_eq!(
        operator
            .redrive(&topic(), &group(), &ids)
            .await
            .expect("a redrive"),
        1
    );
    let back = receive(&mut source).await;
    settler.ack(&[back.token]).await.expect("an ack");
    let all = DeadLetterSelector::All;
    assert!(
        operator
            .purge(&topic(), &group(), &all)
            .await
            .expect("a purge")
            >= 2
    );
    let query = ReplayQuery::new(topic(), StartFrom::Earliest);
    assert!(operator.replay(&query).await.expect("a replay").len() >= 5);

    // Watching.
    for broker in [&operator, &deployer] {
        assert_eq!(broker.topics().await.expect("topics").len(), 1);
        assert_eq!(broker.groups(&topic()).await.expect("groups").len(), 1);
        assert_eq!(
            broker
                .members(&topic(), &group())
                .await
                .expect("members")
                .len(),
            1
        );
        broker.lag(&topic(), &group()).await.expect("the lag");
    }
    drop(source);
    until("the member has left", PATIENCE, || async {
        let members = deployer.members(&topic(), &group()).await;
        members.expect("members").is_empty()
    })
    .await;

    // A full topic makes room of what is acked.
    let batch = |n| -> Vec<Message> {
        let one = || message().build().expect("a message");
        std::iter::repeat_with(one).take(n).collect()
    };
    let mut source = consumer.open_source(&options).await.expect("it joins");
    for _ in 0..3 {
        let outcomes = publisher.publish(&batch(900)).await.expect("outcomes");
        assert!(outcomes.iter().all(Published::is_stored));
        let (mut acked, settler) = (0, source.settler());
        while acked < 900 {
            let mut got = Vec::new();
            source
                .recv(&mut got, 500)
                .await
                .unwrap_or_else(|e| panic!("{e}"));
            let tokens: Vec<_> = got.iter().map(|r| r.token).collect();
            acked += settler.ack(&tokens).await.expect("acks").len();
        }
    }
    nothing_was_refused(&server).await;

    deployer
        .delete_group(&topic(), &group())
        .await
        .expect("it goes");
    deployer.delete_topic(&topic()).await.expect("it goes");
    nothing_was_refused(&server).await;
}

#[tokio::test]
async fn each_does_its_work_on_redis_7() {
    each_does_its_work(Kind::Redis7).await;
}

#[tokio::test]
async fn each_does_its_work_on_redis_8() {
    each_does_its_work(Kind::Redis8).await;
}

#[tokio::test]
async fn each_does_its_work_on_valkey_9() {
    each_does_its_work(Kind::Valkey9).await;
}

#[tokio::test]
async fn order_by_key_needs_no_more() {
    let server = server(Kind::Redis7).await;
    let deployer = open(&server, "deployer", OURS).await;
    let config = GroupConfig::default().ordering(Ordering::PerKey);
    deployer
        .create_topic(&topic(), &TopicConfig::default())
        .await
        .expect("a topic");
    deployer
        .create_group(&topic(), &group(), &config)
        .await
        .expect("a group");
    let publisher = open(&server, "publisher", OURS).await;
    let consumer = open(&server, "consumer", OURS).await;
    for _ in 0..3 {
        publish(&publisher, message().key("k")).await;
    }
    let options = SubscribeOptions::new(topic(), group()).expect("options");
    let options = options.ordering(Ordering::PerKey);
    let mut source = consumer.open_source(&options).await.expect("it joins");
    for _ in 0..3 {
        let got = receive(&mut source).await;
        source.settler().ack(&[got.token]).await.expect("an ack");
    }
    nothing_was_refused(&server).await;
}

#[tokio::test]
async fn a_scheduled_message_that_may_not_be_placed_waits_for_who_may() {
    let server = server(Kind::Redis7).await;
    deploy(&server).await;
    let publisher = open(&server, "publisher", OURS).await;
    let consumer = open(&server, "consumer", OURS).await;
    publish(
        &publisher,
        message()
            .priority(Priority::High)
            .delay(Duration::from_millis(300)),
    )
    .await;
    let options = SubscribeOptions::new(topic(), group()).expect("options");
    let mut source = consumer.open_source(&options).await.expect("it joins");
    let mut got = Vec::new();
    let refused = tokio::time::timeout(PATIENCE, source.recv(&mut got, 1)).await;
    let refused = refused.expect("it is told").expect_err("it is due");
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied, "{refused}");
    allow(&server, More::Schedules);
    let came = receive(&mut source).await;
    assert_eq!(came.message.priority(), Priority::High);
    let acked = source.settler().ack(&[came.token]).await;
    acked.expect("an ack");
    let topics = open(&server, "deployer", OURS).await.topics().await;
    let topics = topics.expect("topics");
    assert_eq!((topics[0].messages, topics[0].scheduled), (1, 0), "once");
}

#[tokio::test]
async fn publishers_and_consumers_may_be_allowed_to_make_what_they_use() {
    let server = server(Kind::Redis7).await;
    let publisher = open(&server, "publisher", OURS).await;
    let consumer = open(&server, "consumer", OURS).await;
    let options = SubscribeOptions::new(topic(), group()).expect("options");
    let one = message().build().expect("a message");
    for error in [
        publisher.publish(&[one]).await.expect_err("no topic"),
        consumer.open_source(&options).await.expect_err("no group"),
    ] {
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    }
    server.command(&["FLUSHALL"]).await;
    refusals(&server).await;
    allow(&server, More::OwnTopics);
    publish(&publisher, message()).await;
    let mut source = consumer.open_source(&options).await.expect("it joins");
    receive(&mut source).await;
    // All is lost, and made anew.
    server.command(&["FLUSHALL"]).await;
    publish(&publisher, message().priority(Priority::High)).await;
    let came = receive(&mut source).await;
    assert_eq!(came.message.priority(), Priority::High);
    nothing_was_refused(&server).await;
}

#[tokio::test]
async fn frames_and_dropping_the_oldest_need_what_the_page_says() {
    let server = server(Kind::Redis7).await;
    deploy(&server).await;
    let deployer = open(&server, "deployer", OURS).await;
    let publisher = open(&server, "publisher", OURS).await;
    let consumer = open(&server, "consumer", OURS).await;
    let framed = TopicConfig::default().frames(Frames::default());
    deployer
        .create_topic(&topic(), &framed)
        .await
        .expect("frames");
    allow(&server, More::Frames);
    let batch: Vec<Message> = std::iter::repeat_with(|| message().build().expect("a message"))
        .take(250)
        .collect();
    let outcomes = publisher.publish(&batch).await.expect("outcomes");
    assert!(outcomes.iter().all(Published::is_stored), "{outcomes:?}");
    let options = SubscribeOptions::new(topic(), group()).expect("options");
    let mut source = consumer.open_source(&options).await.expect("it joins");
    let settler = source.settler();
    for n in 0..250 {
        let got = receive(&mut source).await;
        // Of each kind some, so that messages leave their frames.
        let again = n % 25 == 0 && got.attempt == 1;
        match again {
            true => drop(
                settler
                    .nack(&[Nack::retry(got.token, Duration::ZERO, "no")])
                    .await,
            ),
            false => drop(settler.ack(&[got.token]).await),
        }
    }
    nothing_was_refused(&server).await;

    let small = TopicConfig::default()
        .max_len(10)
        .overflow(Overflow::DropOldest);
    let name = TopicName::new("small").expect("a name");
    deployer.create_topic(&name, &small).await.expect("a topic");
    let made = GroupConfig::default();
    deployer
        .create_group(&name, &group(), &made)
        .await
        .expect("a group");
    allow(&server, More::DropOldest);
    for _ in 0..20 {
        publish(&publisher, Message::builder(&name).payload("x")).await;
    }
    nothing_was_refused(&server).await;
}

#[tokio::test]
async fn logs_and_values_need_what_the_page_says() {
    let server = server(Kind::Redis7).await;
    let consumer = open(&server, "consumer", OURS).await;
    let storage = consumer.open_storage().await.expect("a storage");
    let (it, all) = (
        StorageKey::new("saga/{1}").expect("a key"),
        KeyPrefix::new("").expect("a prefix"),
    );
    let data = bytes::Bytes::from_static(b"data");
    let records = [data.clone()];
    let refused = storage.append(&it, Expected::Any, &records).await;
    let error = refused.expect_err("it may not yet");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    refusals(&server).await;

    allow(&server, More::Storage);
    let made = storage.append(&it, Expected::NOTHING, &records).await;
    assert_eq!(made.expect("an append"), Change::Made(1));
    assert_eq!(storage.read(&it, 0, 10).await.expect("records").len(), 1);
    assert_eq!(storage.wait(&it, 0, PATIENCE).await.expect("a version"), 1);
    let longer = Duration::from_millis(100);
    assert_eq!(storage.wait(&it, 1, longer).await.expect("a version"), 1);
    assert_eq!(storage.logs(&all, None, 10).await.expect("logs").len(), 1);
    // The second finds the first expired, and clears it away.
    for ttl in [Some(Duration::from_millis(1)), Some(PATIENCE)] {
        let made = storage.put(&it, &data, Expected::Any, ttl).await;
        assert!(made.expect("a put").made().is_some());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(storage.get(&it).await.expect("a value").is_some());
    assert_eq!(storage.keys(&all, None, 10).await.expect("keys").len(), 1);
    let gone = storage.remove(&it, Expected::Any).await;
    assert_eq!(gone.expect("a removal"), Change::Made(0));
    let gone = storage.remove_log(&it, Expected::Version(1)).await;
    assert_eq!(gone.expect("a removal"), Change::Made(0));
    nothing_was_refused(&server).await;
}

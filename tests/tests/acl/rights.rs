//! What each user may not do: the others' work, another namespace, and what nobody may.

use glmsg_broker::{
    DeadLetterQuery, DeadLetterSelector, Nack, Published, ReplayQuery, Settler, Source, StartFrom,
    SubscribeOptions,
};
use glmsg_core::{DeadLetterReason, Error, ErrorKind, Result};
use glmsg_faults::server::{Kind, RedisServer, Reply};

use crate::page::{OURS, THEIRS, plain, server};
use crate::roles::{deploy, group, message, open, receive, topic};

const ALL: [&str; 4] = ["publisher", "consumer", "operator", "deployer"];

/// A key of the topic, or of its group.
fn key(name: &str) -> String {
    format!("glmsg:{{{OURS}/orders}}:{name}")
}

#[track_caller]
fn denied<T: std::fmt::Debug>(what: &str, outcome: Result<T>) {
    let error: Error = outcome.expect_err(what);
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{what}: {error}");
}

fn refused(server: &RedisServer, user: &str, words: &[&str]) {
    let answer = plain(server, user, words);
    assert!(answer.starts_with("NOPERM"), "{user}: {words:?}: {answer}");
}

/// A server with the users, the topic and its group, and the group's name on the streams.
async fn deployed() -> (RedisServer, String) {
    let server = server(Kind::Redis7).await;
    deploy(&server).await;
    let groups = server.command(&["XINFO", "GROUPS", &key("lane1")]).await;
    let fields = groups.list()[0].list().to_vec();
    let name = fields.get(1).and_then(Reply::text);
    let name = name.expect("a group").to_owned();
    (server, name)
}

#[tokio::test]
async fn a_publisher_cannot_read_and_a_consumer_cannot_publish() {
    let (server, name) = deployed().await;
    let publisher = open(&server, "publisher", OURS).await;
    let options = SubscribeOptions::new(topic(), group()).expect("options");
    denied("a publisher joins", publisher.open_source(&options).await);
    denied("a publisher's lag", publisher.lag(&topic(), &group()).await);
    let query = DeadLetterQuery::new(topic(), group());
    denied(
        "a publisher's letters",
        publisher.dead_letters(&query).await,
    );
    let (lane, letters) = (key("lane1"), key(&format!("letter:{name}")));
    for words in [
        &["XREADGROUP", "GROUP", &name, "me", "STREAMS", &lane, ">"][..],
        &["XREAD", "STREAMS", &lane, "0"],
        &["XACK", &lane, &name, "1-1"],
        &["XCLAIM", &lane, &name, "me", "0", "1-1"],
        &["XAUTOCLAIM", &lane, &name, "me", "0", "0"],
        &["XGROUP", "DESTROY", &lane, &name],
        &["HGETALL", &letters],
        &["DEL", &lane],
    ] {
        refused(&server, "publisher", words);
    }

    let consumer = open(&server, "consumer", OURS).await;
    let one = message().build().expect("a message");
    let published = consumer.publish(&[one]).await;
    let error = match published {
        Err(error) => error,
        Ok(outcomes) => match outcomes.into_iter().next() {
            Some(Published::Rejected(e) | Published::Indeterminate(e)) => e,
            other => panic!("a consumer publishes: {other:?}"),
        },
    };
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    for words in [
        &["XADD", &lane, "*", "d", "x"][..],
        &["XTRIM", &lane, "MAXLEN", "0"],
        &["SADD", &key("ids"), "x"],
        &["DEL", &lane],
        &["XGROUP", "DESTROY", &lane, &name],
        // Of another group.
        &["HGETALL", &key("letter:others#1")],
        &["ZRANGE", &key("waiting:others#1"), "0", "-1"],
    ] {
        refused(&server, "consumer", words);
    }
    let length = server.command(&["XLEN", &lane]).await;
    assert_eq!(length.integer(), Some(0), "nothing was stored");
}

#[tokio::test]
async fn operators_and_deployers_take_no_message() {
    let (server, name) = deployed().await;
    let publisher = open(&server, "publisher", OURS).await;
    let one = message().build().expect("a message");
    publisher.publish(&[one]).await.expect("it is stored");
    let options = SubscribeOptions::new(topic(), group()).expect("options");
    let lane = key("lane1");
    for user in ["operator", "deployer"] {
        let broker = open(&server, user, OURS).await;
        denied(
            "it joins and receives",
            async {
                let mut source = broker.open_source(&options).await?;
                Source::recv(&mut source, &mut Vec::new(), 1).await
            }
            .await,
        );
        for words in [
            &["XREADGROUP", "GROUP", &name, "me", "STREAMS", &lane, ">"][..],
            &["XACK", &lane, &name, "1-1"],
        ] {
            refused(&server, user, words);
        }
    }
    let operator = open(&server, "operator", OURS).await;
    denied("an operator deletes", operator.delete_topic(&topic()).await);

    // What is refused in the middle of a step leaves the dead letter where it is.
    let consumer = open(&server, "consumer", OURS).await;
    let mut source = consumer.open_source(&options).await.expect("it joins");
    let got = receive(&mut source).await;
    let reject = Nack::reject(got.token, DeadLetterReason::Rejected, "no");
    source.settler().nack(&[reject]).await.expect("a nack");
    let deployer = open(&server, "deployer", OURS).await;
    let all = DeadLetterSelector::All;
    let redriven = deployer.redrive(&topic(), &group(), &all).await;
    denied("a deployer redrives", redriven);
    let query = DeadLetterQuery::new(topic(), group());
    let letters = operator.dead_letters(&query).await.expect("dead letters");
    assert_eq!(letters.items.len(), 1);
}

#[tokio::test]
async fn nobody_reaches_another_namespace() {
    let (server, _) = deployed().await;
    let theirs = format!("glmsg:{{{THEIRS}/orders}}:lane1");
    // As near as a name can come.
    let near = format!("glmsg:{{{OURS}x/orders}}:lane1");
    for user in ALL {
        for key in [&theirs, &near] {
            refused(&server, user, &["XRANGE", key, "-", "+"]);
        }
        let broker = open(&server, user, THEIRS).await;
        denied("a topic of others", broker.topics().await);
        let one = message().build().expect("a message");
        let published = broker.publish(&[one]).await;
        denied("a publish to others", published);
        let replay = ReplayQuery::new(topic(), StartFrom::Earliest);
        denied("a replay of others", broker.replay(&replay).await);
        // Nor from within a script, whose keys nobody has named.
        let script = format!("return redis.call('XRANGE', '{theirs}', '-', '+')");
        let hash = plain(&server, user, &["SCRIPT", "LOAD", &script]);
        assert_eq!(hash.len(), 40, "{hash}");
        let answer = plain(&server, user, &["EVALSHA", &hash, "0"]);
        // As Redis 7.0 and newer servers say it.
        let told = ["user executing the script can't", "ACL failure", "NOPERM"];
        assert!(told.iter().any(|told| answer.contains(told)), "{answer}");
    }
}

#[tokio::test]
async fn nobody_may_what_only_an_administrator_may() {
    let (server, _) = deployed().await;
    for user in ALL {
        for words in [
            &["FLUSHALL"][..],
            &["FLUSHDB"],
            &["KEYS", "*"],
            &["SCAN", "0"],
            &["RANDOMKEY"],
            &["CONFIG", "GET", "*"],
            &["CONFIG", "SET", "maxmemory", "1"],
            &["EVAL", "return 1", "0"],
            &["ACL", "LIST"],
            &["MONITOR"],
            &["SHUTDOWN"],
            &["REPLICAOF", "NO", "ONE"],
            &["SCRIPT", "FLUSH"],
            &["CLIENT", "LIST"],
            &["MIGRATE", "h", "1", "k", "0", "1"],
            &["PUBLISH", "any", "x"],
            &["SUBSCRIBE", "any"],
            &["GET", "any"],
            &["SET", "any", "1"],
        ] {
            refused(&server, user, words);
        }
    }
}

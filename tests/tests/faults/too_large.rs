//! F24: messages that are too large, or nearly. They are refused before anything is sent, and the connection stays good.

use bytes::Bytes;
use glmsg::{BrokerExt, ErrorKind, Message, Published};
use glmsg_faults::check::Expectation;
use glmsg_faults::process::Usage;
use glmsg_faults::proxy::Proxy;

use glmsg_tests::traffic::{Consumption, Scene};

use crate::alone::is_alone;
use crate::lasting;

const MIB: usize = 1 << 20;

#[test]
fn what_is_too_large_is_refused_before_it_is_sent() {
    if is_alone("too_large::what_is_too_large_is_refused_before_it_is_sent") {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(case());
    }
}

async fn case() {
    let redis = lasting::redis().await;
    let proxy = Proxy::start(redis.addr()).await;
    let scene = Scene::new(&redis.url());
    let ledger = scene.writer("publisher");
    let url = redis.url_at(proxy.addr());
    let broker = glmsg::connect(&url).await.expect("a broker");
    let (topic, group) = (scene.topic(), scene.group());
    let consumer = Consumption::default();
    let names = (topic.as_str(), group.as_str());
    let direct = scene.connect().await;
    let pen = scene.writer("consumer");
    let consumer = consumer.start(direct, names, &pen).await;
    let consumer = consumer.expect("a consumer");

    let publish = async |payload: Bytes| {
        let message = Message::builder(topic.as_str()).payload(payload);
        let message = message.build().expect("no builder refuses it");
        let id = message.id().to_string();
        ledger.pub_try(&id);
        let outcomes = broker.publish(&[message]).await.expect("an outcome");
        match outcomes.into_iter().next().expect("an outcome") {
            Published::Rejected(error) => {
                ledger.pub_rejected(&id, &error.to_string());
                Err(error)
            }
            outcome => {
                assert!(outcome.is_stored(), "{outcome:?}");
                ledger.pub_ok(&id);
                Ok(())
            }
        }
    };
    // The most there may be, and nothing: both are stored.
    publish(Bytes::new()).await.expect("nothing is stored");
    publish(Bytes::from(vec![7; MIB]))
        .await
        .expect("1 MiB is stored");

    // One byte more is refused, with the limit and what there was.
    let over = Bytes::from(vec![7; MIB + 1]);
    let sent = proxy.control().seen();
    let before = Usage::of_this_process().expect("the usage");
    for _ in 0..100 {
        let error = publish(over.clone()).await.expect_err("it is too large");
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
        assert!(!error.is_transient(), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("1048577") && text.contains("1048576"),
            "{text}"
        );
    }
    // Above what any broker takes, the message itself is refused, whatever it is too much of.
    let huge = Bytes::from(vec![7; 100 * MIB]);
    let baseline = Usage::of_this_process().expect("the usage");
    for _ in 0..10 {
        let message = Message::builder(topic.as_str());
        let many = (0..10_000).fold(message, |message, n| message.header(&format!("h{n}"), "v"));
        for (wrong, limit, got) in [
            (
                Message::builder(topic.as_str()).payload(huge.clone()),
                "16777216",
                "104857600",
            ),
            (
                Message::builder(topic.as_str()).key("k".repeat(65_536)),
                "1024",
                "65536",
            ),
            (
                Message::builder(topic.as_str()).header("h", &"v".repeat(65_536)),
                "4096",
                "h",
            ),
            (many, "64", "h64"),
        ] {
            let error = wrong.build().expect_err("it is too large");
            assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
            let text = error.to_string();
            assert!(text.contains(limit) && text.contains(got), "{text}");
        }
    }
    let after = Usage::of_this_process().expect("the usage");
    // The smallest of them has 64 KiB; who has published just now asks the server for signs of life.
    let grown = proxy.control().seen().to_server - sent.to_server;
    assert!(grown < 4096, "{grown} bytes of what was refused were sent");

    // A batch loses only what is too large, and the connections are those they were.
    let message = |payload: Bytes| Message::new(topic.as_str(), payload).expect("a message");
    let batch = [
        message(Bytes::from_static(b"a")),
        message(over.clone()),
        message(Bytes::from_static(b"b")),
    ];
    let ids = batch.each_ref().map(|message| message.id().to_string());
    ids.iter().for_each(|id| ledger.pub_try(id));
    let outcomes = broker.publish(&batch).await.expect("outcomes");
    let stored: Vec<bool> = outcomes.iter().map(Published::is_stored).collect();
    assert_eq!(stored, [true, false, true]);
    ledger.pub_ok(&ids[0]);
    ledger.pub_rejected(&ids[1], "too large");
    ledger.pub_ok(&ids[2]);
    let last = message(Bytes::from_static(b"c"));
    ledger.pub_try(&last.id().to_string());
    ledger.pub_ok(&last.id().to_string());
    broker.send(last).await.expect("the connection is good");
    let seen = proxy.control().seen();
    assert_eq!((seen.accepted, seen.open), (sent.accepted, sent.open));

    scene.quiet(std::time::Duration::from_secs(30)).await;
    consumer.shutdown().await.expect("it drains");
    let resident = |usage: &Usage| usage.resident_bytes;
    let allowed = 2 * u64::try_from(MIB).expect("a small number");
    let expectation = Expectation::for_groups([group])
        .published_at_least(5)
        .resource(
            "memory at 1 MiB and a byte",
            resident(&before),
            resident(&baseline) - u64::try_from(huge.len()).expect("a number"),
            allowed,
        )
        .resource(
            "memory at 100 MiB",
            resident(&baseline),
            resident(&after),
            allowed,
        );
    let report = scene.judge(expectation).await;
    println!("{report}");
    report.assert_ok();
    assert_eq!(report.counts.rejected, 101, "{report}");
}

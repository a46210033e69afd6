//! Which topics a subscription gets, and from where on.

use glmsg_broker::StartFrom;
use glmsg_conformance::Fixture;
use glmsg_core::{Message, Priority, TopicName};
use glmsg_faults::until;
use glmsg_patterns::pub_sub::PubSub;

use super::{OFTEN, PATIENCE, Seen, eager, publish, publish_plainly};

/// B9: the original subscribed to a channel that nobody published to, so that no wildcard ever
/// delivered. Here ten messages of every priority reach a wildcard, and each once.
pub(crate) async fn a_wildcard_delivers<F: Fixture>(f: F) {
    let bus = PubSub::new(f.broker().await);
    let seen = Seen::default();
    let handle = eager(&bus, "orders.*", "billing").start(seen.handler());
    let handle = handle.await.expect("it starts");
    let mut expected = Vec::new();
    for n in 0..10 {
        let topic = ["orders.eu", "orders.us"][n % 2];
        let message = Message::builder(topic).payload(n.to_string());
        let message = message.priority(Priority::ALL[n % 4]);
        bus.publish(message).await.expect("it is published");
        expected.push(format!("{topic}:{n}"));
    }
    expected.sort();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    seen.is(&expected).await;
    let stats = handle.shutdown().await.expect("it drains");
    assert_eq!((stats.handled, stats.failed), (10, 0));
}

/// Each form of wildcard gets its topics and no others.
pub(crate) async fn every_form_of_wildcard<F: Fixture>(f: F) {
    let bus = PubSub::new(f.broker().await);
    for topic in ["a", "a.b", "a.b.c", "x.b"] {
        publish(&bus, topic, "1").await;
    }
    let forms = [
        ("a.*", &["a.b:1"][..]),
        ("a.**", &["a.b.c:1", "a.b:1", "a:1"]),
        ("a.>", &["a.b.c:1", "a.b:1", "a:1"]),
        ("**.b", &["a.b:1", "x.b:1"]),
        ("*.b.*", &["a.b.c:1"]),
        ("a.b", &["a.b:1"]),
    ];
    for (n, (pattern, expected)) in forms.into_iter().enumerate() {
        let seen = Seen::default();
        let handle = eager(&bus, pattern, &format!("form-{n}")).start(seen.handler());
        let handle = handle.await.expect("it starts");
        assert_eq!(handle.topics().len(), expected.len(), "{pattern}");
        let mut expected = expected.to_vec();
        // As the pairs of topic and payload are ordered.
        expected.sort_by_key(|line| line.split(':').next());
        seen.is(&expected).await;
        handle.shutdown().await.expect("it drains");
    }
}

/// What was published to a new topic before the subscription saw it is not lost, also where the
/// subscription begins with the latest message.
pub(crate) async fn a_new_topic_is_read_from_its_beginning<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let bus = PubSub::new(broker.clone());
    publish(&bus, "news.old", "before").await;
    let seen = Seen::default();
    let handle = eager(&bus, "news.*", "readers").start_from(StartFrom::Latest);
    let handle = handle.start(seen.handler()).await.expect("it starts");
    // By another program, without a hint.
    publish_plainly(&f.broker().await, "news.young", 0..200).await;
    publish(&bus, "news.old", "after").await;
    until("201 messages", PATIENCE, || async {
        seen.all().len() == 201
    })
    .await;
    let seen = seen.all();
    assert!(seen.contains(&"news.old:after".to_owned()));
    assert!(!seen.contains(&"news.old:before".to_owned()));
    handle.shutdown().await.expect("it drains");
}

/// A durable subscription that was stopped gets what came meanwhile, also from topics that did not
/// exist when it was stopped, wherever it is told to begin.
pub(crate) async fn what_comes_while_nobody_runs_waits<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let bus = PubSub::new(broker.clone());
    publish(&bus, "news.old", "before").await;
    let start = async |seen: &Seen| {
        let builder = eager(&bus, "news.*", "readers").start_from(StartFrom::Latest);
        builder.start(seen.handler()).await.expect("it starts")
    };
    let first = Seen::default();
    let handle = start(&first).await;
    handle.shutdown().await.expect("it drains");
    publish(&bus, "news.old", "meanwhile").await;
    publish(&bus, "news.young", "meanwhile").await;
    let second = Seen::default();
    let handle = start(&second).await;
    second
        .is(&["news.old:meanwhile", "news.young:meanwhile"])
        .await;
    handle.shutdown().await.expect("it drains");
    assert_eq!(first.all(), [""; 0]);
}

/// Several handlers of a topic each get everything; programs of one name share.
pub(crate) async fn names_get_everything_and_programs_share<F: Fixture>(f: F) {
    let bus = PubSub::new(f.broker().await);
    let (billing, one, other) = (Seen::default(), Seen::default(), Seen::default());
    let starts = [
        ("orders.*", "billing", &billing),
        ("orders.**", "mail", &one),
        ("orders.**", "mail", &other),
    ];
    let mut handles = Vec::new();
    for (pattern, name, seen) in starts {
        let handle = eager(&bus, pattern, name).start(seen.handler());
        handles.push(handle.await.expect("it starts"));
    }
    publish_plainly(&f.broker().await, "orders.eu", 0..300).await;
    until("300 for each name", PATIENCE, || async {
        billing.all().len() == 300 && one.all().len() + other.all().len() >= 300
    })
    .await;
    let mut shared = one.all();
    shared.extend(other.all());
    shared.sort();
    assert_eq!(shared, billing.all(), "no message came to two of one name");
    for handle in handles {
        handle.shutdown().await.expect("it drains");
    }
}

/// A topic that is deleted is left, and the subscription goes on, also with a new one of that name.
pub(crate) async fn a_deleted_topic_ends_nothing<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let bus = PubSub::new(broker.clone());
    publish(&bus, "t.stays", "1").await;
    publish(&bus, "t.goes", "1").await;
    let seen = Seen::default();
    let handle = eager(&bus, "t.*", "all").start(seen.handler());
    let handle = handle.await.expect("it starts");
    seen.is(&["t.goes:1", "t.stays:1"]).await;
    // A handler is seen before its ack is: what is deleted before cannot count as handled.
    until("both are acked", PATIENCE, || async {
        handle.stats().handled == 2
    })
    .await;
    let goes = TopicName::new("t.goes").expect("a valid name");
    broker.delete_topic(&goes).await.expect("it is deleted");
    until("one topic is left", PATIENCE, || async {
        handle.topics().len() == 1
    })
    .await;
    publish(&bus, "t.stays", "2").await;
    seen.is(&["t.goes:1", "t.stays:1", "t.stays:2"]).await;
    publish(&bus, "t.goes", "3").await;
    seen.is(&["t.goes:1", "t.goes:3", "t.stays:1", "t.stays:2"])
        .await;
    assert!(handle.is_running());
    let stats = handle.shutdown().await.expect("it drains");
    assert_eq!(stats.handled, 4, "what a topic that is gone gave counts on");
}

/// Ending a subscription for good leaves no group behind, so nothing is kept for it.
pub(crate) async fn unsubscribing_leaves_nothing<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let bus = PubSub::new(broker.clone());
    publish(&bus, "t.a", "1").await;
    publish(&bus, "t.b", "1").await;
    let seen = Seen::default();
    let builder = bus.subscribe("t.*", "all").look_every(OFTEN);
    let handle = builder.start_from(StartFrom::Latest);
    let handle = handle.start(seen.handler()).await.expect("it starts");
    handle.shutdown().await.expect("it drains");
    assert_eq!(bus.unsubscribe("t.*", "all").await.expect("it ends"), 2);
    for topic in ["t.a", "t.b"] {
        let topic = TopicName::new(topic).expect("a valid name");
        let groups = broker.groups(&topic).await.expect("a list");
        assert_eq!(groups, [], "groups of {topic}");
    }
    // It is as new: it begins with the latest again.
    publish(&bus, "t.a", "2").await;
    let builder = eager(&bus, "t.*", "all").start_from(StartFrom::Latest);
    let handle = builder.start(seen.handler()).await.expect("it starts");
    publish(&bus, "t.a", "3").await;
    seen.is(&["t.a:3"]).await;
    handle.shutdown().await.expect("it drains");
}

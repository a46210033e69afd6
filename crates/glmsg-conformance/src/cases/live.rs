//! Live subscriptions: what is announced is heard by who listens, what is lost is told, and nothing
//! is stored.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{
    BoxLiveSource, Broker, BrokerExt, LiveEvent, LiveOptions, LiveSource, Published,
};
use glmsg_core::{ContentType, ErrorKind, Message, MessageId};

use crate::member::Member;
use crate::messages::{
    build, builder, error_kind, ids, message, named_topic, numbered, publish_one, store, topic,
};
use crate::patience::within;
use crate::{Case, Fixture};

#[doc(hidden)]
#[macro_export]
macro_rules! live_cases {
    ($then:ident $($args:tt)*) => {
        $crate::$then! { live ["live.rs"] [
            an_announced_message_is_heard_whole (Live),
            every_listener_hears_it (Live),
            messages_are_heard_in_order (Live),
            only_matching_topics_are_heard (Live),
            wildcards_hear_topics_to_come (Live),
            what_was_announced_before_is_not_heard (Live),
            nothing_is_stored (Live),
            a_publish_announces_nothing (Live),
            what_is_stored_can_be_announced (Live IdempotentPublish),
            a_slow_listener_is_told_what_it_missed (Live),
            a_cancelled_listener_loses_nothing (Live),
            a_listener_that_leaves_disturbs_nobody (Live),
            an_announcement_over_the_limit_is_refused (Live),
            a_listener_without_bounds_is_refused (Live),
            a_closed_broker_is_silent (Live),
        ] $($args)* }
    };
}

pub(crate) fn all<F: Fixture>() -> Vec<Case<F>> {
    live_cases!(__list)
}

/// A listener as the cases use it.
struct Listener(BoxLiveSource);

impl Listener {
    async fn to(broker: &Arc<dyn Broker>, pattern: &str) -> Self {
        Self::with(broker, &LiveOptions::new(pattern).expect("a valid pattern")).await
    }

    async fn with(broker: &Arc<dyn Broker>, options: &LiveOptions) -> Self {
        let source = within("a live subscription", broker.open_live(options)).await;
        Self(source.expect("listening works"))
    }

    /// The next events, at most `max`.
    async fn events(&mut self, max: usize) -> Vec<LiveEvent> {
        let mut buf = Vec::new();
        let heard = within("something to hear", self.0.recv(&mut buf, max)).await;
        heard.expect("hearing works");
        assert!(!buf.is_empty(), "it returned without an event");
        assert!(
            buf.len() <= max,
            "asked for {max} events, got {}",
            buf.len()
        );
        buf
    }

    /// The next `n` messages, with nothing missing.
    async fn messages(&mut self, n: usize) -> Vec<Message> {
        let mut all = Vec::new();
        while all.len() < n {
            for event in self.events(n - all.len()).await {
                match event {
                    LiveEvent::Message(message) => all.push(message),
                    other => panic!("a message was expected, not {other:?}"),
                }
            }
        }
        all
    }

    async fn ids(&mut self, n: usize) -> Vec<MessageId> {
        ids(&self.messages(n).await)
    }
}

async fn announce(broker: &Arc<dyn Broker>, messages: &[Message]) {
    let announced = within("an announcement", broker.announce(messages)).await;
    announced.expect("announcing works");
}

fn of(topic: &str) -> Message {
    Message::new(named_topic(topic), topic.to_owned()).expect("a valid message")
}

/// Every field of a message is heard as it was announced, through whatever handle, and its
/// provenance verifies.
pub async fn an_announced_message_is_heard_whole<F: Fixture>(f: F) {
    let mut listener = Listener::to(&f.broker().await, topic().as_str()).await;
    let sent = build(
        builder("{\"from\":\"DTW\"}")
            .content_type(ContentType::JSON)
            .key("DTW")
            .correlation_id("request-1")
            .header("tenant", "äcme")
            .source_agent("planner"),
    );
    announce(&f.broker().await, std::slice::from_ref(&sent)).await;
    let heard = listener.messages(1).await.remove(0);
    assert_eq!(heard, sent);
    heard.verify().expect("the provenance still verifies");
}

/// Everybody who listens hears every message; there is nothing to share.
pub async fn every_listener_hears_it<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut listeners = Vec::new();
    for _ in 0..5 {
        listeners.push(Listener::to(&f.broker().await, topic().as_str()).await);
    }
    let sent = numbered(20);
    announce(&broker, &sent).await;
    for mut listener in listeners {
        assert_eq!(listener.ids(20).await, ids(&sent));
    }
}

/// Messages of one announcer are heard in their order, over several calls.
pub async fn messages_are_heard_in_order<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut listener = Listener::to(&broker, "**").await;
    let sent = numbered(300);
    for part in sent.chunks(37) {
        announce(&broker, part).await;
    }
    announce(&broker, &[]).await;
    assert_eq!(listener.ids(300).await, ids(&sent));
}

/// A pattern hears the topics it matches and no other: `*` is one segment, `**` and a trailing `>`
/// are any number.
pub async fn only_matching_topics_are_heard<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let topics = ["a", "a.b", "a.b.c", "a.x.c", "ab", "ab.c", "b.c", "z.a.b"];
    let hears = [
        ("a.b", &["a.b"][..]),
        ("a.*", &["a.b"]),
        ("*.c", &["ab.c", "b.c"]),
        ("a.*.c", &["a.b.c", "a.x.c"]),
        ("a.**", &["a", "a.b", "a.b.c", "a.x.c"]),
        ("a.>", &["a", "a.b", "a.b.c", "a.x.c"]),
        ("**.c", &["a.b.c", "a.x.c", "ab.c", "b.c"]),
        ("**.a.**", &["a", "a.b", "a.b.c", "a.x.c", "z.a.b"]),
        ("**", &topics),
    ];
    for (pattern, expected) in hears {
        let mut listener = Listener::to(&broker, pattern).await;
        let mut sent = topics.map(of).to_vec();
        // The last one says that there is no more.
        sent.push(of(&pattern.replace("**", "a").replace(['*', '>'], "a")));
        announce(&broker, &sent).await;
        let heard = listener.messages(expected.len() + 1).await;
        let (last, heard) = heard.split_last().expect("several");
        let heard: Vec<_> = heard.iter().map(|m| m.topic().as_str()).collect();
        assert_eq!(heard, expected, "by `{pattern}`");
        assert_eq!(last.id(), sent[topics.len()].id(), "by `{pattern}`");
    }
}

/// Who listens by a wildcard hears a topic that did not exist when it began.
pub async fn wildcards_hear_topics_to_come<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut listener = Listener::to(&broker, "orders.*").await;
    let news = of("orders.new");
    store(&broker, std::slice::from_ref(&news)).await;
    announce(&broker, std::slice::from_ref(&news)).await;
    assert_eq!(listener.ids(1).await, [news.id()]);
}

/// Listening begins when it is begun: nothing is kept for who comes later.
pub async fn what_was_announced_before_is_not_heard<F: Fixture>(f: F) {
    let broker = f.broker().await;
    announce(&broker, &numbered(5)).await;
    let mut listener = Listener::to(&broker, "**").await;
    let later = numbered(1);
    announce(&broker, &later).await;
    assert_eq!(listener.ids(1).await, ids(&later));
}

/// An announcement makes no topic and reaches no group.
pub async fn nothing_is_stored<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut listener = Listener::to(&broker, "**").await;
    announce(&broker, &[message("news")]).await;
    listener.messages(1).await;
    let topics = within("the topics", broker.topics()).await;
    assert_eq!(topics.expect("they can be listed"), []);
    let mut member = Member::join(&broker, "g").await;
    announce(&broker, &[message("news")]).await;
    listener.messages(1).await;
    member.expect_nothing(&broker).await;
}

/// Who listens live hears nothing of a plain publish.
pub async fn a_publish_announces_nothing<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut listener = Listener::to(&broker, "**").await;
    store(&broker, &numbered(5)).await;
    let news = message("news");
    announce(&broker, std::slice::from_ref(&news)).await;
    assert_eq!(listener.ids(1).await, [news.id()]);
}

/// What is published with an announcement is stored and heard; a duplicate is not heard again.
pub async fn what_is_stored_can_be_announced<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut listener = Listener::to(&broker, "**").await;
    let sent = numbered(3);
    let outcomes = within("a publish", broker.publish_and_announce(&sent)).await;
    let outcomes = outcomes.expect("publishing works");
    assert!(
        outcomes.iter().all(|o| matches!(o, Published::Stored)),
        "{outcomes:?}"
    );
    let again = within("a publish", broker.publish_and_announce(&sent[..1])).await;
    let again = again.expect("publishing works");
    assert!(matches!(again[..], [Published::Duplicate]), "{again:?}");
    let news = message("news");
    announce(&broker, std::slice::from_ref(&news)).await;
    let mut expected = ids(&sent);
    expected.push(news.id());
    assert_eq!(listener.ids(4).await, expected);
    let stored = publish_one(&broker, &sent[2]).await;
    assert!(matches!(stored, Published::Duplicate), "it is stored");
}

/// A listener that is slower than its messages come loses the oldest, and is told how many.
pub async fn a_slow_listener_is_told_what_it_missed<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let options = LiveOptions::new("**").expect("a valid pattern").buffer(4);
    let mut slow = Listener::with(&broker, &options).await;
    let mut quick = Listener::to(&broker, "**").await;
    let (mut sent, mut heard, mut missed) = (Vec::new(), Vec::new(), 0);
    // How soon a message is in the slow one's buffer is the backend's affair: it is slow enough
    // when it has missed something.
    within("a listener that misses something", async {
        while missed == 0 {
            let some = numbered(50);
            announce(&broker, &some).await;
            quick.messages(50).await;
            sent.extend(ids(&some));
            while heard.last() != sent.last() {
                for event in slow.events(100).await {
                    match event {
                        LiveEvent::Message(message) => heard.push(message.id()),
                        LiveEvent::Missed(n) => {
                            assert!(n > 0, "nothing was missed");
                            missed += n;
                        }
                        other => panic!("{other:?} was not expected"),
                    }
                }
            }
        }
    })
    .await;
    assert_eq!(
        heard.len() as u64 + missed,
        sent.len() as u64,
        "every message was heard or is counted"
    );
    let mut rest = sent.iter();
    assert!(
        heard.iter().all(|id| rest.any(|sent| sent == id)),
        "what was heard is in order, each once"
    );
}

/// Dropping the wait of a listener at any moment loses nothing.
pub async fn a_cancelled_listener_loses_nothing<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut listener = Listener::to(&broker, "**").await;
    let sent = numbered(50);
    let mut heard = Vec::new();
    for (n, message) in sent.iter().enumerate() {
        announce(&broker, std::slice::from_ref(message)).await;
        let mut buf = Vec::new();
        let cut = Duration::from_micros(20 * n as u64);
        if let Ok(received) = tokio::time::timeout(cut, listener.0.recv(&mut buf, 10)).await {
            received.expect("hearing works");
        }
        heard.extend(buf.into_iter().filter_map(LiveEvent::into_message));
    }
    let missing = sent.len() - heard.len();
    heard.extend(listener.messages(missing).await);
    assert_eq!(ids(&heard), ids(&sent), "every message once, in order");
}

/// A listener that is dropped is gone, and the others go on.
pub async fn a_listener_that_leaves_disturbs_nobody<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut staying = Listener::to(&broker, "**").await;
    for _ in 0..10 {
        let leaving = Listener::to(&broker, topic().as_str()).await;
        let one = message("one");
        announce(&broker, std::slice::from_ref(&one)).await;
        drop(leaving);
        let two = message("two");
        announce(&broker, std::slice::from_ref(&two)).await;
        assert_eq!(staying.ids(2).await, [one.id(), two.id()]);
    }
}

/// A payload over the limit is refused with `TooLarge`, and nothing of its call is announced.
pub async fn an_announcement_over_the_limit_is_refused<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut listener = Listener::to(&broker, "**").await;
    let limit = F::capability().max_payload;
    let largest = build(builder("").payload(vec![7; limit]));
    if limit < glmsg_core::limits::MAX_PAYLOAD {
        let large = build(builder("").payload(vec![7; limit + 1]));
        let refused = broker.announce(&[message("small"), large]).await;
        assert_eq!(error_kind("it", refused), ErrorKind::TooLarge);
    }
    announce(&broker, std::slice::from_ref(&largest)).await;
    assert_eq!(listener.messages(1).await, [largest]);
}

/// A buffer that is out of bounds is refused.
pub async fn a_listener_without_bounds_is_refused<F: Fixture>(f: F) {
    let broker = f.broker().await;
    for buffer in [0, 100_001] {
        let options = LiveOptions::new("**").expect("a valid pattern");
        let refused = broker.open_live(&options.buffer(buffer)).await;
        assert_eq!(error_kind("it", refused), ErrorKind::InvalidArgument);
    }
}

/// After the broker is closed, who listened is told `Closed`, and nobody announces or listens.
pub async fn a_closed_broker_is_silent<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut listener = Listener::to(&broker, "**").await;
    let waiting = tokio::spawn(async move {
        let mut buf = Vec::new();
        let first = listener.0.recv(&mut buf, 1).await;
        let second = listener.0.recv(&mut buf, 1).await;
        [first, second].map(|result| error_kind("hearing", result))
    });
    // It may or may not wait by now.
    tokio::task::yield_now().await;
    within("the end", broker.close()).await.expect("it closes");
    let kinds = within("the listener's end", waiting)
        .await
        .expect("no panic");
    assert_eq!(kinds, [ErrorKind::Closed; 2]);
    let refused = broker.announce(&[message("news")]).await;
    assert_eq!(error_kind("announcing", refused), ErrorKind::Closed);
    let options = LiveOptions::new("**").expect("a valid pattern");
    let refused = broker.open_live(&options).await;
    assert_eq!(error_kind("listening", refused), ErrorKind::Closed);
}

//! The broker's own bounds and its configuration.

use std::time::Duration;

use glmsg_broker::{Backend, Durability, HealthStatus, Overflow, Published};
use glmsg_core::{ErrorKind, Message};
use glmsg_memory::{MemoryBroker, MemoryConfig};

use crate::world::done;

#[test]
fn a_payload_over_the_limit_is_rejected_and_the_others_are_stored() {
    let broker = MemoryBroker::new(MemoryConfig::default().max_payload(4));
    let build = |payload: &str| Message::new("t", payload.to_owned()).unwrap();
    let batch = [build("1234"), build("12345"), build("")];
    let outcomes = done(broker.publish(&batch)).unwrap();
    assert!(matches!(&outcomes[1], Published::Rejected(e) if e.kind() == ErrorKind::TooLarge));
    assert!(matches!(outcomes[0], Published::Stored));
    assert!(matches!(outcomes[2], Published::Stored));
    assert_eq!(broker.capability().max_payload, 4);
}

#[test]
fn one_call_can_publish_to_many_topics() {
    let broker = MemoryBroker::default();
    let build = |topic: &str| Message::new(topic, "x").unwrap();
    let batch = [build("a"), build("b"), build("b"), build("a")];
    let outcomes = done(broker.publish(&batch)).unwrap();
    assert!(outcomes.iter().all(|o| matches!(o, Published::Stored)));
    let topics = done(broker.topics()).unwrap();
    assert_eq!(
        topics.iter().map(|t| t.messages).collect::<Vec<_>>(),
        [2, 2]
    );
    assert!(done(broker.publish(&[])).unwrap().is_empty());
}

#[test]
fn it_says_what_it_is() {
    let broker = MemoryBroker::default();
    let capability = broker.capability();
    assert_eq!(capability.durability, Durability::Volatile);
    assert!(!capability.multi_process && capability.per_key_order && capability.replay);
    assert_eq!(broker.name(), "memory");
    assert!(broker.metrics().is_none());
    assert_eq!(done(broker.health()).status, HealthStatus::Healthy);
}

#[test]
fn a_url_sets_it_up() {
    let url =
        "memory:tests?max_len=5&max_age=90s&overflow=drop-oldest&dead_letter_age=2d&max_payload=10";
    let config = MemoryConfig::from_url(url).unwrap();
    assert_eq!((config.label.as_str(), config.max_payload), ("tests", 10));
    assert_eq!(config.topic.max_len, 5);
    assert_eq!(config.topic.max_age, Duration::from_secs(90));
    assert_eq!(
        config.topic.dead_letter_age,
        Duration::from_secs(2 * 86_400)
    );
    assert_eq!(config.topic.overflow, Overflow::DropOldest);
    for plain in ["memory:", "memory://", "memory:?"] {
        let config = MemoryConfig::from_url(plain).unwrap();
        assert_eq!(config.topic.max_len, 100_000, "{plain}");
    }
}

#[test]
fn a_url_that_is_wrong_is_refused_by_name() {
    for (url, named) in [
        ("sqlite:x", "memory:"),
        ("memory:?max_length=5", "max_length"),
        ("memory:?max_length=5", "use max_len, max_age, overflow"),
        ("memory:?max_len=many", "`max_len`"),
        ("memory:?max_len", "`max_len`"),
        ("memory:?max_len=0", "max_len"),
        ("memory:?max_age=7", "`max_age`"),
        ("memory:?max_age=99999999999999999d", "`max_age`"),
        ("memory:?overflow=spill", "drop-oldest"),
        ("memory:?max_payload=99999999", "16777216"),
        ("memory:?max_len=1&max_len=2", "max_len"),
        ("memory:../../etc/passwd", "label"),
        ("memory:?\u{7}=1", "\\u{7}"),
    ] {
        let error = MemoryConfig::from_url(url).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{url}");
        assert!(error.to_string().contains(named), "{url}: {error}");
    }
}

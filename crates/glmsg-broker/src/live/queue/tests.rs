//! Tests of what waits for a listener.

use super::*;

fn message(text: &str) -> Message {
    Message::new("t", text.to_owned()).unwrap()
}

/// What it tells, in short.
fn told(queue: &mut Queue) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(event) = queue.next() {
        all.push(match event {
            LiveEvent::Message(m) => String::from_utf8_lossy(m.payload()).into_owned(),
            LiveEvent::Missed(n) => format!("-{n}"),
            LiveEvent::Interrupted => "off".to_owned(),
            LiveEvent::Resumed => "on".to_owned(),
            LiveEvent::Undecodable { topic, .. } => format!("?{topic}"),
        });
    }
    assert_eq!((queue.messages, queue.bytes), (0, 0), "nothing is left");
    all
}

#[test]
fn what_does_not_fit_is_counted_where_it_was() {
    let mut queue = Queue::new(3);
    for n in 0..5 {
        queue.message(message(&n.to_string()));
    }
    assert_eq!(told(&mut queue), ["-2", "2", "3", "4"]);
    for n in 5..9 {
        queue.message(message(&n.to_string()));
        if n == 6 {
            assert!(matches!(queue.next(), Some(LiveEvent::Message(_))));
        }
    }
    assert_eq!(told(&mut queue), ["6", "7", "8"], "there was room");
}

#[test]
fn bytes_are_bounded_as_well() {
    let mut queue = Queue::new(100_000);
    let large = "x".repeat(MAX_BATCH_BYTES / 4);
    for _ in 0..10 {
        queue.message(message(&large));
    }
    assert!(queue.bytes <= MAX_BATCH_BYTES, "{}", queue.bytes);
    assert_eq!(told(&mut queue)[0], "-7");
}

#[test]
fn bytes_that_are_no_message_take_a_place() {
    let mut queue = Queue::new(2);
    let error = || Error::new(glmsg_core::ErrorKind::Codec, "not of ours");
    let topic = || TopicName::new("t").unwrap();
    queue.undecodable(topic(), error());
    queue.message(message("a"));
    queue.undecodable(topic(), error());
    assert_eq!(told(&mut queue), ["-1", "a", "?t"]);
}

#[test]
fn an_outage_stands_where_it_was() {
    let mut queue = Queue::new(10);
    queue.message(message("a"));
    queue.interrupted();
    queue.resumed();
    queue.message(message("b"));
    queue.interrupted();
    assert_eq!(told(&mut queue), ["a", "off", "on", "b", "off"]);
    queue.resumed();
    assert_eq!(told(&mut queue), ["on"]);
}

#[test]
fn a_connection_that_flaps_fills_nothing() {
    let mut queue = Queue::new(10);
    for _ in 0..1000 {
        queue.interrupted();
        queue.resumed();
    }
    assert_eq!(queue.waiting.len(), 1);
    queue.interrupted();
    assert_eq!(told(&mut queue), ["off"], "it is off, and was told once");
    queue.resumed();
    queue.interrupted();
    assert_eq!(told(&mut queue), [""; 0], "still off");
    queue.resumed();
    assert_eq!(told(&mut queue), ["on"]);
}

#[test]
fn an_outage_outlives_the_messages_around_it() {
    let mut queue = Queue::new(1);
    for n in 0..100 {
        queue.message(message(&n.to_string()));
        queue.interrupted();
        queue.resumed();
    }
    queue.message(message("last"));
    assert!(queue.waiting.len() <= 3, "{}", queue.waiting.len());
    assert_eq!(told(&mut queue), ["-100", "off", "on", "last"]);
}

//! A backend may skip the look for a duplicate only where there can be none.

use glmsg_core::{Message, limits, wire};

use crate::sample::{ID, MAX};

fn fresh() -> Message {
    Message::new("flights", "DTW-LAS").unwrap()
}

#[test]
fn of_all_clones_one_publish_is_the_first() {
    let message = fresh();
    let clone = message.clone();
    assert!(!message.is_first_publish_under_way());
    let first = clone.claim_first_publish().unwrap();
    assert!(message.claim_first_publish().is_none());
    assert!(
        message.is_first_publish_under_way(),
        "who asks ends nothing"
    );
    // Encoding it is a part of publishing it.
    drop(wire::encode(&message));
    assert!(message.is_first_publish_under_way());
    drop(first);
    assert!(!message.is_first_publish_under_way());
    assert!(clone.claim_first_publish().is_none());
}

#[test]
fn an_id_that_was_given_may_have_been_published_before() {
    let message = Message::builder("flights").id(ID.parse().unwrap());
    assert!(message.build().unwrap().claim_first_publish().is_none());
}

#[test]
fn an_id_may_be_known_to_be_unpublished() {
    let given = || Message::builder("flights").id(ID.parse().unwrap());
    let message = given().unpublished_id(ID.parse().unwrap()).build().unwrap();
    assert_eq!(message.id().to_string(), ID);
    assert!(message.claim_first_publish().is_some());
    assert!(message.claim_first_publish().is_none());
    let message = given().new_id().build().unwrap();
    assert_ne!(message.id().to_string(), ID);
    assert!(message.claim_first_publish().is_some());
}

#[test]
fn a_form_that_left_may_have_been_published_before() {
    for leave in [
        |m: &Message| drop(wire::encode(m)),
        |m: &Message| wire::encode_into(m, &mut Vec::new()),
        |m: &Message| drop(m.to_json()),
        |m: &Message| drop(m.to_cloudevent("source", "type").unwrap()),
        |m: &Message| drop(m.to_builder()),
    ] {
        let message = fresh();
        leave(&message);
        assert!(message.claim_first_publish().is_none());
    }
}

#[test]
fn what_was_received_or_copied_was_published_before() {
    let message = fresh();
    let copy = message.to_builder().build().unwrap();
    assert!(copy.claim_first_publish().is_none());
    let received = wire::decode(&wire::encode(&message), MAX).unwrap();
    assert!(received.claim_first_publish().is_none());
}

#[test]
fn an_envelope_has_the_length_that_was_told() {
    for payload in [0, 1, 255, 70_000] {
        let message = Message::new("flights", vec![7; payload]).unwrap();
        let len = wire::encoded_len(&message);
        assert_eq!(wire::encode(&message).len(), len);
        assert!(len <= limits::max_envelope(payload));
    }
}

#[test]
fn the_first_publish_passes_to_a_copy_in_another_trace() {
    const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let message = fresh();
    let first = message.claim_first_publish().unwrap();
    let copy = first.with_traceparent(TRACE).unwrap();
    assert_eq!(copy.traceparent(), Some(TRACE));
    assert!(copy.claim_first_publish().is_some(), "it is the copy's");
    assert!(message.is_first_publish_under_way(), "others still wait");
    drop(first);
    let again = message.with_traceparent(TRACE).unwrap();
    assert!(
        again.claim_first_publish().is_none(),
        "it has been published"
    );
}

#[test]
fn another_trace_leaves_the_provenance() {
    let sent = fresh();
    let envelope = wire::encode(&sent);
    let received = wire::decode(&envelope, MAX).unwrap();
    let copy = received
        .with_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")
        .unwrap();
    assert_eq!(copy.provenance(), sent.provenance());
    assert!(copy.verify().is_ok());
    assert!(received.with_traceparent("00-0-0-00").is_err());
}

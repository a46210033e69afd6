//! Messages as CloudEvents and back.

use glmsg_core::{ContentType, ErrorKind, ManualClock, Message, MessageId, Timestamp, TopicName};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::sample::{any_message, full};

fn topic(name: &str) -> TopicName {
    TopicName::new(name).unwrap()
}

fn event_of(message: &Message) -> Value {
    let event = message.to_cloudevent("/tower/1", "flight.landed").unwrap();
    serde_json::from_str(&event).unwrap()
}

fn read(event: &Value) -> glmsg_core::Result<Message> {
    Message::from_cloudevent(event.to_string().as_bytes(), topic("t"))
}

#[test]
fn the_mapping_is_as_documented() {
    let message = full().header("ce-subject", "DTW").build().unwrap();
    let expected = json!({
        "specversion": "1.0",
        "id": "0190a5c8-7b1e-7cc3-98c4-dc0c0c07398f",
        "source": "/tower/1",
        "type": "flight.landed",
        "subject": "DTW",
        "time": "2026-01-01T00:00:00.123456Z",
        "datacontenttype": "application/json",
        "data": {"from": "DTW"},
        "partitionkey": "DTW",
        "correlationid": "order-7",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "glmsgid": "0190a5c8-7b1e-7cc3-98c4-dc0c0c07398f",
        "glmsgtopic": "flights.eu",
        "glmsgpriority": "high",
        "glmsgreplyto": "replies",
        "glmsgttlms": "3600000",
        "glmsgdeliverat": "2026-01-01T00:01:40Z",
        "glmsgmaxretries": 5,
        "glmsgheaders": r#"{"app":"tower","tenant":"acme"}"#,
        "glmsgprovenance": message.provenance().to_string(),
    });
    assert_eq!(event_of(&message), expected);
    let allowed = |n: &String| n == "data" || n.chars().all(|c| c.is_ascii_lowercase());
    let names = expected.as_object().unwrap().keys();
    assert!(
        names.clone().all(|n| allowed(n) && n.len() <= 20),
        "{names:?}"
    );
    let back = Message::from_cloudevent(expected.to_string().as_bytes(), topic("flights.eu"));
    assert_eq!(back.unwrap(), message);
}

#[test]
fn for_another_topic_the_claim_does_not_hold() {
    let event = event_of(&full().build().unwrap());
    let moved = read(&event).unwrap();
    assert_eq!(moved.topic().as_str(), "t");
    assert!(moved.verify().is_err());
    moved.to_builder().build().unwrap().verify().unwrap();
}

#[test]
fn an_event_from_elsewhere() {
    let event = json!({
        "specversion": "1.0", "type": "com.example.someevent", "source": "/mycontext",
        "subject": null, "id": "A234-1234-1234", "time": "2018-04-05T17:31:00+02:00",
        "comexampleextension1": "value", "comexampleothervalue": 5, "flag": true,
        "datacontenttype": "text/xml", "data": "<much wow=\"xml\"/>",
    });
    let message = read(&event).unwrap();
    assert_eq!(
        message.id().to_string(),
        "9d9ce6d4-188d-8341-bb74-10a94c6b2fba"
    );
    assert_eq!(message.created_at().to_string(), "2018-04-05T15:31:00Z");
    assert_eq!(message.payload(), "<much wow=\"xml\"/>");
    let headers: Vec<_> = message.headers().iter().collect();
    let expected = [
        ("ce-comexampleextension1", "value"),
        ("ce-comexampleothervalue", "5"),
        ("ce-flag", "true"),
        ("ce-id", "A234-1234-1234"),
        ("ce-source", "/mycontext"),
        ("ce-type", "com.example.someevent"),
    ];
    assert_eq!(headers, expected);
    message.verify().unwrap();
    assert_eq!(read(&event).unwrap(), message);

    // It goes out as it came, and comes back the same.
    let again = event_of(&message);
    for name in [
        "id",
        "source",
        "type",
        "comexampleextension1",
        "data",
        "datacontenttype",
    ] {
        assert_eq!(again[name], event[name], "{name}");
    }
    assert_eq!(again["comexampleothervalue"], "5");
    assert_eq!(read(&again).unwrap(), message);
}

#[test]
fn ids_from_elsewhere() {
    let event = |id: &str, source: &str| {
        let event = json!({"specversion": "1.0", "type": "x", "source": source, "id": id});
        read(&event).unwrap()
    };
    let uuid = "7b1ec9a0-0a3f-4b5e-9d3c-000000000001";
    assert_eq!(event(uuid, "/a").id().to_string(), uuid);
    assert_eq!(event(uuid, "/a").header("ce-id"), None);
    // Another spelling is another id to CloudEvents, so it is kept.
    assert_eq!(
        event(&uuid.to_uppercase(), "/a").header("ce-id").unwrap(),
        uuid.to_uppercase()
    );
    let ids: [MessageId; 4] =
        [("1", "/a"), ("1", "/b"), ("2", "/a"), ("a", "/")].map(|(i, s)| event(i, s).id());
    assert!(ids.iter().enumerate().all(|(n, id)| !ids[..n].contains(id)));
    assert_ne!(event("1", "/a1").id(), event("11", "/a").id());
}

#[test]
fn data_in_all_its_forms() {
    let clock = ManualClock::new(Timestamp::from_micros(7));
    let read = |data: &str| {
        let event = format!(r#"{{"specversion":"1.0","type":"x","source":"/","id":"1"{data}}}"#);
        Message::from_cloudevent_at(event.as_bytes(), topic("t"), &clock)
    };
    let none = read("").unwrap();
    assert_eq!(
        (none.payload().len(), none.content_type()),
        (0, &ContentType::BYTES)
    );
    assert_eq!(none.created_at(), Timestamp::from_micros(7));
    let null = read(r#","data":null"#).unwrap();
    assert_eq!(
        (null.payload(), null.content_type()),
        (&"null".into(), &ContentType::JSON)
    );
    assert_eq!(
        read(r#","data":{"b":1.0, "a":2}"#).unwrap().payload(),
        "{\"b\":1.0, \"a\":2}"
    );
    let text = read(r#","datacontenttype":"text/plain","data":"x\n""#).unwrap();
    assert_eq!(text.payload(), "x\n");
    let bytes = read(r#","datacontenttype":"application/json","data_base64":"WyAxXQ==""#).unwrap();
    assert_eq!(bytes.payload(), "[ 1]");
    for wrong in [
        r#","data":1,"data_base64":"MQ==""#,
        r#","data_base64":"***""#,
        r#","datacontenttype":"text/plain","data":1"#,
        r#","data":[[["#,
    ] {
        assert_eq!(read(wrong).unwrap_err().kind(), ErrorKind::Codec, "{wrong}");
    }
}

#[test]
fn wrong_attributes_are_named() {
    let cases: [(&str, Value, &str); 18] = [
        ("specversion", json!("0.3"), "only 1.0"),
        ("specversion", Value::Null, "missing"),
        ("id", json!(""), "empty"),
        ("id", json!("a\nb"), "control"),
        ("source", Value::Null, "missing"),
        ("type", json!(1), "no string"),
        ("time", json!("yesterday"), "RFC 3339"),
        ("datacontenttype", json!("x"), "media type"),
        ("traceparent", json!("x"), "W3C"),
        ("correlationid", json!("x".repeat(129)), "128"),
        ("partitionkey", json!("x".repeat(1025)), "1024"),
        ("glmsgkey", json!("/w=="), "UTF-8"),
        ("glmsgmaxretries", json!(1001), "whole number"),
        ("glmsgheaders", json!("[]"), "expected an object"),
        ("glmsgheaders", json!("{\"a b\":\"\"}"), "visible ASCII"),
        ("glmsgprovenance", json!("x"), "not a provenance"),
        ("Odd-name", json!("x"), "a-z and 0-9"),
        ("nested", json!({"a": 1}), "a string, a number"),
    ];
    for (name, value, why) in cases {
        let mut event = json!({"specversion": "1.0", "type": "x", "source": "/", "id": "1"});
        event[name] = value;
        let err = read(&event).unwrap_err();
        assert_eq!(err.context("attribute"), Some(name), "{err}");
        assert!(err.to_string().contains(why), "{err}");
    }
    let message = full().build().unwrap();
    for (source, event_type, name) in [("", "x", "source"), ("/", "a\n", "type")] {
        let err = message.to_cloudevent(source, event_type).unwrap_err();
        assert_eq!(
            (err.kind(), err.context("attribute")),
            (ErrorKind::InvalidArgument, Some(name))
        );
    }
    let far = full().created_at(Timestamp::MAX).build().unwrap();
    let err = far.to_cloudevent("/", "x").unwrap_err();
    assert_eq!(
        (err.kind(), err.context("attribute")),
        (ErrorKind::InvalidArgument, Some("time"))
    );
}

/// The attributes of an event in binary mode.
fn attributes_of(message: &Message) -> Vec<(String, String)> {
    let mut attributes = Vec::new();
    let put = |name: &str, value: &str| attributes.push((name.to_owned(), value.to_owned()));
    let outcome = message.to_cloudevent_attributes("/tower/1", "flight.landed", put);
    outcome.unwrap();
    attributes
}

fn read_beside(attributes: &[(&str, &str)], data: &'static [u8]) -> glmsg_core::Result<Message> {
    let clock = ManualClock::new(Timestamp::from_micros(9));
    let attributes = attributes.iter().copied();
    Message::from_cloudevent_attributes(attributes, data.into(), topic("t"), &clock)
}

#[test]
fn binary_mode_has_the_same_attributes() {
    let message = full().header("ce-subject", "DTW").build().unwrap();
    let Value::Object(mut structured) = event_of(&message) else {
        panic!("an event is an object");
    };
    structured.remove("data");
    structured["glmsgmaxretries"] = json!("5");
    let binary = attributes_of(&message).into_iter();
    let binary: serde_json::Map<_, _> = binary.map(|(name, v)| (name, v.into())).collect();
    assert_eq!(binary, structured);
}

#[test]
fn an_event_of_others_in_binary_mode() {
    let event = [
        ("specversion", "1.0"),
        ("id", "A234-1234-1234"),
        ("source", "/mycontext"),
        ("type", "com.example.someevent"),
        ("subject", "null"),
        ("data", "x"),
    ];
    let message = read_beside(&event, b"{}").unwrap();
    assert_eq!(
        message.id().to_string(),
        "9d9ce6d4-188d-8341-bb74-10a94c6b2fba"
    );
    assert_eq!(message.header("ce-subject"), Some("null"));
    assert_eq!(message.header("ce-data"), Some("x"));
    assert_eq!(message.payload(), "{}");
    assert_eq!(*message.content_type(), ContentType::BYTES);
    assert_eq!(message.created_at(), Timestamp::from_micros(9));

    let twice = [event.as_slice(), &[("subject", "y")]].concat();
    let err = read_beside(&twice, b"").unwrap_err();
    assert!(err.to_string().contains("twice"), "{err}");
    let err = read_beside(&[("specversion", "0.3")], b"").unwrap_err();
    assert_eq!(err.context("attribute"), Some("specversion"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn any_message_comes_back(message in any_message()) {
        let builder = message.to_builder().created_at(Timestamp::from_micros(message.created_at().as_micros() >> 16));
        let builder = match message.schedule() {
            glmsg_core::Schedule::At(at) => builder.deliver_at(Timestamp::from_micros(at.as_micros() >> 16)),
            _ => builder,
        };
        let message = builder.build().unwrap();
        let event = message.to_cloudevent("/tower", "x").unwrap();
        let back = Message::from_cloudevent(event.as_bytes(), message.topic().clone()).unwrap();
        prop_assert!(back.verify().is_ok());
        prop_assert_eq!(&back, &message);

        let attributes = attributes_of(&message);
        let attributes = attributes.iter().map(|(name, value)| (&**name, &**value));
        let back = Message::from_cloudevent_attributes(
            attributes,
            message.payload().clone(),
            message.topic().clone(),
            &glmsg_core::SystemClock,
        );
        let back = back.unwrap();
        prop_assert!(back.verify().is_ok());
        prop_assert_eq!(back, message);
    }
}

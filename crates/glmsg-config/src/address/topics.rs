//! What topics and messages add to an address.

use super::BrokerUrl;
use super::query::Query;
use crate::fault::{Faults, refused};
use crate::given::Given;

/// A key, and what it is called in the addresses of the backends that have it.
struct Named {
    key: &'static str,
    memory: Option<&'static str>,
    sqlite: Option<&'static str>,
    redis: Option<&'static str>,
    kafka: Option<&'static str>,
}

/// A key that all backends call the same.
fn everywhere(key: &'static str, name: &'static str) -> Named {
    Named {
        key,
        memory: Some(name),
        sqlite: Some(name),
        redis: Some(name),
        kafka: Some(name),
    }
}

fn named() -> [Named; 7] {
    [
        Named {
            kafka: None,
            ..everywhere("topic.max_len", "max_len")
        },
        Named {
            memory: Some("max_age"),
            ..everywhere("topic.max_age_s", "max_age_s")
        },
        Named {
            memory: Some("dead_letter_age"),
            ..everywhere("topic.dead_letter_age_s", "dead_letter_age_s")
        },
        Named {
            kafka: None,
            ..everywhere("topic.overflow", "overflow")
        },
        Named {
            memory: None,
            sqlite: None,
            kafka: None,
            ..everywhere("topic.frames", "frames")
        },
        Named {
            memory: None,
            sqlite: None,
            kafka: None,
            ..everywhere("topic.frame_delay_ms", "frame_delay_ms")
        },
        everywhere("message.max_payload", "max_payload"),
    ]
}

/// Adds them, where the address does not say so itself.
pub(super) fn add(url: &BrokerUrl, given: &Given, faults: &mut Faults) -> BrokerUrl {
    let section = url.section();
    let mut query = Query::default();
    for named in named() {
        let Some(assigned) = given.get(named.key) else {
            continue;
        };
        let name = match section {
            "redis" => named.redis,
            "kafka" => named.kafka,
            "sqlite" => named.sqlite,
            _ => named.memory,
        };
        let Some(name) = name else {
            if is_default(named.key, &assigned.value.to_string()) {
                continue;
            }
            let what = format!("{} has no effect on {section}", named.key);
            let error = refused(what, &assigned.origin);
            faults.add(error.remedy("take it out, or use a broker that has it"));
            continue;
        };
        if url.pairs().any(|(said, _)| said == name) {
            continue;
        }
        // The broker in memory takes ages with their unit.
        let is_age = matches!(name, "max_age" | "dead_letter_age");
        match is_age {
            true => query.push(name, format!("{}s", assigned.value)),
            false => query.push(name, &assigned.value),
        }
    }
    if let Some(delay) = given.get("topic.frame_delay_ms")
        && given.get("topic.frames").is_none()
        && !given.is_doubtful(&["topic.frames"])
        && !url.pairs().any(|(said, _)| said == "frames")
    {
        let what = "topic.frame_delay_ms is there without topic.frames";
        faults.add(refused(what, &delay.origin).remedy("set topic.frames, too"));
    }
    if section == "kafka"
        && given.text("profile") == Some("production")
        && !url.pairs().any(|(said, _)| said == "profile")
    {
        query.push("profile", "production");
    }
    let mut whole = url.reveal().to_owned();
    query.write_to(&mut whole);
    BrokerUrl::new(whole)
}

/// Whether a value only says what is so anyway.
fn is_default(key: &str, value: &str) -> bool {
    crate::schema::key(key).and_then(crate::Key::default_text) == Some(value)
}

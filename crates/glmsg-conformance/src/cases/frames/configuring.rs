//! The option.

use std::time::Duration;

use glmsg_broker::{Frames, Ordering, TopicConfig};
use glmsg_core::ErrorKind;

use super::frame;
use crate::Fixture;
use crate::member::{Member, options, received_ids};
use crate::messages::{build, builder, error_kind, store, topic};

/// An operator sees whether a topic has frames, and can give them to it and take them away.
pub async fn the_option_is_kept_and_can_be_changed<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let frames = Frames::default().max_messages(7);
    let frames = frames.max_delay(Duration::from_micros(2500));
    let framed = TopicConfig::default().frames(frames);
    for config in [framed.clone(), TopicConfig::default(), framed] {
        let made = broker.create_topic(&topic(), &config).await;
        made.expect("a topic with these bounds");
        let listed = f.broker().await.topics().await.expect("a list");
        assert_eq!(listed[0].config, config);
    }
}

/// Frames that make no sense are refused, and the topic is not created.
pub async fn impossible_frames_are_refused<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let frames = Frames::default();
    let hostile = [
        frames.max_messages(0),
        frames.max_messages(1),
        frames.max_messages(1001),
        frames.max_delay(Duration::from_millis(101)),
    ];
    for frames in hostile {
        let config = TopicConfig::default().frames(frames);
        let kind = error_kind("it", broker.create_topic(&topic(), &config).await);
        assert_eq!(kind, ErrorKind::ConfigInvalid, "{frames:?}");
    }
    assert_eq!(broker.topics().await.expect("a list"), []);
}

/// A group that keeps the order of keys keeps it on a topic with frames, too, or the two are
/// refused together, whichever comes second.
///
/// Promise 9
pub async fn order_by_key_is_kept_or_refused<F: Fixture>(f: F) {
    let broker = f.broker().await;
    frame(&broker, TopicConfig::default()).await;
    let by_key = options("g").ordering(Ordering::PerKey);
    let messages = ["1", "2", "3"].map(|payload| build(builder(payload).key("k")));
    match broker.open_source(&by_key).await {
        Ok(_) => {
            store(&broker, &messages).await;
            let mut member = Member::join_with(&broker, &by_key).await;
            for message in &messages {
                let got = member.recv(3).await.expect("receiving works");
                assert_eq!(received_ids(&got), [message.id()], "one at a time");
                member.ack_all(&got).await;
            }
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
            let single = TopicConfig::default();
            let changed = broker.create_topic(&topic(), &single).await;
            changed.expect("the topic without frames");
            let _member = Member::join_with(&broker, &by_key).await;
            let framed = single.frames(Frames::default());
            let again = broker.create_topic(&topic(), &framed).await;
            assert_eq!(error_kind("frames", again), ErrorKind::Conflict);
            let listed = broker.topics().await.expect("a list");
            assert_eq!(listed[0].config.frames, None, "nothing has changed");
        }
    }
}

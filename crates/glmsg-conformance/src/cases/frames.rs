//! Frames: messages that are stored together are still each on their own.

use std::time::Duration;

use glmsg_broker::{Frames, TopicConfig};
use glmsg_core::ErrorKind;

use crate::messages::{error_kind, topic};
use crate::{Case, Fixture};

#[doc(hidden)]
#[macro_export]
macro_rules! frames_cases {
    ($then:ident $($args:tt)*) => {
        $crate::$then! { frames ["frames.rs"] [
            the_option_is_kept_and_can_be_changed (Frames),
            impossible_frames_are_refused (Frames),
        ] $($args)* }
    };
}

pub(crate) fn all<F: Fixture>() -> Vec<Case<F>> {
    frames_cases!(__list)
}

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

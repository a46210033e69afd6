//! The bounds of new topics.

use std::time::Duration;

use glmsg_broker::{Frames, Overflow, TopicConfig};
use glmsg_core::Result;

use crate::given::Given;

pub(super) fn config(given: &Given) -> Result<TopicConfig> {
    let mut topic = TopicConfig::default();
    if let Some(messages) = given.whole("topic.max_len") {
        topic = topic.max_len(messages);
    }
    if let Some(seconds) = given.whole("topic.max_age_s") {
        topic = topic.max_age(Duration::from_secs(seconds));
    }
    if let Some(seconds) = given.whole("topic.dead_letter_age_s") {
        topic = topic.dead_letter_age(Duration::from_secs(seconds));
    }
    if given.text("topic.overflow") == Some("drop-oldest") {
        topic = topic.overflow(Overflow::DropOldest);
    }
    if let Some(messages) = given.whole("topic.frames") {
        let mut frames = Frames::default();
        if let Ok(messages) = u32::try_from(messages) {
            frames = frames.max_messages(messages);
        }
        if let Some(millis) = given.whole("topic.frame_delay_ms") {
            frames = frames.max_delay(Duration::from_millis(millis));
        }
        topic = topic.frames(frames);
    }
    topic.check()?;
    Ok(topic)
}

//! What happens to the data behind the broker's back.

use std::fmt;

use glmsg_core::{GroupName, TopicName};

/// Something that should not have happened to the data, such as a server that came back without
/// it. It is also logged as a warning.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedisEvent {
    /// A topic that was there is gone from the server, with its messages, and was not deleted by
    /// glmsg: a flush, an eviction, a failover to an empty replica. It was made anew. Which of its
    /// messages this broker had published lately [`MessagesLost`](Self::MessagesLost) counts.
    TopicLost {
        /// Which.
        topic: TopicName,
    },
    /// A group was lost, or its place in one of the topic's streams. It was made anew at the oldest
    /// message kept.
    GroupLost {
        /// Of which topic.
        topic: TopicName,
        /// Which.
        group: GroupName,
    },
    /// Messages that this broker was told are stored are not there, and nobody dropped them: the
    /// server was killed before its disk had them, or another took its place before a replica had
    /// them, or they were flushed.
    MessagesLost {
        /// Of which topic.
        topic: TopicName,
        /// How many.
        lost: u64,
        /// How many of these were stored again, behind whatever was stored since.
        stored_again: u64,
    },
}

impl fmt::Display for RedisEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TopicLost { topic } => write!(f, "topic {topic} was lost and made anew"),
            Self::GroupLost { topic, group } => {
                write!(f, "group {group} of topic {topic} was lost and made anew")
            }
            Self::MessagesLost {
                topic,
                lost,
                stored_again,
            } => write!(
                f,
                "{lost} acknowledged messages of topic {topic} were lost, {stored_again} of them \
                 were stored again"
            ),
        }
    }
}

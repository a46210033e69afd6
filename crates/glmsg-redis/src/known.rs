//! What is kept of a topic in this process.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use glmsg_core::TopicName;

use crate::combine::Combiner;
use crate::frame::Packing;
use crate::keys::TopicKeys;
use crate::room::Room;

/// What is kept of a topic in this process.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) topic: TopicName,
    pub(crate) keys: Arc<TopicKeys>,
    pub(crate) combiner: Combiner,
    pub(crate) room: Room,
    pub(crate) packing: Packing,
    /// Something was stored in it: if it is absent, it was deleted or lost.
    pub(crate) was_there: AtomicBool,
    /// The beginning of the command that stores a message, up to the envelope's length.
    pub(crate) add: Vec<u8>,
    /// The same for a frame.
    pub(crate) add_frame: Vec<u8>,
}

impl Known {
    pub(crate) fn new(namespace: &str, topic: &TopicName) -> Self {
        let keys = TopicKeys::new(namespace, topic);
        let lane = keys.lane(1);
        let len = lane.len();
        let add = |field: char| {
            let to = format!("*6\r\n$4\r\nXADD\r\n${len}\r\n{lane}\r\n$10\r\nNOMKSTREAM\r\n");
            format!("{to}$1\r\n*\r\n$1\r\n{field}\r\n$").into_bytes()
        };
        Self {
            topic: topic.clone(),
            add: add('d'),
            add_frame: add('f'),
            keys: Arc::new(keys),
            combiner: Combiner::default(),
            room: Room::default(),
            packing: Packing::default(),
            was_there: AtomicBool::new(false),
        }
    }
}

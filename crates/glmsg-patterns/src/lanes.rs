//! The lanes of a gate, by topic.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use glmsg_core::TopicName;

use crate::gate::Gate;

/// One lane of a gate for each topic.
#[derive(Debug)]
pub(crate) struct Lanes {
    gate: Arc<Gate>,
    open: Mutex<HashMap<TopicName, u64>>,
}

impl Lanes {
    pub(crate) fn new(gate: Arc<Gate>) -> Self {
        Self {
            gate,
            open: Mutex::default(),
        }
    }

    pub(crate) fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// The lane of a topic that has none.
    pub(crate) fn open(&self, topic: &TopicName, share: u32) -> u64 {
        let lane = self.gate.open_lane(share);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.insert(topic.clone(), lane);
        lane
    }

    pub(crate) fn close(&self, topic: &TopicName) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = open.remove(topic) {
            self.gate.close_lane(lane);
        }
    }
}

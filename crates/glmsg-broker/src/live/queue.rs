//! What waits for a listener: bounded, and exact about what was dropped.

use std::collections::VecDeque;

use glmsg_core::limits::MAX_BATCH_BYTES;
use glmsg_core::{Error, Message, TopicName};

use super::LiveEvent;

/// What a message takes beside its payload, about.
const ENVELOPE: usize = 512;

/// What waits for a listener. The oldest go first: who watches live wants to see what is now.
#[derive(Debug)]
pub(super) struct Queue {
    most: usize,
    waiting: VecDeque<Waiting>,
    /// How many of them are messages, or should be.
    messages: usize,
    /// What they take.
    bytes: usize,
    /// How many were dropped before the first that waits.
    missed: u64,
}

#[derive(Debug)]
enum Waiting {
    Heard {
        event: LiveEvent,
        bytes: usize,
    },
    /// The connection failed or came back, perhaps several times: what to tell of it in sum. Two
    /// of them never stand side by side, or a connection that flaps would fill the memory.
    Outage(Outage),
}

#[derive(Debug, Default, Clone, Copy)]
struct Outage {
    interrupted: bool,
    resumed: bool,
}

impl Outage {
    fn interrupt(&mut self) {
        // One that is over and begins again goes on.
        self.interrupted |= !self.resumed;
        self.resumed = false;
    }

    fn resume(&mut self) {
        self.resumed = true;
    }

    fn then(&mut self, later: Self) {
        if later.interrupted {
            self.interrupt();
        }
        if later.resumed {
            self.resume();
        }
    }
}

impl Queue {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            waiting: VecDeque::new(),
            messages: 0,
            bytes: 0,
            missed: 0,
        }
    }

    pub(super) fn message(&mut self, message: Message) {
        let bytes = message.payload().len() + ENVELOPE;
        self.hear(LiveEvent::Message(message), bytes);
    }

    pub(super) fn undecodable(&mut self, topic: TopicName, error: Error) {
        self.hear(LiveEvent::Undecodable { topic, error }, ENVELOPE);
    }

    pub(super) fn interrupted(&mut self) {
        self.mark(Outage::interrupt);
    }

    pub(super) fn resumed(&mut self) {
        self.mark(Outage::resume);
    }

    fn mark(&mut self, change: fn(&mut Outage)) {
        if let Some(Waiting::Outage(outage)) = self.waiting.back_mut() {
            return change(outage);
        }
        let mut outage = Outage::default();
        change(&mut outage);
        self.waiting.push_back(Waiting::Outage(outage));
    }

    fn hear(&mut self, event: LiveEvent, bytes: usize) {
        while self.messages > 0
            && (self.messages >= self.most || self.bytes + bytes > MAX_BATCH_BYTES)
        {
            self.drop_oldest();
        }
        self.messages += 1;
        self.bytes += bytes;
        self.waiting.push_back(Waiting::Heard { event, bytes });
    }

    fn drop_oldest(&mut self) {
        let at = usize::from(matches!(self.waiting.front(), Some(Waiting::Outage(_))));
        if let Some(Waiting::Heard { bytes, .. }) = self.waiting.remove(at) {
            self.messages -= 1;
            self.bytes -= bytes;
            self.missed += 1;
        }
        if at == 1
            && let Some(Waiting::Outage(later)) = self.waiting.get(1)
        {
            let later = *later;
            self.waiting.remove(1);
            if let Some(Waiting::Outage(first)) = self.waiting.front_mut() {
                first.then(later);
            }
        }
    }

    /// The next to be told.
    pub(super) fn next(&mut self) -> Option<LiveEvent> {
        if self.missed > 0 {
            return Some(LiveEvent::Missed(std::mem::take(&mut self.missed)));
        }
        loop {
            match self.waiting.front_mut()? {
                Waiting::Outage(outage) if outage.interrupted => {
                    outage.interrupted = false;
                    return Some(LiveEvent::Interrupted);
                }
                Waiting::Outage(outage) if outage.resumed => {
                    outage.resumed = false;
                    return Some(LiveEvent::Resumed);
                }
                Waiting::Outage(_) => {
                    self.waiting.pop_front();
                }
                Waiting::Heard { .. } => {
                    let Some(Waiting::Heard { event, bytes }) = self.waiting.pop_front() else {
                        return None;
                    };
                    self.messages -= 1;
                    self.bytes -= bytes;
                    return Some(event);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;

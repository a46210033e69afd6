//! Writing what a consumer of one group does.

use super::{Settlement, What, Writer, now_ns};

/// What is known about a delivery when it is received.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// Which delivery of the message this is for the group, from 1.
    pub attempt: u32,
    /// How long it is the receiver's alone, in ms; 0 if there is no lease.
    pub lease_ms: u64,
    /// Where the message is stored, if the backend tells and a retry does not move it.
    ///
    /// The checker takes two positions of one id for two stored copies, so leave it out where that is no fault.
    pub position: Option<String>,
}

/// A [`Writer`] for the steps of one consumer group.
#[derive(Debug, Clone)]
pub struct GroupWriter {
    writer: Writer,
    group: String,
}

impl GroupWriter {
    pub(super) fn new(writer: Writer, group: &str) -> Self {
        let group = group.to_owned();
        Self { writer, group }
    }

    /// Records [`What::Recv`]; call it before anything is done with the message.
    pub fn recv(&self, id: &str, received: Received) {
        let Received {
            attempt,
            lease_ms,
            position,
        } = received;
        self.writer.record(What::Recv {
            id: id.to_owned(),
            group: self.group.clone(),
            attempt,
            lease_ms,
            position,
        });
    }

    /// Records [`What::Extend`]; call it when the renewal was answered.
    pub fn extend(&self, id: &str, lease_ms: u64) {
        self.writer.record(What::Extend {
            id: id.to_owned(),
            group: self.group.clone(),
            lease_ms,
        });
    }

    /// Records [`What::Done`]; call it when the handler has finished, before the acknowledgement.
    pub fn done(&self, id: &str) {
        self.writer.record(What::Done {
            id: id.to_owned(),
            group: self.group.clone(),
        });
    }

    /// Notes that the call which settles a delivery begins now.
    ///
    /// The checker needs the beginning: an acknowledgement that was answered late may have been accepted in time.
    pub fn settling(&self, id: &str) -> Settling<'_> {
        Settling {
            group: self,
            id: id.to_owned(),
            called: now_ns(),
        }
    }

    /// Records [`What::Dead`].
    pub fn dead(&self, id: &str, reason: &str) {
        self.writer.record(What::Dead {
            id: id.to_owned(),
            group: self.group.clone(),
            reason: reason.to_owned(),
        });
    }

    /// Records [`What::Redrive`]; call it before the redrive itself.
    pub fn redrive(&self, id: &str) {
        self.writer.record(What::Redrive {
            id: id.to_owned(),
            group: self.group.clone(),
        });
    }
}

/// A call that settles a delivery and has not been answered yet. One that is dropped is not in the ledger.
#[derive(Debug)]
#[must_use = "record what came of it"]
pub struct Settling<'a> {
    group: &'a GroupWriter,
    id: String,
    called: u64,
}

impl Settling<'_> {
    /// Records [`What::Ack`].
    pub fn ack(self, result: Settlement) {
        let (group, called) = (self.group.group.clone(), self.called);
        self.group.writer.record(What::Ack {
            id: self.id,
            group,
            called,
            result,
        });
    }

    /// Records [`What::Nack`].
    pub fn nack(self, result: Settlement) {
        let (group, called) = (self.group.group.clone(), self.called);
        self.group.writer.record(What::Nack {
            id: self.id,
            group,
            called,
            result,
        });
    }

    /// Records [`What::Release`].
    pub fn release(self, result: Settlement) {
        let (group, called) = (self.group.group.clone(), self.called);
        self.group.writer.record(What::Release {
            id: self.id,
            group,
            called,
            result,
        });
    }
}

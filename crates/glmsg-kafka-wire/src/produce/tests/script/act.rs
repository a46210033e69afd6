//! What a broker does with a request to store.

use tokio::sync::oneshot;

/// What a broker does with a request to store.
#[derive(Debug)]
pub(in crate::produce::tests) enum Act {
    /// What Kafka does.
    Store,
    /// The same with each batch.
    Each(Say),
    /// This with these partitions, and with the others what Kafka does.
    With(Vec<(i32, Say)>),
    /// Hangs up instead of an answer.
    HangUp { stores: bool },
    /// Never answers.
    KeepSilent { stores: bool },
    /// Waits until a test goes on.
    Wait(oneshot::Receiver<()>, Box<Act>),
}

/// What a broker does with a batch, and says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::produce::tests) enum Say {
    /// What Kafka does.
    Store,
    /// Says this code, and does not store it.
    Code(i16),
    /// Says this code, and stores it all the same.
    CodeButStore(i16),
    /// Leaves it out of the answer.
    Nothing { stores: bool },
    /// Stores it, and does not say where.
    Nowhere,
}

/// Keeps a broker from going on, until it is dropped.
pub(in crate::produce::tests) struct Gate(#[allow(dead_code)] oneshot::Sender<()>);

impl Gate {
    /// A gate, and what is done behind it.
    pub(in crate::produce::tests) fn before(act: Act) -> (Self, Act) {
        let (gate, opened) = oneshot::channel();
        (Self(gate), Act::Wait(opened, Box::new(act)))
    }
}

impl Say {
    pub(super) fn stores(self) -> bool {
        !matches!(self, Self::Code(_) | Self::Nothing { stores: false })
    }
}

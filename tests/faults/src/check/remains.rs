//! What a store holds when the case is over.

use std::collections::BTreeSet;

/// What is left for one group, as the case found it after everything was quiet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remains {
    /// Ids that were never delivered, or wait to be delivered again now.
    pub backlog: BTreeSet<String>,
    /// Ids that are delivered and not settled.
    pub pending: BTreeSet<String>,
    /// Ids that wait for a time: scheduled, or delayed by a nack.
    pub delayed: BTreeSet<String>,
    /// The dead letters, in the order and as often as they are listed; `None` if nobody looked.
    ///
    /// Give them whenever the backend can list them: only then are a lost dead letter and a second one found.
    pub dead: Option<Vec<DeadLetter>>,
    /// The same three numbers where the backend only counts.
    pub counted: Option<Counted>,
}

impl Remains {
    /// Nothing but these dead letters.
    pub fn dead(letters: impl IntoIterator<Item = DeadLetter>) -> Self {
        Self {
            dead: Some(letters.into_iter().collect()),
            ..Self::default()
        }
    }

    /// Whether the message is there to be delivered, now or later.
    pub(super) fn holds(&self, id: &str) -> bool {
        self.backlog.contains(id) || self.pending.contains(id) || self.delayed.contains(id)
    }

    /// How many dead letters have this id.
    pub(super) fn dead_letters(&self, id: &str) -> usize {
        let listed = self.dead.iter().flatten();
        listed.filter(|letter| letter.id == id).count()
    }
}

/// A dead letter as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The message.
    pub id: String,
    /// How many deliveries it says it had.
    pub attempts: u32,
}

/// How many messages are left, where their ids cannot be had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// See [`Remains::backlog`].
    pub backlog: u64,
    /// See [`Remains::pending`].
    pub pending: u64,
    /// See [`Remains::delayed`].
    pub delayed: u64,
}

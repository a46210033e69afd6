//! Where one message stands with one group.

use glmsg_core::{History, Timestamp};

/// The state of a message in a group, as the delivery model names them; dead is finished too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    New,
    Leased,
    Waiting,
    Finished,
}

/// Where one message stands with one group. There is one for each message between a group's
/// oldest unfinished one and its newest delivered one, so it is small.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// The deadline of a leased message, when a waiting one is due.
    pub(crate) time: Timestamp,
    /// Which delivery holds it; unique in the broker together with the place.
    pub(crate) fence: u64,
    /// What only some have.
    pub(crate) extra: Option<Box<Extra>>,
    /// Which member holds it.
    pub(crate) member: u32,
    /// How many deliveries were not released; at most 1001.
    pub(crate) attempts: u16,
    pub(crate) stage: Stage,
}

/// What a message has that has failed or come back.
#[derive(Debug, Default)]
pub(crate) struct Extra {
    pub(crate) history: History,
    /// Set by a redrive: the time to live counts anew.
    pub(crate) expires_at: Option<Timestamp>,
}

impl Delivery {
    pub(crate) const NEW: Self = Self {
        time: Timestamp::EPOCH,
        fence: 0,
        extra: None,
        member: 0,
        attempts: 0,
        stage: Stage::New,
    };

    /// A message that its group has got back for a new beginning.
    pub(crate) fn redriven(now: Timestamp, expires_at: Option<Timestamp>) -> Self {
        let extra = expires_at.map(|at| {
            Box::new(Extra {
                history: History::new(),
                expires_at: Some(at),
            })
        });
        Self {
            time: now,
            extra,
            stage: Stage::Waiting,
            ..Self::NEW
        }
    }

    pub(crate) fn history(&self) -> History {
        let extra = self.extra.as_ref();
        extra.map(|e| e.history.clone()).unwrap_or_default()
    }

    pub(crate) fn history_mut(&mut self) -> &mut History {
        &mut self.extra.get_or_insert_default().history
    }

    /// `true` if it will be delivered once its time has come.
    pub(crate) fn is_returnable(&self) -> bool {
        matches!(self.stage, Stage::Leased | Stage::Waiting)
    }
}

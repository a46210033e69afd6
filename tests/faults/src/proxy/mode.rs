//! What a proxy can do to its connections.

use std::fmt;
use std::time::Duration;

/// Which bytes a mode is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// What clients send.
    ToServer,
    /// What the server sends.
    ToClient,
    /// All.
    Both,
}

impl Direction {
    pub(super) fn covers(self, lane: Self) -> bool {
        self == Self::Both || self == lane
    }
}

/// What a proxy does. It is one thing at a time, to all connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// Every byte passes.
    Pass,
    /// New connections are refused, as when no server runs. Those that exist go on.
    Refuse,
    /// Existing connections are reset (RST) now, and new ones as soon as they are accepted.
    Reset,
    /// New connections are reset (RST) as soon as they are accepted. Those that exist go on.
    ResetNew,
    /// Bytes vanish and nobody is told: a partition, or with one direction a half-open connection.
    ///
    /// With [`Direction::Both`] new connections are accepted and lead nowhere. When the mode ends, the connections whose
    /// bytes vanished are reset: the stream has a hole, and must not go on as if it had none.
    BlackHole(Direction),
    /// Bytes wait until the mode ends, and none is lost: a partition that heals before TCP gives up.
    Stall(Direction),
    /// Bytes come later, in order. A round trip takes twice `by` with [`Direction::Both`].
    Delay {
        /// Which bytes.
        direction: Direction,
        /// How much later.
        by: Duration,
        /// Give or take this.
        jitter: Duration,
    },
    /// Bytes come one by one.
    Trickle {
        /// Which bytes.
        direction: Direction,
        /// The time between two.
        pause: Duration,
    },
    /// Each connection is closed after it has passed on so many bytes, counted from when the mode was set or the
    /// connection made. With [`Direction::Both`] either direction may reach the number.
    CutAfter {
        /// Which bytes are counted.
        direction: Direction,
        /// How many still pass.
        bytes: usize,
    },
    /// Requests reach the server, their replies vanish, and then the connection is closed: the server has executed the
    /// request, and the client never learns.
    DropReply(DropReply),
}

impl Mode {
    /// One byte each ms, both ways.
    pub fn trickle() -> Self {
        Self::Trickle {
            direction: Direction::Both,
            pause: Duration::from_millis(1),
        }
    }

    /// Both ways, `by` give or take `jitter`.
    pub fn delay(by: Duration, jitter: Duration) -> Self {
        Self::Delay {
            direction: Direction::Both,
            by,
            jitter,
        }
    }

    /// A name for the ledger.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Refuse => "refuse",
            Self::Reset => "reset",
            Self::ResetNew => "reset-new",
            Self::BlackHole(Direction::Both) => "black-hole",
            Self::BlackHole(_) => "half-open",
            Self::Stall(_) => "stall",
            Self::Delay { .. } => "delay",
            Self::Trickle { .. } => "trickle",
            Self::CutAfter { .. } => "cut",
            Self::DropReply(_) => "drop-reply",
        }
    }

    pub(super) fn is_black_hole(&self) -> bool {
        matches!(self, Self::BlackHole(_))
    }

    pub(super) fn swallows(&self, lane: Direction) -> bool {
        matches!(self, Self::BlackHole(direction) if direction.covers(lane))
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whose replies are dropped, and how often.
///
/// The connection is closed when the first bytes come back after such a request was passed on, so what was pipelined
/// with it loses its replies as well. The server reads everything that was sent to it before its side is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropReply {
    pub(super) to: Option<Vec<u8>>,
    pub(super) times: Option<u32>,
}

impl DropReply {
    /// Of the next request alone. Then the mode is [`Mode::Pass`] again.
    pub fn once() -> Self {
        Self::times(1)
    }

    /// Of the next so many requests. Then the mode is [`Mode::Pass`] again.
    pub fn times(times: u32) -> Self {
        Self {
            to: None,
            times: Some(times),
        }
    }

    /// Of every request, until the mode is changed.
    pub fn always() -> Self {
        Self {
            to: None,
            times: None,
        }
    }

    /// Only of requests in which these bytes stand, such as the name of a command.
    ///
    /// Without it the next request of any connection is meant, also a greeting or a wait that was pending.
    #[must_use]
    pub fn to(mut self, request: impl Into<Vec<u8>>) -> Self {
        self.to = Some(request.into());
        self
    }
}

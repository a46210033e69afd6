//! Frames: several messages stored as one.

use std::time::Duration;

use glmsg_core::{Error, ErrorKind, Result};

/// How messages are packed: a backend that can ([`Capability::frames`](crate::Capability::frames))
/// stores several as one, which costs it little more than one of them.
///
/// Each message keeps its own id, ack, retry, dead letter and time to live. What changes is this:
/// messages of one frame go to one member, and a publish that finds others on their way may wait
/// for them up to `max_delay`.
///
/// ```
/// use std::time::Duration;
/// use glmsg_broker::{Frames, TopicConfig};
///
/// let frames = Frames::default().max_messages(200).max_delay(Duration::from_millis(5));
/// TopicConfig::default().frames(frames).check()?;
/// assert!(TopicConfig::default().frames(frames.max_messages(1)).check().is_err());
/// # Ok::<(), glmsg_core::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frames {
    /// The most messages of a frame. 2 to 1000; default: 100.
    pub max_messages: u32,
    /// How long a publish may be held back so that others can share its frame. 0 to 100 ms;
    /// default: 1 ms.
    pub max_delay: Duration,
}

impl Default for Frames {
    fn default() -> Self {
        Self {
            max_messages: 100,
            max_delay: Duration::from_millis(1),
        }
    }
}

impl Frames {
    /// Sets [`max_messages`](Self::max_messages).
    #[must_use]
    pub fn max_messages(mut self, most: u32) -> Self {
        self.max_messages = most;
        self
    }

    /// Sets [`max_delay`](Self::max_delay).
    #[must_use]
    pub fn max_delay(mut self, longest: Duration) -> Self {
        self.max_delay = longest;
        self
    }

    /// Checks the bounds.
    ///
    /// # Errors
    /// `ConfigInvalid` if `max_messages` is not 2 to 1000 or `max_delay` over 100 ms.
    pub fn check(&self) -> Result<()> {
        if !(2..=1000).contains(&self.max_messages) {
            let text = "a frame's max_messages must be 2 to 1000";
            return Err(Error::new(ErrorKind::ConfigInvalid, text).with("got", self.max_messages));
        }
        if self.max_delay > Duration::from_millis(100) {
            let text = "a frame's max_delay must be at most 100 ms";
            let got = format!("{:?}", self.max_delay);
            return Err(Error::new(ErrorKind::ConfigInvalid, text).with("got", got));
        }
        Ok(())
    }

    /// The refusal of a backend that stores every message on its own.
    pub fn unsupported(backend: &'static str) -> Error {
        Error::new(
            ErrorKind::Unsupported,
            "this backend stores every message on its own, not in frames",
        )
        .with("backend", backend)
        .remedy("create the topic without frames, or use a backend that declares them")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_checked() {
        let ok = |frames: Frames| frames.check().is_ok();
        let frames = Frames::default();
        assert!(ok(frames) && ok(frames.max_messages(2)) && ok(frames.max_messages(1000)));
        assert!(ok(frames.max_delay(Duration::ZERO)));
        assert!(ok(frames.max_delay(Duration::from_millis(100))));
        for wrong in [
            frames.max_messages(0),
            frames.max_messages(1),
            frames.max_messages(1001),
            frames.max_delay(Duration::from_millis(101)),
        ] {
            let error = wrong.check().expect_err("out of bounds");
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{wrong:?}");
        }
    }
}

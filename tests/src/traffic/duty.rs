//! What a message asks of its handler.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a message asks of its handler; it is the message's payload.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Duty {
    /// To be done.
    #[default]
    Done,
    /// To take so many milliseconds, and then to be done.
    Slow(u64),
    /// To fail so many times, and then to be done.
    Fail(u32),
    /// To take so many milliseconds and to fail, the first time; then to be done.
    SlowFail(u64),
    /// To panic each time.
    Panic,
    /// To end the process each time.
    Abort,
    /// To overflow the stack, and so to end the process, each time.
    Overflow,
    /// Never to end.
    Hang,
}

impl Duty {
    /// To fail each time.
    pub const ALWAYS_FAIL: Self = Self::Fail(u32::MAX);

    /// As a payload.
    pub fn payload(self) -> Vec<u8> {
        serde_json::to_vec(&self).expect("a duty is JSON")
    }

    /// As a payload of so many bytes, if it is not longer by itself.
    pub fn padded(self, bytes: usize) -> Vec<u8> {
        let mut payload = self.payload();
        payload.resize(payload.len().max(bytes), b' ');
        payload
    }

    /// Of a payload; what is none asks only to be done.
    pub fn of(payload: &[u8]) -> Self {
        serde_json::from_slice(payload).unwrap_or_default()
    }

    /// Whether no number of attempts gets it done.
    pub fn is_poison(self) -> bool {
        match self {
            Self::Done | Self::Slow(_) | Self::SlowFail(_) => false,
            Self::Fail(times) => times == u32::MAX,
            Self::Panic | Self::Abort | Self::Overflow | Self::Hang => true,
        }
    }

    /// Whether it ends its process.
    pub fn kills(self) -> bool {
        matches!(self, Self::Abort | Self::Overflow)
    }

    /// Does it, at this attempt; `true` if it is done.
    ///
    /// # Panics
    /// If it is asked to.
    pub async fn perform(self, attempt: u32) -> bool {
        match self {
            Self::Done => true,
            Self::Slow(ms) => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                true
            }
            Self::Fail(times) => attempt > times,
            Self::SlowFail(ms) if attempt == 1 => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                false
            }
            Self::SlowFail(_) => true,
            Self::Panic => panic!("as asked"),
            Self::Abort => std::process::abort(),
            Self::Overflow => dig(0) > 0,
            Self::Hang => std::future::pending().await,
        }
    }
}

/// Goes deeper than any stack is.
fn dig(depth: u64) -> u64 {
    let here = std::hint::black_box([depth; 512]);
    match std::hint::black_box(depth) {
        u64::MAX => here[0],
        _ => dig(depth + 1) + here[1],
    }
}

/// How often each duty is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mix(Vec<(u32, Duty)>);

impl Mix {
    /// So many of ten thousand ask for that; what is left asks to be done.
    #[must_use]
    pub fn with(mut self, of_ten_thousand: u32, duty: Duty) -> Self {
        self.0.push((of_ten_thousand, duty));
        self
    }

    /// The duty of the next message.
    pub fn draw(&self, rng: &mut fastrand::Rng) -> Duty {
        let mut drawn = rng.u32(..10_000);
        for (share, duty) in &self.0 {
            if drawn < *share {
                return *duty;
            }
            drawn -= share;
        }
        Duty::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duty_survives_the_way() {
        for duty in [Duty::Done, Duty::Slow(7), Duty::ALWAYS_FAIL, Duty::Abort] {
            assert_eq!(Duty::of(&duty.payload()), duty);
            assert_eq!(Duty::of(&duty.padded(4096)), duty);
        }
        assert_eq!(Duty::of(b"\xff"), Duty::Done);
    }

    #[test]
    fn a_mix_has_its_shares() {
        let mix = Mix::default()
            .with(200, Duty::Fail(1))
            .with(100, Duty::Abort);
        let mut rng = fastrand::Rng::with_seed(1);
        let drawn: Vec<Duty> = (0..100_000).map(|_| mix.draw(&mut rng)).collect();
        let count = |duty| drawn.iter().filter(|one| **one == duty).count();
        assert!((1_700..2_300).contains(&count(Duty::Fail(1))));
        assert!((800..1_200).contains(&count(Duty::Abort)));
    }
}

//! A random sequence of a proxy's faults, the same for the same seed.

use std::ops::RangeInclusive;
use std::time::Duration;

use fastrand::Rng;

use super::control::Control;
use super::mode::{Direction, DropReply, Mode};
use crate::ledger::Writer;
use crate::process::{Killer, between};

/// Faults of a proxy in a random order, of random length, at random times.
///
/// ```no_run
/// # use glmsg_faults::{ledger::Writer, proxy::{Chaos, Proxy}};
/// # async fn example(proxy: Proxy, ledger: Writer) {
/// let chaos = Chaos::new(7).run(&proxy.control(), &ledger);
/// // … traffic …
/// let faults = chaos.stop().await;
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Chaos {
    seed: u64,
    faults: Option<Vec<Mode>>,
    lasting: RangeInclusive<Duration>,
    apart: RangeInclusive<Duration>,
}

/// One fault of the sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The fault.
    pub mode: Mode,
    /// How long it lasts.
    pub lasts: Duration,
}

impl Chaos {
    /// Every kind of fault but refusals, each for 20 to 200 ms, 50 to 500 ms apart.
    pub fn new(seed: u64) -> Self {
        let ms = Duration::from_millis;
        Self {
            seed,
            faults: None,
            lasting: ms(20)..=ms(200),
            apart: ms(50)..=ms(500),
        }
    }

    /// Only these faults.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn faults(mut self, faults: impl IntoIterator<Item = Mode>) -> Self {
        let faults: Vec<Mode> = faults.into_iter().collect();
        assert!(!faults.is_empty(), "name at least one fault");
        self.faults = Some(faults);
        self
    }

    /// How long a fault lasts.
    #[must_use]
    pub fn lasting(mut self, times: RangeInclusive<Duration>) -> Self {
        self.lasting = times;
        self
    }

    /// How long all is well between two faults.
    #[must_use]
    pub fn apart(mut self, times: RangeInclusive<Duration>) -> Self {
        self.apart = times;
        self
    }

    /// The faults in their order, without an end.
    pub fn steps(&self) -> impl Iterator<Item = Step> + Send + 'static {
        let Self {
            seed,
            faults,
            lasting,
            ..
        } = self.clone();
        let mut rng = Rng::with_seed(seed);
        std::iter::repeat_with(move || Step {
            mode: match &faults {
                Some(faults) => faults[rng.usize(..faults.len())].clone(),
                None => any(&mut rng),
            },
            lasts: between(&mut rng, &lasting),
        })
    }

    /// Lets a proxy have them until it is told to stop. Each is a fault in the ledger.
    pub fn run(&self, control: &Control, ledger: &Writer) -> Killer {
        let (control, ledger) = (control.clone(), ledger.clone());
        let mut steps = self.steps();
        Killer::start(self.seed, self.apart.clone(), move |_| {
            let step = steps.next();
            let (control, ledger) = (control.clone(), ledger.clone());
            async move {
                if let Some(Step { mode, lasts }) = step {
                    control.during(&ledger, mode, lasts).await;
                }
            }
        })
    }
}

fn any(rng: &mut Rng) -> Mode {
    let directions = [Direction::ToServer, Direction::ToClient, Direction::Both];
    let direction = directions[rng.usize(..directions.len())];
    match rng.u8(..8) {
        0 => Mode::Reset,
        1 => Mode::ResetNew,
        2 => Mode::BlackHole(direction),
        3 => Mode::Stall(direction),
        4 => Mode::delay(
            Duration::from_millis(rng.u64(5..40)),
            Duration::from_millis(5),
        ),
        5 => Mode::trickle(),
        6 => Mode::CutAfter {
            direction,
            bytes: rng.usize(..2000),
        },
        _ => Mode::DropReply(DropReply::always()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_sequence() {
        let steps = |seed| Chaos::new(seed).steps().take(50).collect::<Vec<_>>();
        assert_eq!(steps(1), steps(1));
        assert_ne!(steps(1), steps(2));
        let kinds: std::collections::BTreeSet<&str> =
            steps(3).iter().map(|step| step.mode.name()).collect();
        assert!(kinds.len() > 6, "{kinds:?}");
        let range = Duration::from_millis(20)..=Duration::from_millis(200);
        assert!(steps(4).iter().all(|step| range.contains(&step.lasts)));
    }
}

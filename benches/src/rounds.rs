//! Measuring several workloads in turn.

use std::time::{Duration, Instant};

use crate::{Measured, Outcome};

/// A section that has taken so long ends after so many rounds: where something is very slow, more
/// of the same says no more.
const LONG: Duration = Duration::from_secs(60);
const ENOUGH: usize = 3;

/// One of the workloads that are measured in turn.
pub struct Side<'a> {
    /// What it is called in the list of costs.
    pub name: &'static str,
    run: Box<dyn FnMut() -> Outcome<Measured> + 'a>,
}

impl<'a> Side<'a> {
    /// A workload.
    pub fn new(name: &'static str, run: impl FnMut() -> Outcome<Measured> + 'a) -> Self {
        let run = Box::new(run);
        Self { name, run }
    }
}

impl std::fmt::Debug for Side<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Side").field(&self.name).finish()
    }
}

/// How often, and how much each time.
#[derive(Debug, Clone, Copy)]
pub struct Rounds {
    rounds: usize,
    is_quick: bool,
    lasting: Option<Duration>,
}

impl Rounds {
    /// Five rounds, or two smaller ones.
    pub fn new(is_quick: bool) -> Self {
        let rounds = if is_quick { 2 } else { 5 };
        Self {
            rounds,
            is_quick,
            lasting: None,
        }
    }

    /// The same, but as many rounds as it takes for each section to last so long.
    #[must_use]
    pub fn lasting(mut self, time: Option<Duration>) -> Self {
        self.lasting = time;
        self
    }

    /// The same with `times` as many rounds, for workloads that take but a part of the time.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.rounds *= times;
        self
    }

    /// How long to take where `full` is the rule.
    pub fn time(&self, full: Duration) -> Duration {
        if self.is_quick { full / 2 } else { full }
    }

    /// How many messages to take where `full` are the rule.
    pub fn scaled(&self, full: u64) -> u64 {
        if self.is_quick { full / 4 } else { full }
    }

    /// How many rounds there are.
    pub fn count(&self) -> usize {
        self.rounds
    }

    /// Runs every side once a round, so that whatever slows the machine down meets them all. The
    /// order turns around from round to round: none is always the one after the other.
    ///
    /// # Errors
    /// The first failure of a side, with its name.
    pub fn alternate<const N: usize>(
        &self,
        sides: &mut [Side<'_>; N],
    ) -> Outcome<[Vec<Measured>; N]> {
        self.alternate_slices(1, sides)
    }

    /// The same in `slices` turns a round, each a short one: what holds for a second and not for a
    /// minute meets all sides then. A round's figure is that of its slices together.
    ///
    /// # Errors
    /// The first failure of a side, with its name.
    pub fn alternate_slices<const N: usize>(
        &self,
        slices: usize,
        sides: &mut [Side<'_>; N],
    ) -> Outcome<[Vec<Measured>; N]> {
        let mut all = std::array::from_fn(|_| Vec::new());
        let (started, mut turn) = (Instant::now(), 0);
        for round in 0.. {
            if self.are_done(round, started.elapsed()) {
                break;
            }
            let mut sums = [None; N];
            for _ in 0..slices {
                for step in 0..N {
                    let index = if turn % 2 == 0 { step } else { N - 1 - step };
                    let side = &mut sides[index];
                    let measured = (side.run)().map_err(|e| format!("{}: {e}", side.name))?;
                    let sum = &mut sums[index];
                    *sum = Some(sum.map_or(measured, |sum: Measured| sum.and(measured)));
                }
                turn += 1;
            }
            for (runs, sum) in all.iter_mut().zip(sums) {
                runs.extend(sum);
            }
        }
        Ok(all)
    }

    fn are_done(&self, rounds: usize, elapsed: Duration) -> bool {
        match self.lasting {
            Some(time) => rounds > 0 && elapsed >= time,
            None => rounds >= self.rounds || (rounds >= ENOUGH && elapsed >= LONG),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::Stopwatch;

    #[test]
    fn sides_take_turns_and_the_order_turns_around() {
        let order = RefCell::new(String::new());
        let side = |name: &'static str| {
            let order = &order;
            Side::new(name, move || {
                order.borrow_mut().push_str(name);
                Ok(Stopwatch::start().stop(1))
            })
        };
        let measured = Rounds::new(true)
            .alternate(&mut [side("a"), side("b")])
            .unwrap();
        assert_eq!(*order.borrow(), "abba");
        assert_eq!(measured.map(|m| m.len()), [2, 2]);
    }

    #[test]
    fn the_slices_of_a_round_make_one_figure() {
        let side = || Side::new("side", || Ok(Stopwatch::start().stop(3)));
        let measured = Rounds::new(true)
            .alternate_slices(4, &mut [side(), side()])
            .unwrap();
        for runs in measured {
            assert_eq!(runs.iter().map(|run| run.messages).sum::<u64>(), 2 * 12);
            assert_eq!(runs.len(), 2);
        }
    }

    #[test]
    fn a_time_takes_the_place_of_the_number_of_rounds() {
        let rounds = Rounds::new(false).lasting(Some(Duration::ZERO));
        let mut sides = [Side::new("side", || Ok(Stopwatch::start().stop(1)))];
        let [measured] = rounds.alternate(&mut sides).unwrap();
        assert_eq!(measured.len(), 1);
    }
}

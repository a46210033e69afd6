//! Measuring several workloads in turn.

use crate::{Measured, Outcome};

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
}

impl Rounds {
    /// Five rounds, or two smaller ones.
    pub fn new(is_quick: bool) -> Self {
        let rounds = if is_quick { 2 } else { 5 };
        Self { rounds, is_quick }
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
        let mut all = std::array::from_fn(|_| Vec::new());
        for round in 0..self.rounds {
            for step in 0..N {
                let index = if round % 2 == 0 { step } else { N - 1 - step };
                let side = &mut sides[index];
                let measured = (side.run)().map_err(|e| format!("{}: {e}", side.name))?;
                all[index].push(measured);
            }
        }
        Ok(all)
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
}

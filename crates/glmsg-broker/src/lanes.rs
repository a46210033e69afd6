//! Which priority is served next.

use glmsg_core::Priority;

/// Picks priorities for a group: the highest that has something, except that one pick of sixteen
/// goes to the next lower priority that has waited, in turn. So `Critical` gets nearly all under a
/// backlog, and `Low` still moves. Backends share it, so that all behave alike.
#[derive(Debug, Clone, Default)]
pub struct LanePicker {
    picks: u8,
    turn: u8,
}

impl LanePicker {
    const EVERY: u8 = 16;

    /// The priority to take the next message from, where `has` says which have one; `None` if
    /// none has.
    pub fn pick(&mut self, has: impl Fn(Priority) -> bool) -> Option<Priority> {
        let top = Priority::ALL.into_iter().rev().find(|p| has(*p))?;
        self.picks += 1;
        if self.picks < Self::EVERY {
            return Some(top);
        }
        self.picks = 0;
        // The turn goes round the lower priorities, so none of them starves another.
        let below = top.as_u8();
        for _ in 0..below {
            self.turn = (self.turn + 1) % below;
            let lower = Priority::from_u8(self.turn).filter(|p| has(*p));
            if lower.is_some() {
                return lower;
            }
        }
        Some(top)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picks(count: usize, has: &[Priority]) -> Vec<Priority> {
        let mut picker = LanePicker::default();
        (0..count)
            .filter_map(|_| picker.pick(|p| has.contains(&p)))
            .collect()
    }

    #[test]
    fn the_highest_goes_first_and_the_lowest_still_moves() {
        let picked = picks(160, &Priority::ALL);
        let of = |p| picked.iter().filter(|q| **q == p).count();
        assert!(picked[..15].iter().all(|p| *p == Priority::Critical));
        assert_eq!(of(Priority::Critical), 150);
        assert!(of(Priority::Low) >= 3 && of(Priority::Normal) >= 3 && of(Priority::High) >= 3);
    }

    #[test]
    fn a_lone_priority_gets_everything() {
        assert_eq!(picks(40, &[Priority::Low]), vec![Priority::Low; 40]);
        assert_eq!(picks(40, &[]), vec![]);
    }
}

//! Free ports of this machine.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};

use crate::failure::{Failure, Outcome};

/// How far the bus of a cluster's node is from its port. Kept free for every server: one rule is less than two.
const BUS: u16 = 10_000;

/// Where ports are looked for. With [`BUS`] added they stay below the ports that systems hand out to clients, so no
/// outgoing connection takes one between the look and the start.
const RANGE: std::ops::Range<u16> = 12_000..22_000;

/// The ports that were handed out: a server that was started may not listen yet.
#[derive(Debug, Default)]
pub(super) struct Ports {
    taken: BTreeSet<u16>,
}

impl Ports {
    /// So many ports that nothing listens on now, and that nobody else was given.
    pub(super) fn free(&mut self, count: usize) -> Outcome<Vec<u16>> {
        // Two checkouts that start servers at once begin at different places.
        let offset = std::process::id().wrapping_mul(97) % u32::from(RANGE.end - RANGE.start);
        let ports = self.choose(count, u16::try_from(offset).unwrap_or(0), is_free);
        if ports.len() < count {
            return Err(Failure::failed(format!(
                "no {count} free ports in {}..{}: stop what listens there",
                RANGE.start, RANGE.end
            )));
        }
        Ok(ports)
    }

    fn choose(&mut self, count: usize, offset: u16, is_free: impl Fn(u16) -> bool) -> Vec<u16> {
        let taken = &mut self.taken;
        let ports = (RANGE.start + offset..RANGE.end).chain(RANGE.start..RANGE.start + offset);
        let free = ports.filter(|&port| {
            let both = [port, port + BUS];
            let usable = both
                .iter()
                .all(|port| !taken.contains(port) && is_free(*port));
            if usable {
                taken.extend(both);
            }
            usable
        });
        free.take(count).collect()
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_free_only_if_its_bus_is_too() {
        let busy = [12_001, 22_002];
        let ports = Ports::default().choose(3, 0, |port| !busy.contains(&port));
        assert_eq!(ports, [12_000, 12_003, 12_004]);
    }

    #[test]
    fn the_search_goes_round_and_ends() {
        let mut ports = Ports::default();
        assert_eq!(ports.choose(2, 9_999, |_| true), [21_999, 12_000]);
        assert!(ports.choose(1, 5, |_| false).is_empty());
    }

    #[test]
    fn a_port_is_handed_out_once() {
        let mut ports = Ports::default();
        assert_eq!(ports.choose(2, 0, |_| true), [12_000, 12_001]);
        assert_eq!(ports.choose(1, 0, |_| true), [12_002]);
    }

    #[test]
    fn a_port_that_is_listened_on_is_not_free() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(!is_free(listener.local_addr().unwrap().port()));
    }
}

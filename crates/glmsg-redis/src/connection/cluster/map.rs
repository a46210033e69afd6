//! Which node has which slot.

use std::collections::BTreeSet;

use glmsg_core::Result;
use redis::Value;

use crate::config::Address;
use crate::connection::slot::SLOTS;
use crate::error::surprise;

/// Which node has which slot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SlotMap {
    nodes: Vec<Address>,
    /// For every slot the place of its node in `nodes`; empty before the first answer.
    owners: Vec<Option<u16>>,
}

impl SlotMap {
    /// Reads the answer to `CLUSTER SLOTS` that `asked` gave: for each range of slots its first
    /// and last, then the primary, then replicas, each with host and port first.
    pub(super) fn read(answer: &Value, asked: &Address) -> Result<Self> {
        let unknown = || surprise("CLUSTER SLOTS");
        let Value::Array(ranges) = answer else {
            return Err(unknown());
        };
        let mut map = Self::default();
        for range in ranges {
            let Value::Array(parts) = range else {
                return Err(unknown());
            };
            let [
                Value::Int(first),
                Value::Int(last),
                Value::Array(primary),
                ..,
            ] = &parts[..]
            else {
                return Err(unknown());
            };
            let slot = |number: i64| u16::try_from(number).ok().filter(|n| *n < SLOTS);
            let (Some(first), Some(last)) = (slot(*first), slot(*last)) else {
                return Err(unknown());
            };
            let place = map.place(address(primary, asked).ok_or_else(unknown)?);
            let range = usize::from(first)..=usize::from(last);
            if let Some(owners) = map.owners.get_mut(range) {
                owners.fill(place);
            }
        }
        Ok(map)
    }

    pub(super) fn set(&mut self, slot: u16, node: Address) {
        let place = self.place(node);
        if let Some(owner) = self.owners.get_mut(usize::from(slot)) {
            *owner = place;
        }
    }

    /// The place of a node, which it is given if it has none.
    fn place(&mut self, node: Address) -> Option<u16> {
        self.owners.resize(usize::from(SLOTS), None);
        let known = self.nodes.iter().position(|one| *one == node);
        let place = known.unwrap_or_else(|| {
            self.nodes.push(node);
            self.nodes.len() - 1
        });
        // There are fewer nodes than slots, and nothing is lost if not: the slot is asked for.
        u16::try_from(place).ok()
    }

    pub(super) fn owner(&self, slot: u16) -> Option<&Address> {
        let place = (*self.owners.get(usize::from(slot))?)?;
        self.nodes.get(usize::from(place))
    }

    /// Every node that has a slot.
    pub(super) fn primaries(&self) -> BTreeSet<Address> {
        let places: BTreeSet<u16> = self.owners.iter().copied().flatten().collect();
        let nodes = places
            .iter()
            .filter_map(|place| self.nodes.get(usize::from(*place)));
        nodes.cloned().collect()
    }
}

fn address(node: &[Value], asked: &Address) -> Option<Address> {
    let [host, Value::Int(port), ..] = node else {
        return None;
    };
    let host = match host {
        // A node that does not know its own name: it is where it was asked.
        Value::Nil => asked.host.clone(),
        Value::BulkString(host) if host.is_empty() || host == b"?" => asked.host.clone(),
        Value::BulkString(host) => String::from_utf8(host.clone()).ok()?,
        _ => return None,
    };
    Some(Address::new(host, u16::try_from(*port).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(host: Value, port: i64) -> Value {
        // Since 7.0 a node also has its id and more names.
        Value::Array(vec![
            host,
            Value::Int(port),
            Value::BulkString(b"id".to_vec()),
            Value::Array(vec![]),
        ])
    }

    fn named(host: &str) -> Value {
        Value::BulkString(host.into())
    }

    fn range(first: i64, last: i64, primary: Value) -> Value {
        let replica = node(named("replica"), 9);
        Value::Array(vec![Value::Int(first), Value::Int(last), primary, replica])
    }

    #[test]
    fn ranges_are_read() {
        let asked = Address::new("asked", 1);
        let answer = Value::Array(vec![
            range(0, 99, node(named("a"), 1)),
            range(200, 16383, node(named("b"), 2)),
            range(100, 150, node(named("a"), 1)),
            range(151, 151, node(Value::Nil, 3)),
            range(152, 152, node(named(""), 4)),
        ]);
        let mut map = SlotMap::read(&answer, &asked).unwrap();
        for (slot, owner) in [
            (0, Some(("a", 1))),
            (150, Some(("a", 1))),
            (151, Some(("asked", 3))),
            (152, Some(("asked", 4))),
            (153, None),
            (200, Some(("b", 2))),
            (16383, Some(("b", 2))),
        ] {
            let owner = owner.map(|(host, port)| Address::new(host, port));
            assert_eq!(map.owner(slot), owner.as_ref(), "{slot}");
        }
        assert_eq!(map.primaries().len(), 4);
        map.set(151, Address::new("c", 5));
        assert_eq!(map.owner(151), Some(&Address::new("c", 5)));
        assert!(!map.primaries().contains(&Address::new("asked", 3)));
    }

    #[test]
    fn what_is_no_map_is_refused() {
        let asked = Address::new("asked", 1);
        for answer in [
            Value::Nil,
            Value::Array(vec![Value::Nil]),
            Value::Array(vec![range(0, 16384, node(named("a"), 1))]),
            Value::Array(vec![range(-1, 1, node(named("a"), 1))]),
            Value::Array(vec![range(0, 1, node(named("a"), 70_000))]),
            Value::Array(vec![range(0, 1, Value::Array(vec![]))]),
        ] {
            assert!(SlotMap::read(&answer, &asked).is_err(), "{answer:?}");
        }
        assert_eq!(SlotMap::default().owner(0), None);
    }
}

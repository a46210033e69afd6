//! What is ready to be taken out of a partition.

use glmsg_core::Timestamp;

use super::{Address, Command, Entry, Head, Kind, Place, View, What, When};
use crate::storage::key::RecordKey;

/// More than this many of a kind need not be told apart.
const COUNTED: usize = 1_000;

/// Tombstones and other records that clean a partition up. Each part is sent only after all of the
/// one before is stored.
#[derive(Debug, Default)]
pub(in crate::storage) struct Plan {
    /// Of changes that were not made.
    pub(in crate::storage) void: Vec<RecordKey>,
    /// Of those that were made and count no more.
    pub(in crate::storage) worn: Vec<RecordKey>,
    /// To be kept before keys are forgotten.
    pub(in crate::storage) floor: Option<u64>,
    /// Of the last records of keys that were removed, and of floors that count no more.
    pub(in crate::storage) gone: Vec<RecordKey>,
    /// Values that have expired: they are removed like others.
    pub(in crate::storage) expired: Vec<(Address, Command)>,
}

impl View {
    /// How many records there are about that [`plan`](Self::plan) would take out.
    pub(in crate::storage) fn waste(&self, now: Timestamp) -> usize {
        let oldest = self.next - self.reach;
        let gone = self
            .gone
            .iter()
            .take(COUNTED)
            .take_while(|(at, ..)| *at < oldest)
            .count();
        let expired = self
            .expiring
            .iter()
            .take(COUNTED)
            .take_while(|(at, _)| *at <= now)
            .count();
        self.void.len() + self.worn_records + gone + expired
    }

    /// What can be taken out now, at most so many of each kind.
    pub(in crate::storage) fn plan(&self, now: Timestamp, most: usize) -> Plan {
        let mut plan = Plan::default();
        let void = self.void.keys().take(most).cloned();
        plan.void = void.map(RecordKey::Change).collect();
        self.plan_expired(now, most, &mut plan);
        // No record that was made goes before all void ones are gone.
        if plan.void.len() < self.void.len() {
            return plan;
        }
        for (kind, key) in &self.worn {
            let Some(entry) = self.entry(*kind, key) else {
                continue;
            };
            let room = most.saturating_sub(plan.worn.len());
            let past = entry.past.keys().take(room).map(|tag| {
                RecordKey::Change(Address {
                    kind: *kind,
                    key: key.clone(),
                    tag: *tag,
                })
            });
            plan.worn.extend(past);
        }
        self.plan_gone(most, &mut plan);
        plan
    }

    /// Keys are forgotten when no change can come any more whose writer did not know of the removal.
    fn plan_gone(&self, most: usize, plan: &mut Plan) {
        let oldest = self.next - self.reach;
        let gone = self.gone.iter().take_while(|(at, ..)| *at < oldest);
        let mut floor = self.floor;
        for (_, kind, key) in gone.take(most) {
            let Some(Entry { place, head, past }) = self.entry(*kind, key) else {
                continue;
            };
            let Head::Gone { tag, .. } = head else {
                continue;
            };
            if !past.is_empty() {
                continue;
            }
            if *kind == Kind::Value {
                floor = floor.max(place.version);
            }
            plan.gone.push(RecordKey::Change(Address {
                kind: *kind,
                key: key.clone(),
                tag: *tag,
            }));
        }
        plan.floor = (floor > self.floor).then_some(floor);
        let old = self.floors.range(..floor).take(most).copied();
        plan.gone.extend(old.map(RecordKey::Floor));
    }

    fn plan_expired(&self, now: Timestamp, most: usize, plan: &mut Plan) {
        let expired = self.expiring.iter().take_while(|(at, _)| *at <= now);
        for (_, key) in expired.take(most) {
            let Some(Entry { place, .. }) = self.entry(Kind::Value, key) else {
                continue;
            };
            let address = Address {
                kind: Kind::Value,
                key: key.clone(),
                tag: crate::storage::key::OpId::random().tag(0),
            };
            let place: Place = *place;
            plan.expired.push((
                address,
                Command {
                    base: place,
                    seen: self.next,
                    when: When::Expired,
                    what: What::Remove,
                },
            ));
        }
    }
}

//! What is to be asked of a broker next.

use std::sync::atomic::Ordering::Relaxed;

use kafka_protocol::messages::FetchRequest;
use tokio::time::Instant;

use super::session::{Session, Wanted};
use super::settings::{self, FetchSettings};
use super::slot::{Place, Slot};
use super::state::{Node, State};

/// What a broker's task is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing more: the broker leads no assigned partition.
    Over,
    /// Nothing until it is woken, or until this time.
    Rest(Option<Instant>),
    /// There is something to read.
    Go,
}

impl State {
    /// What is to be done on the connection that waits for what is to come.
    pub(super) fn turn(&mut self, node: &Node, settings: &FetchSettings) -> Turn {
        if node.run != self.run {
            return Turn::Over;
        }
        let now = Instant::now();
        let mut is_led = false;
        let mut has_some = false;
        let mut until: Option<Instant> = None;
        for slot in self.slots.values() {
            if slot.leader != Some(node.number) {
                continue;
            }
            is_led = true;
            if slot.is_paused || slot.is_aside || !slot.is_for(node.number) {
                continue;
            }
            match slot.fetching.pending(now) {
                None => has_some = true,
                Some(at) => until = Some(until.map_or(at, |until| until.min(at))),
            }
        }
        if !is_led {
            self.nodes.remove(&node.number);
            return Turn::Over;
        }
        if has_some && self.room(settings.buffer).is_none() {
            self.is_full = true;
            return Turn::Rest(until);
        }
        match has_some {
            true => Turn::Go,
            false => Turn::Rest(until),
        }
    }

    /// The next request that waits for what is to come.
    pub(super) fn plan(
        &mut self,
        node: &Node,
        session: &mut Session,
        settings: &FetchSettings,
        version: i16,
    ) -> Option<FetchRequest> {
        if node.run != self.run {
            return None;
        }
        let room = self.room(settings.buffer)?;
        let now = Instant::now();
        let mut wanted = Vec::new();
        for slot in self.slots.values_mut() {
            if !slot.is_for(node.number) || slot.is_aside {
                continue;
            }
            if let Some(one) = want(slot, settings, now) {
                slot.polled = Some(one.offset);
                slot.is_fresh = false;
                wanted.push((slot.starved < 2, slot.served, one));
            }
        }
        wanted.sort_unstable_by_key(|(has_room, served, _)| (*has_room, *served));
        if !wanted.first()?.0 {
            // A session has an order of its own, in which one can starve.
            session.begin_anew();
        }
        let wanted: Vec<_> = wanted.into_iter().map(|(_, _, one)| one).collect();
        let mut request = request(settings, room);
        request.max_wait_ms = settings.max_wait_ms();
        session.ask(&mut request, &wanted, version);
        node.is_polling.store(true, Relaxed);
        Some(request)
    }

    /// A request for what is not to wait for the answer to the other one.
    pub(super) fn plan_aside(
        &mut self,
        node: &Node,
        session: &mut Session,
        settings: &FetchSettings,
        version: i16,
    ) -> Option<FetchRequest> {
        let aside = self.aside(node)?;
        let room = self.room(settings.buffer)?;
        let now = Instant::now();
        let mut wanted = Vec::new();
        for slot in self.slots.values_mut() {
            if aside_of(slot, node) != Some(aside) {
                continue;
            }
            if let Some(one) = want(slot, settings, now) {
                slot.is_aside = aside == Aside::AtOnce;
                slot.is_fresh = false;
                wanted.push(one);
            }
        }
        if wanted.is_empty() {
            return None;
        }
        let mut request = request(settings, room);
        if aside == Aside::Wait {
            request.max_wait_ms = settings.max_wait_ms();
        }
        session.ask(&mut request, &wanted, version);
        Some(request)
    }

    /// Whether there is something that is not to wait for an answer that is waited for.
    pub(super) fn aside(&self, node: &Node) -> Option<Aside> {
        if node.run != self.run || !node.is_polling.load(Relaxed) {
            return None;
        }
        let all = self.slots.values();
        all.filter_map(|slot| aside_of(slot, node)).min()
    }
}

/// How something is read on the second connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Aside {
    /// What is there.
    AtOnce,
    /// What is to come, as the first connection has begun to wait without it. Its next request has
    /// it, too: of what comes by both ways the second is passed over.
    Wait,
}

fn aside_of(slot: &Slot, node: &Node) -> Option<Aside> {
    let is_polled = slot.polled.is_some_and(|at| Place::At(at) == slot.place);
    let is_due = slot.leader == Some(node.number)
        && !slot.is_paused
        && !slot.is_aside
        && !is_polled
        // What has arrived goes first.
        && slot.arriving == 0
        && matches!(slot.place, Place::At(_));
    is_due.then_some(match slot.is_fresh {
        true => Aside::AtOnce,
        false => Aside::Wait,
    })
}

fn want(slot: &Slot, settings: &FetchSettings, now: Instant) -> Option<Wanted> {
    let Place::At(offset) = slot.place else {
        return None;
    };
    if slot.is_paused || slot.fetching.pending(now).is_some() {
        return None;
    }
    let max_bytes = settings
        .max_partition_bytes
        .saturating_mul(1 << slot.starved.min(10));
    Some(Wanted {
        name: slot.name.clone(),
        partition: slot.partition,
        generation: slot.generation,
        offset,
        max_bytes: settings::bytes(max_bytes),
    })
}

fn request(settings: &FetchSettings, room: usize) -> FetchRequest {
    FetchRequest::default()
        .with_min_bytes(settings::bytes(settings.min_bytes))
        .with_max_bytes(settings::bytes(settings.max_bytes.min(room)))
        .with_isolation_level(i8::from(settings.read_committed))
}

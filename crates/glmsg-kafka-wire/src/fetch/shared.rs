//! What a fetcher shares with its tasks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::fetched::{Portion, What};
use super::settings::FetchSettings;
use super::sift::{Arrival, Sifted, sift};
use super::slot::Told;
use super::state::{Node, State};
use crate::cluster::Cluster;

/// What a fetcher shares with its tasks.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) cluster: Arc<Cluster>,
    pub(super) settings: FetchSettings,
    state: Mutex<State>,
    /// Something can be taken, or the tasks have ended.
    pub(super) ready: Notify,
    /// It is to be found out who leads a partition.
    pub(super) seek: Notify,
}

impl Shared {
    pub(super) fn new(cluster: Arc<Cluster>, settings: FetchSettings) -> Arc<Self> {
        Arc::new(Self {
            cluster,
            settings,
            state: Mutex::default(),
            ready: Notify::new(),
            seek: Notify::new(),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has an assignment read, by whom it may concern.
    pub(super) fn rouse(&self, state: &State, generation: u64) {
        let leader = state.slots.get(&generation).and_then(|slot| slot.leader);
        match leader.and_then(|leader| state.nodes.get(&leader)) {
            Some(node) => node.rouse(),
            None => self.seek.notify_one(),
        }
    }

    /// Lets those go on who waited for room.
    pub(super) fn make_room(&self, state: &mut State) {
        if state.is_full && state.room(self.settings.buffer).is_some() {
            state.is_full = false;
            state.nodes.values().for_each(|node| node.wake.notify_one());
        }
    }

    /// Checks what came, and puts it where it is taken from.
    pub(super) fn hand_over(&self, node: &Node, arrivals: &[Arrival]) {
        if arrivals.is_empty() {
            return;
        }
        let mut room = {
            let state = self.state();
            state.room(self.settings.buffer).unwrap_or(0)
        };
        let each = arrivals.iter().map(|arrival| {
            // What lies packed in it is counted already.
            let sifted = sift(arrival, &self.settings, room + arrival.bytes.len());
            room = room.saturating_sub(sifted.size);
            (arrival, sifted)
        });
        let sifted: Vec<_> = each.collect();
        let mut state = self.state();
        if node.run != state.run {
            return;
        }
        for (arrival, sifted) in sifted {
            state.arrived(arrival.bytes.len());
            put(&mut state, arrival, sifted);
            let slot = state.slots.get(&arrival.generation);
            if slot.is_some_and(|slot| slot.leader != Some(node.number)) {
                // Another broker leads it by now, and has waited for this.
                self.rouse(&state, arrival.generation);
            }
        }
        // It may be less than what came.
        self.make_room(&mut state);
        let has_more = state.has_more();
        drop(state);
        if has_more {
            self.ready.notify_one();
        }
    }
}

fn put(state: &mut State, arrival: &Arrival, sifted: Sifted) {
    let Some(slot) = state.slots.get_mut(&arrival.generation) else {
        return;
    };
    slot.hand_over(sifted.next, sifted.damage.is_some());
    if sifted.next > arrival.from || !slot.is_known {
        slot.is_known = true;
        let portion = Portion {
            batches: sifted.batches,
            next: sifted.next,
            high_watermark: arrival.high_watermark,
            last_stable: arrival.last_stable,
        };
        state.put(arrival.generation, What::Records(portion), sifted.size);
    }
    if let Some((error, next)) = sifted.damage {
        let offset = sifted.next;
        let what = What::Damaged {
            offset,
            next,
            error,
        };
        state.tell(arrival.generation, Told::Damaged(offset), what);
    }
}

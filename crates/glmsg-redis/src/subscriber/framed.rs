//! What comes in frames.

use glmsg_broker::Received;
use glmsg_core::{History, clean_error_text};
use tokio::time::Instant;

use super::{RedisSource, SMALL};
use crate::encode::{decode_next, millis};
use crate::frame::{self, Marks};
use crate::member::{Deliveries, Held};
use crate::reading::Raw;

/// From how many on a receive need not be filled to the last message.
const LARGE: usize = 100;

impl RedisSource {
    /// Whether a receive of so many keeps the order exactly. Where there are frames that is in vain.
    pub(super) fn is_small(&self, max: usize) -> bool {
        max < SMALL && self.per_entry <= 1
    }

    /// How many entries to ask for. A frame that is cut over two receives costs a step of its own
    /// to ack, so large receives take whole frames as far as they fit; small ones are filled.
    pub(super) fn entries_for(&self, max: usize) -> usize {
        let per_entry = self.per_entry.max(1);
        if max < LARGE {
            max.div_ceil(per_entry)
        } else {
            (max / per_entry).max(1)
        }
    }

    /// Notes how many messages the entries hold, for how many to ask next.
    pub(super) fn note_sizes(&mut self, raws: &[Raw]) {
        let sizes = raws.iter().map(|raw| match raw.finished {
            Some(_) => frame::count(&raw.body),
            None => 1,
        });
        let all: usize = sizes.sum();
        if let Some(size) = all.checked_div(raws.len()) {
            self.per_entry = size;
        }
    }

    /// Makes deliveries of those messages of a frame that are not finished.
    pub(super) fn open_frame(
        &mut self,
        deliveries: &mut Deliveries,
        raw: &Raw,
        until: Instant,
        now: i64,
    ) {
        let Some(envelopes) = frame::open(&raw.body) else {
            // No frame and no message: all of it is one dead letter.
            let token = deliveries.add(Held::entry(raw, until));
            self.wrong.push((token, "the frame is damaged".into()));
            return;
        };
        let finished = raw.finished.as_deref().unwrap_or_default();
        let is_left = |index: &u16| !Marks::is_set(finished, usize::from(*index));
        let size = u16::try_from(envelopes.len()).unwrap_or(u16::MAX);
        let indices: Vec<u16> = (0..size).filter(is_left).collect();
        let tokens = deliveries.add_frame((raw.id, size), until, &indices);
        let all = (0..).zip(envelopes);
        let left = all.filter(|(index, _)| is_left(index));
        self.ready.reserve(tokens.len());
        for (token, (_, envelope)) in tokens.into_iter().zip(left) {
            match decode_next(&envelope, &mut self.decoder) {
                Ok(message) => {
                    let ttl = message.ttl().map(millis);
                    self.is_mortal |= ttl.is_some();
                    let expires = ttl.and_then(|ttl| raw.id.millis.checked_add(ttl));
                    let received = Received {
                        message,
                        token,
                        attempt: raw.attempt,
                        history: History::new(),
                    };
                    // The server decides; our reckoning only says whom to ask about.
                    match expires.map(i64::try_from) {
                        Some(Ok(at)) if at <= now + 5 => self.stale.push(received),
                        _ => self.ready.push_back(received),
                    }
                }
                Err(e) => self.wrong.push((token, clean_error_text(&e.to_string()))),
            }
        }
    }

    /// Sets aside what has passed its time since it came here, of what is handed out next.
    pub(super) fn set_stale_aside(&mut self, max: usize) {
        if !self.is_mortal {
            return;
        }
        self.is_mortal = !self.ready.is_empty();
        let now = self.now();
        let mut deliveries = self.asker.settler.deliveries();
        let mut is_stale = |received: &Received| {
            let Some(ttl) = received.message.ttl().map(millis) else {
                return false;
            };
            let stored_at = received.token.place();
            let expires = i64::try_from(stored_at.saturating_add(ttl)).unwrap_or(i64::MAX);
            let held = deliveries.look_at(received.token);
            expires <= now && held.is_some_and(|held| held.part.is_some())
        };
        let next = self.ready.len().min(max);
        if !self.ready.range(..next).any(&mut is_stale) {
            return;
        }
        for received in self
            .ready
            .drain(..next)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
        {
            if is_stale(&received) {
                self.stale.push(received);
            } else {
                self.ready.push_front(received);
            }
        }
        self.stale.reverse();
    }

    /// Tells the settlers what waits here still.
    pub(super) fn note_handed_out(&self) {
        let next = self.ready.front().map(|received| received.token);
        self.asker.settler.deliveries().hand_out(next);
    }
}

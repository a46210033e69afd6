//! When the messages were created that this process holds.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use glmsg_broker::{Received, Settled, Token};
use glmsg_core::Timestamp;

use crate::histogram::Tally;

/// How many deliveries one generation remembers. What was delivered longer ago than thrice as many
/// deliveries is forgotten, such as what a consumer dropped or left to its lease.
const GENERATION: usize = 65_536;

type Created = HashMap<Token, Timestamp, BuildHasherDefault<TokenHasher>>;

/// When the messages were created that a subscription holds: a settlement names a token and no
/// message, and the broker does not say.
#[derive(Debug, Default)]
pub(crate) struct Held(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    /// Those that were delivered last, in their order: most are settled in it, and nothing is hashed.
    queue: VecDeque<(Token, Timestamp)>,
    /// Those that others have overtaken.
    young: Created,
    old: Created,
}

impl Held {
    fn generations(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn received(&self, received: &[Received]) {
        if received.is_empty() {
            return;
        }
        let mut generations = self.generations();
        let created = received.iter().map(|r| (r.token, r.message.created_at()));
        generations.queue.extend(created);
        let too_many = generations.queue.len().saturating_sub(GENERATION);
        for _ in 0..too_many {
            generations.step_aside();
        }
    }

    /// Forgets what was settled, and tells how long after their creation the acked ones were.
    /// `None` if none was.
    pub(crate) fn settled(
        &self,
        tokens: impl Iterator<Item = Token>,
        settled: &[Settled],
        now: Timestamp,
    ) -> Option<Tally> {
        let mut tally = None::<Tally>;
        let mut generations = self.generations();
        for (token, outcome) in tokens.zip(settled) {
            let created = generations.take(&token);
            if let (Settled::Acked, Some(created)) = (outcome, created) {
                tally.get_or_insert_default().add(now.since(created));
            }
        }
        tally
    }
}

impl Generations {
    /// The first of the queue goes among those that others have overtaken.
    fn step_aside(&mut self) {
        let Some((token, created)) = self.queue.pop_front() else {
            return;
        };
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(token, created);
    }

    fn take(&mut self, token: &Token) -> Option<Timestamp> {
        if self.queue.front().is_some_and(|(first, _)| first == token) {
            return self.queue.pop_front().map(|(_, created)| created);
        }
        if let Some(created) = self.overtaken(token) {
            return Some(created);
        }
        // Each steps aside once, however often somebody looks for what is not there.
        while self.queue.front().is_some_and(|(first, _)| first != token) {
            self.step_aside();
        }
        self.queue.pop_front().map(|(_, created)| created)
    }

    fn overtaken(&mut self, token: &Token) -> Option<Timestamp> {
        if self.young.is_empty() && self.old.is_empty() {
            return None;
        }
        let young = self.young.remove(token);
        // Mostly empty: then nothing is hashed.
        match young.is_none() && !self.old.is_empty() {
            true => self.old.remove(token),
            false => young,
        }
    }
}

/// Mixes the three numbers of a token. They come from the broker, so nobody can choose them to
/// collide, and the common hasher would cost more than all else that is counted of a message.
#[derive(Debug, Default)]
struct TokenHasher(u64);

impl Hasher for TokenHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, n: u64) {
        // An odd number near 2^64 divided by the golden ratio spreads neighbours.
        self.0 = (self.0.rotate_left(5) ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        // The table takes its place from the low bits, and a product mixes best into the high ones.
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use glmsg_core::{History, Message};

    use super::*;

    fn received(place: u64, message: &Message) -> Received {
        Received {
            message: message.clone(),
            token: Token::new(place, 0, 0),
            attempt: 1,
            history: History::default(),
        }
    }

    #[test]
    fn what_is_never_settled_is_forgotten() {
        let message = Message::builder("t").payload("x").build().expect("valid");
        let later = message.created_at().after(Duration::from_secs(3));
        let held = Held::default();
        let many = 4 * u64::try_from(GENERATION).expect("fits");
        for place in 0..many {
            held.received(&[received(place, &message)]);
        }
        let kept = held.generations();
        assert!(kept.queue.len() + kept.young.len() + kept.old.len() <= 3 * GENERATION);
        drop(kept);
        let settle = |place| {
            let token = Token::new(place, 0, 0);
            held.settled([token].into_iter(), &[Settled::Acked], later)
        };
        assert!(settle(0).is_none());
        assert!(settle(many - 1).is_some());
        assert!(settle(many - 1).is_none(), "it was forgotten");
    }
    #[test]
    fn each_is_found_in_whatever_order_it_is_settled() {
        let message = Message::builder("t").payload("x").build().expect("valid");
        let held = Held::default();
        let all: Vec<Received> = (0..100).map(|place| received(place, &message)).collect();
        held.received(&all);
        let now = message.created_at();
        // Every third from the back, then all: each is there once.
        let backwards = (0..100_u64).rev().filter(|place| place % 3 == 0);
        let order: Vec<u64> = backwards.chain(0..100).collect();
        let settle = |place: &u64| {
            let token = Token::new(*place, 0, 0);
            held.settled([token].into_iter(), &[Settled::Acked], now)
        };
        let found = order.iter().filter(|place| settle(place).is_some()).count();
        assert_eq!(found, 100);
        let kept = held.generations();
        assert_eq!(kept.queue.len() + kept.young.len() + kept.old.len(), 0);
    }
}

//! Waiting for a log to grow: a read that blocks, on a connection of its own.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use glmsg_broker::StorageKey;
use glmsg_core::Result;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout};

use super::RedisStorage;
use crate::broker::closed;
use crate::connection::{Dedicated, Request};
use crate::digits::Digits;
use crate::error::silent;

/// How many wait at the server at a time; others look now and then.
const AT_THE_SERVER: usize = 16;
/// How many connections are kept for the next wait.
const KEPT: usize = 4;
/// How often those look that do not wait at the server.
const POLL: Duration = Duration::from_millis(50);
/// The longest that a connection blocks at once.
const ROUND: Duration = Duration::from_secs(5);

/// Connections that wait.
#[derive(Debug)]
pub(super) struct Waiters {
    room: Semaphore,
    idle: Mutex<Vec<(u16, Dedicated)>>,
}

impl Default for Waiters {
    fn default() -> Self {
        Self {
            room: Semaphore::new(AT_THE_SERVER),
            idle: Mutex::default(),
        }
    }
}

impl Waiters {
    fn take(&self, slot: u16) -> Option<Dedicated> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let at = idle.iter().position(|(of, _)| *of == slot)?;
        Some(idle.swap_remove(at).1)
    }

    fn put_back(&self, slot: u16, connection: Dedicated) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() >= KEPT {
            idle.remove(0);
        }
        idle.push((slot, connection));
    }
}

impl RedisStorage {
    pub(super) async fn wait_for(
        &self,
        log: &StorageKey,
        after: u64,
        timeout: Duration,
    ) -> Result<u64> {
        let deadline = Instant::now().checked_add(timeout);
        let mut closing = self.shared.closed.subscribe();
        loop {
            let version = self.found_version(log).await?;
            if version > after {
                return Ok(version);
            }
            let left = deadline.map_or(ROUND, |at| at.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Ok(version);
            }
            tokio::select! {
                () = self.round(log, after, left.min(ROUND)) => {}
                _ = closing.wait_for(|closed| *closed) => return Err(closed()),
            }
        }
    }

    /// Waits at most so long, and at least a little where it cannot wait at the server.
    async fn round(&self, log: &StorageKey, after: u64, time: Duration) {
        let until = Instant::now() + time.min(POLL);
        let is_heard = match self.waiters.room.try_acquire() {
            Ok(_room) => self.block(log, after, time).await.is_ok(),
            Err(_) => false,
        };
        if !is_heard {
            sleep_until(until).await;
        }
    }

    async fn block(&self, log: &StorageKey, after: u64, time: Duration) -> Result<()> {
        let shard = self.shard(log);
        let mut connection = match self.waiters.take(shard.slot) {
            Some(connection) => connection,
            None => {
                let opening = timeout(time, self.shared.link.dedicated(shard.slot)).await;
                opening.map_err(|_| silent(false))??
            }
        };
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
        let (block, name, last) = (
            Digits::of(millis),
            shard.log(log.as_str()),
            format!("{after}-0"),
        );
        let read = Request::new(&[
            b"XREAD",
            b"COUNT",
            b"1",
            b"BLOCK",
            block.as_bytes(),
            b"STREAMS",
            name.as_bytes(),
            last.as_bytes(),
        ]);
        // If this is dropped meanwhile the connection goes with it.
        let mut heard = connection.send(read, time).await?;
        let answer = heard.value()?;
        if matches!(answer, redis::Value::ServerError(_)) {
            return crate::encode::fine(answer).map(drop);
        }
        self.waiters.put_back(shard.slot, connection);
        Ok(())
    }
}

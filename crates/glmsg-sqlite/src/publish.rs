//! Storing messages: encoded here, in the task that publishes, and handed to the writer.

use std::sync::Arc;

use glmsg_broker::Published;
use glmsg_core::{Error, ErrorKind, Message, Result};

use crate::SqliteBroker;
use crate::encode::Encoded;
use crate::error::closed;

/// How much may wait for the writer, in units of [`UNIT`].
pub(crate) const MOST_WAITING: usize = 1 << 16;
/// What one permit stands for, in bytes.
const UNIT: usize = 1024;

impl SqliteBroker {
    pub(crate) async fn store(&self, messages: &[Message]) -> Result<Vec<Published>> {
        if self.handle.queue().is_closing() {
            return Err(closed().operation("publish"));
        }
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        let batch = Encoded::new(messages, self.config.max_payload);
        let units = units(batch.size());
        let waiting = Arc::clone(&self.waiting);
        let room = waiting.acquire_many_owned(units).await;
        let room = room.map_err(|_| closed().operation("publish"))?;
        // A commit that may or may not be on the disk is said of each message.
        let weight = batch.len();
        let stored = self.handle.call(weight, move |store| {
            let _held_until_answered = &room;
            store.publish(&batch)
        });
        match stored.await {
            Err(e) if e.kind() == ErrorKind::Indeterminate => Ok(indeterminate(&e, weight)),
            stored => stored.map_err(|e| e.operation("publish")),
        }
    }
}

/// How many permits so many bytes take.
pub(crate) fn units(bytes: usize) -> u32 {
    let units = (bytes / UNIT + 1).min(MOST_WAITING);
    u32::try_from(units).unwrap_or(u32::MAX)
}

fn indeterminate(error: &Error, messages: usize) -> Vec<Published> {
    let each = || Published::Indeterminate(error.duplicate().operation("publish"));
    std::iter::repeat_with(each).take(messages).collect()
}

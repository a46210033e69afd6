//! The bytes of appends that are held.

use glmsg_broker::StorageKey;

use super::{Head, Piece, View};

impl View {
    pub(super) fn cache(&mut self, key: &StorageKey, piece: &Piece) {
        if let Some(body) = &piece.chunk.body {
            self.cached_bytes += body.len();
            self.cached.push_back((key.clone(), piece.offset));
        }
    }

    /// Leaves bytes of logs in the topic, the oldest first.
    pub(super) fn evict(&mut self) {
        while self.cached_bytes > self.cache {
            let Some((key, offset)) = self.cached.pop_front() else {
                return;
            };
            let Some(Head::Log(pieces)) = self.logs.get_mut(&key).map(|entry| &mut entry.head)
            else {
                continue;
            };
            if let Ok(at) = pieces.binary_search_by_key(&offset, |piece| piece.offset)
                && let Some(body) = pieces[at].chunk.body.take()
            {
                self.cached_bytes = self.cached_bytes.saturating_sub(body.len());
            }
        }
    }
}

//! Payloads, copied out of what was fetched: a slice of that would keep all of it in memory.

use bytes::{Bytes, BytesMut};

/// So many bytes of small payloads share their memory, which is free when the last of them is: to ask for
/// memory for each takes longer than to copy them.
const BLOCK: usize = 8 * 1024;
/// A payload that is larger has memory of its own.
const SMALL: usize = 1024;

/// The memory of small payloads.
#[derive(Debug, Default)]
pub(super) struct Block(BytesMut);

impl Block {
    pub(super) fn keep(&mut self, payload: &[u8]) -> Bytes {
        if payload.is_empty() || payload.len() > SMALL {
            return Bytes::copy_from_slice(payload);
        }
        if self.0.capacity() < payload.len() {
            self.0 = BytesMut::with_capacity(BLOCK);
        }
        self.0.extend_from_slice(payload);
        self.0.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_what_was_there() {
        let mut block = Block::default();
        let payloads: Vec<Vec<u8>> = (0..3000_usize)
            .map(|n| vec![n.to_le_bytes()[0]; n])
            .collect();
        let kept: Vec<Bytes> = payloads.iter().map(|payload| block.keep(payload)).collect();
        assert!(
            payloads
                .iter()
                .zip(&kept)
                .all(|(payload, kept)| payload == kept)
        );
    }
}

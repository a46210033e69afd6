//! The batches of a partition, one after the other.

use bytes::Bytes;
use glmsg_core::Result;

use super::batch::Batch;
use super::cursor::malformed;
use super::header::{self, Header};

/// What an answer holds of a partition: batches one after the other, of which the last may be cut
/// off. Ends there, or after the first error.
#[derive(Debug, Clone, Default)]
pub struct Batches {
    left: Bytes,
}

impl Batches {
    /// Those of these bytes.
    pub const fn new(bytes: Bytes) -> Self {
        Self { left: bytes }
    }

    /// What is left to be read: after the end, a batch that is cut off.
    pub const fn left(&self) -> &Bytes {
        &self.left
    }

    /// How many bytes the next batch takes. None if it is not there as a whole.
    fn next_size(&self) -> Result<Option<usize>> {
        let Some((prefix, _)) = self.left.split_first_chunk::<{ header::PREFIX }>() else {
            return Ok(None);
        };
        let [offset @ .., a, b, c, d] = *prefix;
        let offset = i64::from_be_bytes(offset);
        if let Some(magic) = self.left.get(header::MAGIC_AT) {
            header::check_magic(*magic, offset)?;
        }
        let length = i32::from_be_bytes([a, b, c, d]);
        let size = usize::try_from(length).ok();
        let size = size.and_then(|length| length.checked_add(header::PREFIX));
        match size {
            Some(size) if size >= header::SIZE => Ok((self.left.len() >= size).then_some(size)),
            _ => {
                let fault = "its length is less than that of a header";
                Err(malformed("a batch", fault, offset))
            }
        }
    }
}

impl Iterator for Batches {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = match self.next_size() {
            Ok(None) => return None,
            Ok(Some(size)) => {
                let bytes = self.left.split_to(size);
                Header::read(&bytes).map(|header| Batch::new(header, bytes))
            }
            Err(error) => Err(error),
        };
        if read.is_err() {
            self.left.clear();
        }
        Some(read)
    }
}

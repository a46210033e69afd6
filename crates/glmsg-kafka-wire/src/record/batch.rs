//! A batch as it was stored.

use bytes::Bytes;
use glmsg_core::Result;

use super::codec::{self, Compression};
use super::cursor::malformed;
use super::header::{self, Header};
use super::records::Records;

/// A batch as it was stored: its records may be compressed, and it is not known to be whole until
/// [`check`](Self::check) has said so.
#[derive(Debug, Clone)]
pub struct Batch {
    header: Header,
    bytes: Bytes,
}

impl Batch {
    pub(super) const fn new(header: Header, bytes: Bytes) -> Self {
        Self { header, bytes }
    }

    /// What stands before its records.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// How many bytes it takes as it was stored.
    pub const fn size(&self) -> usize {
        self.bytes.len()
    }

    #[cfg(test)]
    pub(super) const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Whether its records are compressed.
    pub fn is_packed(&self) -> bool {
        self.header.compression != Compression::None
    }

    /// Compares its bytes with the checksum.
    ///
    /// # Errors
    /// `Codec` if they are not those that were sent.
    pub fn check(&self) -> Result<()> {
        let checked = self.bytes.get(header::CHECKED_AT..).unwrap_or_default();
        if crc32c::crc32c(checked) == self.header.crc {
            return Ok(());
        }
        let fault = "its checksum is another";
        Err(malformed("a batch", fault, self.header.base_offset))
    }

    /// Its records. They are not copied unless they are compressed.
    ///
    /// # Errors
    /// `Codec` if they cannot be decompressed, `TooLarge` if they take more than `most` bytes then,
    /// `Unsupported` for a codec that is not built in.
    pub fn open(&self, most: usize) -> Result<Records> {
        let body = self
            .bytes
            .slice(header::SIZE.min(self.bytes.len())..self.bytes.len());
        let body = match self.header.compression {
            Compression::None => body,
            packed => {
                let inflated = codec::inflate(packed, &body, most);
                let offset = self.header.base_offset;
                Bytes::from(inflated.map_err(|error| error.with("offset", offset))?)
            }
        };
        Ok(Records::new(self.header, body))
    }
}

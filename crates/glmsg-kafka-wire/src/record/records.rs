//! The records of a batch.

use bytes::Bytes;
use glmsg_core::Result;

use super::cursor::{Cursor, Fault, malformed};
use super::header::{Header, TimestampType};
use super::headers::Headers;
use super::item::Record;

/// The records of a batch, from an offset on. A clone shares their bytes.
#[derive(Debug, Clone)]
pub struct Records {
    header: Header,
    body: Bytes,
    from: i64,
}

impl Records {
    pub(super) const fn new(header: Header, body: Bytes) -> Self {
        let from = header.base_offset;
        Self { header, body, from }
    }

    /// Leaves out those before an offset.
    #[must_use]
    pub fn starting_at(mut self, offset: i64) -> Self {
        self.from = self.from.max(offset);
        self
    }

    /// What stood before them.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// How many bytes they take.
    pub const fn size(&self) -> usize {
        self.body.len()
    }

    /// Each of them, in their order. Ends after the first error.
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            records: self,
            left: Cursor(&self.body),
            count: self.header.count,
        }
    }
}

impl<'a> IntoIterator for &'a Records {
    type Item = Result<Record<'a>>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Goes through the records of a batch.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    records: &'a Records,
    left: Cursor<'a>,
    /// How many are to come.
    count: u32,
}

impl<'a> Iter<'a> {
    /// The next one; none if it is before the offset that they begin at.
    fn read(&mut self) -> Result<Option<Record<'a>>, Fault> {
        let length = self.left.varint()?;
        let length = usize::try_from(length).map_err(|_| "its length is negative")?;
        let mut record = Cursor(self.left.take(length)?);
        let _attributes: [u8; 1] = record.array()?;
        let timestamp_delta = record.varlong()?;
        let offset_delta = record.varint()?;
        let header = &self.records.header;
        let offset = header.base_offset.saturating_add(offset_delta.into());
        if offset_delta < 0 || offset > header.last_offset {
            return Err("its offset is outside of its batch");
        }
        if offset < self.records.from {
            return Ok(None);
        }
        let key = record.optional()?;
        let value = record.optional()?;
        let headers = Headers::read(record)?;
        Ok(Some(Record {
            offset,
            timestamp: match header.timestamp_type {
                TimestampType::LogAppendTime => header.max_timestamp,
                TimestampType::CreateTime => header.base_timestamp.wrapping_add(timestamp_delta),
            },
            key,
            value,
            headers,
            body: &self.records.body,
        }))
    }

    fn fail(&mut self, fault: Fault) -> Option<Result<Record<'a>>> {
        // Where in the batch it is, is not known any more.
        let offset = self.records.header.base_offset;
        self.left = Cursor(&[]);
        self.count = 0;
        Some(Err(malformed("a record of the batch", fault, offset)))
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Result<Record<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.count > 0 {
            self.count -= 1;
            match self.read() {
                Ok(Some(record)) => return Some(Ok(record)),
                Ok(None) => {}
                Err(fault) => return self.fail(fault),
            }
        }
        match self.left.is_empty() {
            true => None,
            false => self.fail("there is more than the records that it counts"),
        }
    }
}

//! Records of one partition, written one behind the other as they stand in its log.

use bytes::Bytes;
use tokio::time::Instant;

use super::ticket::Reports;
use super::{Failure, NewRecord};
use crate::record::deflate;
use crate::{Compression, varint};

/// What stands before the records: offset, length, epoch, magic, checksum, and what it sums up.
const HEAD: usize = 61;
/// Where what the checksum is of begins.
const SUMMED: usize = 21;
/// Lengths of what stands before a record's own attributes, at most.
const RECORD_EXCESS: usize = 5 + 1 + 10 + 5 + 5 + 5 + 5;

/// Who sends a batch, and how many records of his went to the partition before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sequence {
    pub(super) producer: i64,
    pub(super) epoch: i16,
    pub(super) first: i32,
}

/// Records of one partition.
#[derive(Debug)]
pub(super) struct Batch {
    /// Room for the head, and the records.
    bytes: Vec<u8>,
    count: i32,
    first_time: i64,
    last_time: i64,
    /// Who waits for what.
    pub(super) reports: Reports,
    /// When it is given up.
    pub(super) deadline: Instant,
    /// Its place among those of its producer, from when it is sent on.
    pub(super) sequence: Option<Sequence>,
    /// The bytes as they were sent, and the records if these are compressed.
    sealed: Option<Bytes>,
    open: Option<Vec<u8>>,
    /// It was sent, and may be stored.
    pub(super) is_in_doubt: bool,
    /// What was last said of it.
    pub(super) last: Option<Failure>,
}

impl Batch {
    pub(super) fn new(deadline: Instant) -> Self {
        Self {
            bytes: Vec::new(),
            count: 0,
            first_time: 0,
            last_time: 0,
            reports: Reports::default(),
            deadline,
            sequence: None,
            sealed: None,
            open: None,
            is_in_doubt: false,
            last: None,
        }
    }

    /// How many bytes a record takes at most.
    pub(super) fn size_of(record: &NewRecord<'_>) -> usize {
        let parts = record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len);
        parts + record.headers.map_or(0, |h| h.bytes().len()) + RECORD_EXCESS
    }

    /// How many bytes it takes.
    pub(super) fn len(&self) -> usize {
        if let Some(records) = &self.open {
            return HEAD + records.len();
        }
        self.sealed.as_ref().map_or(self.bytes.len(), Bytes::len)
    }

    /// Whether more may be put into it: it was never sent.
    pub(super) fn is_open(&self) -> bool {
        self.sequence.is_none() && self.sealed.is_none()
    }

    pub(super) fn count(&self) -> i32 {
        self.count
    }

    /// Adds a record of this time, in milliseconds.
    pub(super) fn put(&mut self, record: &NewRecord<'_>, time: i64) {
        if self.bytes.is_empty() {
            self.bytes.reserve(HEAD + Self::size_of(record));
            self.bytes.resize(HEAD, 0);
            (self.first_time, self.last_time) = (time, time);
        }
        self.last_time = self.last_time.max(time);
        let headers = record.headers.map_or(&[][..], |headers| headers.bytes());
        let header_count = record.headers.map_or(0, |headers| headers.count());
        let times = time - self.first_time;
        let offset = i64::from(self.count);
        let body = 1
            + varint::len(times)
            + varint::len(offset)
            + varint::len_of_bytes(record.key)
            + varint::len_of_bytes(record.value)
            + varint::len(i64::from(header_count))
            + headers.len();
        let out = &mut self.bytes;
        varint::put(out, i64::try_from(body).unwrap_or(i64::MAX));
        out.push(0);
        varint::put(out, times);
        varint::put(out, offset);
        varint::put_bytes(out, record.key);
        varint::put_bytes(out, record.value);
        varint::put(out, i64::from(header_count));
        out.extend_from_slice(headers);
        self.count += 1;
    }

    /// The batch as it goes over the wire. Sent again it is the same, unless it has another sequence.
    pub(super) fn seal(&mut self, compression: Compression) -> Bytes {
        if let Some(sealed) = &self.sealed {
            return sealed.clone();
        }
        // What cannot be compressed goes as it is.
        let packed = match compression {
            Compression::None => None,
            codec => deflate(codec, &self.bytes[HEAD..]),
        };
        let attributes = packed.as_ref().map_or(0, |_| compression.attribute());
        if let Some(packed) = packed {
            self.open = Some(self.bytes.split_off(HEAD));
            self.bytes.extend_from_slice(&packed);
        }
        let length = i32::try_from(self.bytes.len() - 12).unwrap_or(i32::MAX);
        let sequence = self.sequence.unwrap_or(Sequence {
            producer: -1,
            epoch: -1,
            first: -1,
        });
        let mut bytes = std::mem::take(&mut self.bytes);
        let mut at = 0;
        let mut write = |part: &[u8]| {
            bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        };
        write(&0_i64.to_be_bytes());
        write(&length.to_be_bytes());
        // No leader's epoch is known.
        write(&(-1_i32).to_be_bytes());
        write(&[2]);
        // The checksum comes last.
        write(&[0; 4]);
        // Of no transaction.
        write(&attributes.to_be_bytes());
        write(&(self.count - 1).to_be_bytes());
        write(&self.first_time.to_be_bytes());
        write(&self.last_time.to_be_bytes());
        write(&sequence.producer.to_be_bytes());
        write(&sequence.epoch.to_be_bytes());
        write(&sequence.first.to_be_bytes());
        write(&self.count.to_be_bytes());
        let sum = crc32c::crc32c(&bytes[SUMMED..]);
        bytes[SUMMED - 4..SUMMED].copy_from_slice(&sum.to_be_bytes());
        let sealed = Bytes::from(bytes);
        self.sealed = Some(sealed.clone());
        sealed
    }

    /// Takes it back to where it can be given another sequence.
    pub(super) fn unseal(&mut self) {
        self.sequence = None;
        if let Some(sealed) = self.sealed.take() {
            // Not copied, unless the request still holds it.
            self.bytes = sealed.into();
            if let Some(records) = self.open.take() {
                self.bytes.truncate(HEAD);
                self.bytes.extend_from_slice(&records);
            }
        }
    }

    /// Two batches of one that is too large. None if it has one record.
    pub(super) fn split(mut self) -> Option<[Self; 2]> {
        self.unseal();
        let half = self.count / 2;
        if half == 0 {
            return None;
        }
        let mut parts = [Self::new(self.deadline), Self::new(self.deadline)];
        let (front, back) = std::mem::take(&mut self.reports).split(half.cast_unsigned());
        [parts[0].reports, parts[1].reports] = [front, back];
        let mut rest = self.bytes.get(HEAD..)?;
        for at in 0..self.count {
            let part = &mut parts[usize::from(at >= half)];
            let len = usize::try_from(varint::take(&mut rest)?).ok()?;
            let (mut record, behind) = rest.split_at_checked(len)?;
            rest = behind;
            part.copy(&mut record, self.first_time)?;
        }
        Some(parts)
    }

    /// Adds a record of another batch, whose place is another here.
    fn copy(&mut self, record: &mut &[u8], first_time: i64) -> Option<()> {
        let (_attributes, rest) = record.split_first()?;
        *record = rest;
        let time = first_time + varint::take(record)?;
        varint::take(record)?;
        let key = varint::take_bytes(record)?;
        let value = varint::take_bytes(record)?;
        let mut headers = crate::NewHeaders::new();
        for _ in 0..varint::take(record)? {
            let name = std::str::from_utf8(varint::take_bytes(record)??).ok()?;
            headers.put(name, varint::take_bytes(record)?);
        }
        let record = NewRecord {
            topic: "",
            partition: None,
            key,
            value,
            headers: Some(&headers),
        };
        self.put(&record, time);
        Some(())
    }
}

#[cfg(test)]
mod tests;

//! What stands before the records of a batch.

use glmsg_core::{Error, ErrorKind, Result};

use super::codec::Compression;
use super::cursor::{Cursor, malformed};

/// How many bytes offset and length take, which come first.
pub(super) const PREFIX: usize = 12;
/// Where the number of the format stands, in this one and in those before it.
pub(super) const MAGIC_AT: usize = 16;
/// Where the bytes begin that the checksum is over.
pub(super) const CHECKED_AT: usize = 21;
/// How many bytes a header takes.
pub(super) const SIZE: usize = 61;

const WHAT: &str = "the header of a batch";

/// What stands before the records of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The offset of its first record, which may have been compacted away.
    pub base_offset: i64,
    /// The offset of its last record, which may have been compacted away.
    pub last_offset: i64,
    /// The term of the leader that stored it; -1 if it is not known.
    pub leader_epoch: i32,
    /// The checksum (CRC-32C) of all that comes after it.
    pub crc: u32,
    /// How its records are compressed.
    pub compression: Compression,
    /// What the times of its records say.
    pub timestamp_type: TimestampType,
    /// It is part of a transaction.
    pub is_transactional: bool,
    /// Its record is none of an application: it says how a transaction ended.
    pub is_control: bool,
    /// What the times of its records count from, in milliseconds since 1970.
    pub base_timestamp: i64,
    /// The latest time of its records, or when all of them were stored.
    pub max_timestamp: i64,
    /// The producer that sees to it that no record is stored twice; -1 without.
    pub producer_id: i64,
    /// Which of the producers with this number it was.
    pub producer_epoch: i16,
    /// The producer's number of the first record.
    pub base_sequence: i32,
    /// How many records it holds.
    pub count: u32,
}

/// What the time of a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampType {
    /// When it came about, by its producer's clock.
    CreateTime,
    /// When it was stored, by the broker's clock.
    LogAppendTime,
}

impl Header {
    /// Reads the header that bytes begin with.
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let mut cursor = Cursor(bytes);
        let base_offset = match cursor.array() {
            Ok(bytes) => i64::from_be_bytes(bytes),
            Err(fault) => return Err(malformed(WHAT, fault, -1)),
        };
        let header = Self::read_from(base_offset, cursor);
        header.map_err(|fault| malformed(WHAT, fault, base_offset))
    }

    fn read_from(base_offset: i64, mut cursor: Cursor<'_>) -> Result<Self, &'static str> {
        let _length: [u8; 4] = cursor.array()?;
        let leader_epoch = i32::from_be_bytes(cursor.array()?);
        let _magic: [u8; 1] = cursor.array()?;
        let crc = u32::from_be_bytes(cursor.array()?);
        let attributes = i16::from_be_bytes(cursor.array()?);
        let last_offset_delta = i32::from_be_bytes(cursor.array()?);
        let base_timestamp = i64::from_be_bytes(cursor.array()?);
        let max_timestamp = i64::from_be_bytes(cursor.array()?);
        let producer_id = i64::from_be_bytes(cursor.array()?);
        let producer_epoch = i16::from_be_bytes(cursor.array()?);
        let base_sequence = i32::from_be_bytes(cursor.array()?);
        let count = i32::from_be_bytes(cursor.array()?);
        if base_offset < 0 {
            return Err("its offset is negative");
        }
        if last_offset_delta < 0 {
            return Err("it ends before it begins");
        }
        // The offset after it must be a number, too: it is asked for next.
        let last_offset = base_offset
            .checked_add(i64::from(last_offset_delta))
            .filter(|last| *last < i64::MAX)
            .ok_or("its offsets are too large")?;
        Ok(Self {
            base_offset,
            last_offset,
            leader_epoch,
            crc,
            compression: Compression::of(attributes)?,
            timestamp_type: match attributes & 0x08 {
                0 => TimestampType::CreateTime,
                _ => TimestampType::LogAppendTime,
            },
            is_transactional: attributes & 0x10 != 0,
            is_control: attributes & 0x20 != 0,
            base_timestamp,
            max_timestamp,
            producer_id,
            producer_epoch,
            base_sequence,
            count: u32::try_from(count).map_err(|_| "its number of records is negative")?,
        })
    }

    /// The offset that follows it.
    pub const fn next_offset(&self) -> i64 {
        self.last_offset.saturating_add(1)
    }
}

/// Refuses other formats than the one that is read here.
pub(super) fn check_magic(magic: u8, offset: i64) -> Result<()> {
    let (kind, text) = match magic {
        2 => return Ok(()),
        0 | 1 => (
            ErrorKind::Unsupported,
            "messages are stored in a format from before Kafka 0.11",
        ),
        _ => (
            ErrorKind::Codec,
            "messages are stored in a format that is not known",
        ),
    };
    let error = Error::new(kind, text).operation("read");
    Err(error.with("magic", magic).with("offset", offset))
}

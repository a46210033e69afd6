//! An answer's bytes, read with mistrust.

use std::ops::Range;

use bytes::{Buf, Bytes, TryGetError};
use kafka_protocol::messages::ResponseHeader;
use kafka_protocol::protocol::buf::ByteBuf;
use kafka_protocol::protocol::{Decodable, Request};

use super::error::malformed;
use glmsg_core::Result;

/// What a number may exceed the bytes that are left by: a number of a tagged field counts nothing.
const SLACK: u64 = 1 << 16;

/// An answer. Bytes that are read from it share its memory.
///
/// The decoder makes room for as many elements as an answer says that it has, and a process that
/// asks for too much memory dies. All numbers of variable length are counts, lengths or numbers of
/// tagged fields, so that one that goes far beyond what is left is refused before it is believed.
/// Answers in versions without such numbers have counts that look like any other number; those that
/// come before a login is through are looked at by who reads them.
#[derive(Debug)]
pub(super) struct Answer {
    left: Bytes,
    /// What there is of a number of variable length.
    number: u64,
    /// How many bits that is.
    bits: u32,
}

impl Answer {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self {
            left: bytes,
            number: 0,
            bits: 0,
        }
    }

    /// Reads the header; returns the number of the request that was answered.
    pub(super) fn header(&mut self, version: i16) -> Result<i32> {
        let header = ResponseHeader::decode(self, version).map_err(malformed)?;
        Ok(header.correlation_id)
    }

    /// Reads what follows the header. More than that is passed over, as Kafka's own client does.
    pub(super) fn read<R: Request>(mut self, version: i16) -> Result<R::Response> {
        Decodable::decode(&mut self, version).map_err(malformed)
    }

    /// What was not read yet.
    pub(super) fn left(&self) -> &[u8] {
        &self.left
    }

    /// Takes up one more byte of a number of variable length.
    fn count(&mut self, byte: u8) -> Result<(), TryGetError> {
        self.number |= u64::from(byte & 0x7f) << self.bits;
        self.bits += 7;
        if byte & 0x80 != 0 && self.bits < 35 {
            return Ok(());
        }
        let (number, available) = (self.number, self.left.len());
        self.forget();
        if number > available as u64 + SLACK {
            return Err(TryGetError {
                requested: usize::try_from(number).unwrap_or(usize::MAX),
                available,
            });
        }
        Ok(())
    }

    /// Something else comes.
    fn forget(&mut self) {
        self.number = 0;
        self.bits = 0;
    }
}

impl Buf for Answer {
    fn remaining(&self) -> usize {
        self.left.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.left
    }

    fn advance(&mut self, count: usize) {
        self.forget();
        self.left.advance(count);
    }

    fn try_get_u8(&mut self) -> Result<u8, TryGetError> {
        let byte = self.left.try_get_u8()?;
        self.count(byte)?;
        Ok(byte)
    }

    fn try_copy_to_slice(&mut self, into: &mut [u8]) -> Result<(), TryGetError> {
        self.forget();
        self.left.try_copy_to_slice(into)
    }
}

impl ByteBuf for Answer {
    fn peek_bytes(&mut self, range: Range<usize>) -> Bytes {
        self.left.slice(range)
    }

    fn get_bytes(&mut self, size: usize) -> Bytes {
        self.forget();
        self.left.split_to(size)
    }
}

#[cfg(test)]
mod tests;

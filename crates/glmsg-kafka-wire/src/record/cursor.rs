//! A place in bytes that are read one thing after the other.

use glmsg_core::{Error, ErrorKind, Result};

/// Bytes that are not read yet. What goes beyond them is an error, never a panic.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

/// What is wrong with bytes, apart from where they stand.
pub(super) type Fault = &'static str;

const SHORT: Fault = "it ends too early";

impl<'a> Cursor<'a> {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(SHORT)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// A number of at most 64 bits in zigzag form, in at most ten bytes.
    #[inline]
    pub(super) fn varlong(&mut self) -> Result<i64, Fault> {
        // Most numbers of a record are this small.
        if let Some((&first, rest)) = self.0.split_first()
            && first < 0x80
        {
            self.0 = rest;
            return Ok(zigzag(u64::from(first)));
        }
        self.long_varlong()
    }

    fn long_varlong(&mut self) -> Result<i64, Fault> {
        let mut value = 0_u64;
        for (n, &byte) in self.0.iter().take(10).enumerate() {
            // The tenth byte has room for the last bit alone.
            if n == 9 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << (7 * n);
            if byte < 0x80 {
                self.0 = self.0.get(n + 1..).unwrap_or_default();
                return Ok(zigzag(value));
            }
        }
        Err(match self.0.len() {
            0..10 => SHORT,
            _ => "a number in it has too many bits",
        })
    }

    /// A number of at most 32 bits.
    #[inline]
    pub(super) fn varint(&mut self) -> Result<i32, Fault> {
        let value = self.varlong()?;
        i32::try_from(value).map_err(|_| "a number in it has too many bits")
    }

    /// A length, and as many bytes; none for a length of -1.
    #[inline]
    pub(super) fn optional(&mut self) -> Result<Option<&'a [u8]>, Fault> {
        let length = self.varint()?;
        if length == -1 {
            return Ok(None);
        }
        let length = usize::try_from(length).map_err(|_| "a length in it is negative")?;
        self.take(length).map(Some)
    }
}

const fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

/// An error about what stands at an offset.
#[cold]
pub(super) fn malformed(what: &'static str, fault: Fault, offset: i64) -> Error {
    Error::new(
        ErrorKind::Codec,
        format!("{what} is not as it must be: {fault}"),
    )
    .operation("read")
    .with("offset", offset)
}

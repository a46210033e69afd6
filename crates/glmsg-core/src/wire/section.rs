//! Sections: fields of tag, length and value, one after the other.

use crate::{Error, ErrorKind, Result};

/// The bytes before a field's value: the tag and the length.
pub(super) const FIELD_HEAD: usize = 5;

/// Where the bytes of a section go: a buffer, a counter or a hash, so that all three see the same
/// fields in the same order.
pub(crate) trait Sink {
    fn put(&mut self, bytes: &[u8]);

    /// A field whose value is these parts, one after the other.
    fn field<const N: usize>(&mut self, tag: u8, parts: [&[u8]; N])
    where
        Self: Sized,
    {
        let [a, b, c, d] = length(parts.iter().map(|p| p.len()).sum());
        self.put(&[tag, a, b, c, d]);
        for part in parts {
            self.put(part);
        }
    }
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Counts what the other sinks would take, so that the buffer is allocated once.
#[derive(Default)]
pub(super) struct Count(pub(super) usize);

impl Sink for Count {
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

/// A length as it stands on the wire. The builder's limits keep every length far below `u32::MAX`.
pub(super) fn length(len: usize) -> [u8; 4] {
    u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes()
}

/// Walks through untrusted fields without copying them.
pub(super) struct Fields<'a> {
    envelope: &'a [u8],
    at: usize,
    end: usize,
    last: u8,
    repeatable: Option<u8>,
}

/// One field of a section.
pub(super) struct Field<'a> {
    pub(super) tag: u8,
    /// Where the value begins in the envelope.
    pub(super) offset: usize,
    pub(super) value: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields of `envelope[at..end]`, which must lie within it. Tags must ascend; only
    /// `repeatable` may follow itself.
    pub(super) fn new(envelope: &'a [u8], at: usize, end: usize, repeatable: Option<u8>) -> Self {
        Self {
            envelope,
            at,
            end,
            last: 0,
            repeatable,
        }
    }

    /// The next field; `name` is for errors.
    pub(super) fn next(&mut self, name: fn(u8) -> &'static str) -> Result<Option<Field<'a>>> {
        if self.at == self.end {
            return Ok(None);
        }
        let rest = &self.envelope[self.at..self.end];
        let Some(&[tag, a, b, c, d]) = rest.first_chunk::<FIELD_HEAD>() else {
            return Err(bad("field", self.at, "the section ends within a field"));
        };
        let offset = self.at + FIELD_HEAD;
        let len = u32::from_be_bytes([a, b, c, d]) as usize;
        let Some(value) = rest[FIELD_HEAD..].get(..len) else {
            return Err(bad(
                name(tag),
                offset,
                format!(
                    "the length says {len} bytes, the section has {} left",
                    rest.len() - FIELD_HEAD
                ),
            ));
        };
        if tag == self.last && self.repeatable != Some(tag) {
            return Err(bad(name(tag), offset, "the field stands twice"));
        }
        if tag < self.last || tag == 0 {
            return Err(bad(name(tag), offset, "the field is out of order"));
        }
        self.last = tag;
        self.at = offset + len;
        Ok(Some(Field { tag, offset, value }))
    }
}

/// The error about a field of an envelope.
#[cold]
pub(super) fn bad(field: &'static str, offset: usize, why: impl AsRef<str>) -> Error {
    Error::new(
        ErrorKind::Codec,
        format!("not a valid envelope: {}", why.as_ref()),
    )
    .with("field", field)
    .with("offset", offset)
}

/// The error about a field whose content a message would refuse, too.
#[cold]
pub(super) fn refused(field: &'static str, offset: usize, why: Error) -> Error {
    let kind = match why.kind() {
        ErrorKind::TooLarge => ErrorKind::TooLarge,
        _ => ErrorKind::Codec,
    };
    Error::new(kind, "not a valid envelope: a field is not acceptable")
        .with("field", field)
        .with("offset", offset)
        .source(why)
}

//! Numbers of variable length, as records have them: zigzag, seven bits a byte.

/// How many bytes a number takes.
pub(crate) fn len(value: i64) -> usize {
    let bits = 64 - (zigzag(value) | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// How many bytes a text or none takes with its length.
pub(crate) fn len_of_bytes(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(1, |bytes| len(size(bytes)) + bytes.len())
}

pub(crate) fn put(out: &mut Vec<u8>, value: i64) {
    let mut rest = zigzag(value);
    while rest >= 0x80 {
        out.push(low(rest) | 0x80);
        rest >>= 7;
    }
    out.push(low(rest));
}

/// A length and so many bytes; -1 for none.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => {
            put(out, size(bytes));
            out.extend_from_slice(bytes);
        }
        None => put(out, -1),
    }
}

/// A number, taken off the front. None if there is none.
pub(crate) fn take(from: &mut &[u8]) -> Option<i64> {
    let mut value = 0_u64;
    for (at, byte) in from.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            *from = &from[at + 1..];
            return Some(unzigzag(value));
        }
    }
    None
}

/// Bytes with their length, taken off the front. None if there are none.
pub(crate) fn take_bytes<'a>(from: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let len = take(from)?;
    if len < 0 {
        return Some(None);
    }
    let (bytes, rest) = from.split_at_checked(usize::try_from(len).ok()?)?;
    *from = rest;
    Some(Some(bytes))
}

fn size(bytes: &[u8]) -> i64 {
    i64::try_from(bytes.len()).unwrap_or(i64::MAX)
}

fn low(value: u64) -> u8 {
    value.to_le_bytes()[0] & 0x7F
}

fn zigzag(value: i64) -> u64 {
    (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_kafka_does() {
        for (value, bytes) in [
            (0, &[0][..]),
            (-1, &[1]),
            (1, &[2]),
            (63, &[0x7E]),
            (64, &[0x80, 1]),
            (-65, &[0x81, 1]),
            (300, &[0xD8, 4]),
        ] {
            let mut out = Vec::new();
            put(&mut out, value);
            assert_eq!(out, bytes, "{value}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_number_comes_back(value: i64) {
            let mut out = Vec::new();
            put(&mut out, value);
            proptest::prop_assert_eq!(out.len(), len(value));
            let mut rest = &*out;
            proptest::prop_assert_eq!(take(&mut rest), Some(value));
            proptest::prop_assert!(rest.is_empty());
            proptest::prop_assert_eq!(take(&mut &out[..out.len() - 1]), None);
        }
    }
}

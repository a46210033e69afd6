//! Snappy as Kafka's clients write it: a block, or blocks in the frames of Java's `snappy-java`.

use snap::raw::{Decoder, decompress_len};

use super::Failure;

/// What the frames begin with; two numbers of versions follow.
const MAGIC: &[u8; 8] = b"\x82SNAPPY\0";

pub(super) fn inflate(packed: &[u8], most: usize) -> Result<Vec<u8>, Failure> {
    let mut inflated = Vec::new();
    let framed = packed
        .strip_prefix(MAGIC)
        .and_then(|rest| rest.split_at_checked(8));
    let Some((_versions, mut blocks)) = framed else {
        block(packed, &mut inflated, most)?;
        return Ok(inflated);
    };
    while !blocks.is_empty() {
        let (length, rest) = blocks.split_first_chunk().ok_or_else(short)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| short())?;
        let (packed, rest) = rest.split_at_checked(length).ok_or_else(short)?;
        block(packed, &mut inflated, most)?;
        blocks = rest;
    }
    Ok(inflated)
}

fn block(packed: &[u8], inflated: &mut Vec<u8>, most: usize) -> Result<(), Failure> {
    // Its size stands before it, so that nothing is made for one that is too large.
    let size = decompress_len(packed).map_err(malformed)?;
    let start = inflated.len();
    let end = start.checked_add(size).filter(|end| *end <= most);
    inflated.resize(end.ok_or(Failure::TooLarge)?, 0);
    let room = inflated.get_mut(start..).unwrap_or_default();
    let done = Decoder::new().decompress(packed, room).map_err(malformed)?;
    match done == size {
        true => Ok(()),
        false => Err(short()),
    }
}

fn malformed(error: snap::Error) -> Failure {
    Failure::Malformed(error.into())
}

fn short() -> Failure {
    Failure::Malformed("a block ends too early".into())
}

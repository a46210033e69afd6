//! The wire format: a message as one envelope of bytes, and a history as another.
//!
//! The format is written up in `docs/wire-format.md`, byte by byte, for other languages. In short:
//! magic and version, a *signed* section with everything the producer said, and an *unsigned* one
//! with the trace context and the provenance. The signed section is also what provenance is
//! computed over, so encoding and hashing share one serialisation, and a received message is
//! verified over the bytes that were received.

mod decode;
mod encode;
mod fields;
mod history;
mod section;

pub use decode::{Decoder, decode};
pub use encode::{encode, encode_into, encoded_len};
pub use history::{decode_history, encode_history};

pub(crate) use encode::signed_fields;
pub(crate) use section::Sink;

/// The first three bytes of every envelope. The first is no UTF-8 and no ASCII, so text is never
/// mistaken for an envelope.
pub const MAGIC: [u8; 3] = [0x8F, b'G', b'M'];
/// The version of the envelope that this build writes, and the only one it reads.
pub const VERSION: u8 = 1;

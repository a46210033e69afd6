//! Record batches as they stand in an answer: read where they lie, without a copy.

mod batch;
mod batches;
mod codec;
mod cursor;
mod header;
mod headers;
mod item;
mod records;

pub use batch::Batch;
pub use batches::Batches;
pub use codec::Compression;
pub(crate) use codec::deflate;
pub use header::{Header, TimestampType};
pub use headers::Headers;
pub use item::Record;
pub use records::{Iter, Records};

#[cfg(test)]
pub(crate) mod tests;

//! How records are made smaller.

use std::io::{self, Write};

use super::Compression;

impl Compression {
    /// What stands for it in a batch's attributes.
    pub(crate) const fn attribute(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd => 4,
        }
    }
}

/// Compressed records. None if that cannot be done, for a codec that is not built in.
pub(crate) fn deflate(codec: Compression, records: &[u8]) -> Option<Vec<u8>> {
    match codec {
        Compression::None => None,
        Compression::Gzip => gzip(records).ok(),
        Compression::Snappy => snap::raw::Encoder::new().compress_vec(records).ok(),
        Compression::Lz4 => lz4(records),
        Compression::Zstd => zstd(records),
    }
}

fn gzip(records: &[u8]) -> io::Result<Vec<u8>> {
    let level = flate2::Compression::default();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
    encoder.write_all(records)?;
    encoder.finish()
}

fn lz4(records: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    encoder.write_all(records).ok()?;
    encoder.finish().ok()
}

#[cfg(feature = "zstd")]
fn zstd(records: &[u8]) -> Option<Vec<u8>> {
    // The library's own level.
    zstd::bulk::compress(records, 0).ok()
}

#[cfg(not(feature = "zstd"))]
fn zstd(_records: &[u8]) -> Option<Vec<u8>> {
    None
}

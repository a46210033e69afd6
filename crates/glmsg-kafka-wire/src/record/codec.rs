//! How records are compressed, and how they are made readable again.

mod deflate;
mod snappy;

use std::io::{self, Read};

use glmsg_core::{Error, ErrorKind, Result};

pub(crate) use deflate::deflate;

/// How records are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// As gzip does.
    Gzip,
    /// Snappy.
    Snappy,
    /// LZ4, in its frames.
    Lz4,
    /// Zstandard; it takes the feature `zstd` to read it.
    Zstd,
}

impl Compression {
    /// That which a batch's attributes say.
    pub(super) const fn of(attributes: i16) -> Result<Self, &'static str> {
        Ok(match attributes & 0x07 {
            0 => Self::None,
            1 => Self::Gzip,
            2 => Self::Snappy,
            3 => Self::Lz4,
            4 => Self::Zstd,
            _ => return Err("its codec is not known"),
        })
    }

    /// Its name, as settings of Kafka have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

/// What was compressed. It takes no more memory than about twice `most`, whatever the bytes say.
pub(super) fn inflate(compression: Compression, packed: &[u8], most: usize) -> Result<Vec<u8>> {
    let done = match compression {
        Compression::None => Ok(packed.to_vec()),
        Compression::Gzip => read(flate2::bufread::MultiGzDecoder::new(packed), packed, most),
        Compression::Snappy => snappy::inflate(packed, most),
        Compression::Lz4 => read(lz4_flex::frame::FrameDecoder::new(packed), packed, most),
        Compression::Zstd => zstd(packed, most),
    };
    done.map_err(|failure| {
        let error = match failure {
            Failure::TooLarge => Error::new(
                ErrorKind::TooLarge,
                "a compressed batch holds more than may be taken into memory",
            )
            .with("most", most),
            Failure::Absent => Error::new(
                ErrorKind::Unsupported,
                "a batch is compressed with a codec that is not built in",
            )
            .remedy("build with the feature `zstd`"),
            Failure::Malformed(why) => {
                Error::new(ErrorKind::Codec, "a batch cannot be decompressed").source(why)
            }
        };
        error.operation("read").with("codec", compression.as_str())
    })
}

/// Why something was not decompressed.
enum Failure {
    TooLarge,
    #[cfg_attr(feature = "zstd", allow(dead_code))]
    Absent,
    Malformed(Box<dyn std::error::Error + Send + Sync>),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Malformed(error.into())
    }
}

/// All that a reader gives, if it is not more than `most`.
fn read(reader: impl Read, packed: &[u8], most: usize) -> Result<Vec<u8>, Failure> {
    // Records are seldom packed tighter; where they are, it grows.
    let mut inflated = Vec::with_capacity(packed.len().saturating_mul(4).min(most));
    let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(bound).read_to_end(&mut inflated)?;
    match inflated.len() > most {
        true => Err(Failure::TooLarge),
        false => Ok(inflated),
    }
}

#[cfg(feature = "zstd")]
fn zstd(packed: &[u8], most: usize) -> Result<Vec<u8>, Failure> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?;
    // The window is memory, too, and its size stands in the first bytes.
    let window = most.max(1).next_power_of_two().ilog2();
    decoder.window_log_max(window.clamp(LEAST_WINDOW, MOST_WINDOW))?;
    read(decoder, packed, most)
}

/// What any stream may take, in powers of two: the usual levels take up to this.
#[cfg(feature = "zstd")]
const LEAST_WINDOW: u32 = 23;
/// The most that the library takes unasked.
#[cfg(feature = "zstd")]
const MOST_WINDOW: u32 = 27;

#[cfg(not(feature = "zstd"))]
fn zstd(_packed: &[u8], _most: usize) -> Result<Vec<u8>, Failure> {
    Err(Failure::Absent)
}

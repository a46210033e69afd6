//! Codecs, and what they may take.

use bytes::Bytes;
use glmsg_core::ErrorKind;
use kafka_protocol::records::Compression as Codec;

use super::{encode, made, only};
use crate::record::codec::{Compression, inflate};

fn all() -> Vec<Codec> {
    let mut all = vec![Codec::Gzip, Codec::Snappy, Codec::Lz4];
    if cfg!(feature = "zstd") {
        all.push(Codec::Zstd);
    }
    all
}

#[test]
fn what_is_packed_tightly_is_bounded() {
    let value = vec![0; 3 << 20];
    for codec in all() {
        let bytes = encode(&[made(5, None, &value)], codec);
        let batch = only(&bytes);
        batch.check().unwrap();
        let whole = batch.open(4 << 20).unwrap();
        assert!(whole.size() > value.len());
        let exact = batch.open(whole.size()).unwrap();
        let record = exact.iter().next().unwrap().unwrap();
        assert_eq!(record.value, Some(&*value));
        for most in [whole.size() - 1, 1 << 20, 1, 0] {
            let error = batch.open(most).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TooLarge, "{codec:?}: {error}");
            assert_eq!(error.context("offset"), Some("5"));
        }
    }
}

#[test]
fn what_is_cut_off_is_refused() {
    for codec in all() {
        let packed = only(&encode(&[made(5, None, &[3; 70_000])], codec));
        let compression = packed.header().compression;
        let bytes = &packed.bytes()[61..];
        inflate(compression, bytes, 1 << 20).unwrap();
        for end in [1, bytes.len() / 2, bytes.len() - 1] {
            let error = inflate(compression, &bytes[..end], 1 << 20).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Codec, "{codec:?} to {end}");
        }
    }
}

#[test]
fn snappy_without_frames() {
    let plain = b"text text text text".repeat(100);
    let packed = snap::raw::Encoder::new().compress_vec(&plain).unwrap();
    let inflated = inflate(Compression::Snappy, &packed, plain.len()).unwrap();
    assert_eq!(inflated, plain);
    let error = inflate(Compression::Snappy, &packed, plain.len() - 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

#[test]
fn a_size_that_is_a_lie_takes_no_memory() {
    // A block of snappy that says it holds nearly 4 GiB.
    let packed = Bytes::from_static(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0]);
    let error = inflate(Compression::Snappy, &packed, 1 << 20).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

#[test]
#[cfg(not(feature = "zstd"))]
fn a_codec_that_is_not_built_in_is_named() {
    let batch = only(&encode(&[made(5, None, b"x")], Codec::Zstd));
    let error = batch.open(1 << 20).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("`zstd`"), "{error}");
}

//! Batches that another implementation wrote, whole and damaged.

mod codecs;
mod damage;
mod round_trip;

use bytes::{Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{
    Compression as Codec, Record as Made, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};

use super::{Batch, Batches};

/// A record as the other implementation has it.
pub(crate) fn made(offset: i64, key: Option<&str>, value: &[u8]) -> Made {
    Made {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: 3,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: TimestampType::Creation,
        offset,
        sequence: i32::try_from(offset).unwrap(),
        timestamp: 1_700_000_000_000 + offset,
        key: key.map(|key| Bytes::copy_from_slice(key.as_bytes())),
        value: Some(Bytes::copy_from_slice(value)),
        headers: IndexMap::new(),
    }
}

pub(crate) fn with_header(mut record: Made, name: &str, value: Option<&[u8]>) -> Made {
    let value = value.map(Bytes::copy_from_slice);
    let name = StrBytes::from_string(name.to_owned());
    record.headers.insert(name, value);
    record
}

/// These records as batches: one where all may be in one.
pub(crate) fn encode(records: &[Made], compression: Codec) -> Bytes {
    let mut bytes = BytesMut::new();
    let options = RecordEncodeOptions {
        version: 2,
        compression,
    };
    RecordBatchEncoder::encode(&mut bytes, records, &options).unwrap();
    bytes.freeze()
}

/// The one batch of these bytes.
fn only(bytes: &Bytes) -> Batch {
    let mut batches = Batches::new(bytes.clone());
    let batch = batches.next().unwrap().unwrap();
    assert!(batches.next().is_none());
    batch
}

/// Changes bytes.
fn changed(bytes: &Bytes, at: usize, to: &[u8]) -> Bytes {
    let mut bytes = bytes.to_vec();
    bytes[at..at + to.len()].copy_from_slice(to);
    bytes.into()
}

/// Makes the checksum of one batch right again.
pub(crate) fn sealed(bytes: &Bytes) -> Bytes {
    let crc = crc32c::crc32c(&bytes[21..]);
    changed(bytes, 17, &crc.to_be_bytes())
}

const MOST: usize = 1 << 20;

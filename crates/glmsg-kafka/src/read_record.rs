//! A record as it stands in a partition, whichever client has read it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use glmsg_core::Timestamp;

use crate::encode::Origin;

/// A record as it stands in a partition.
pub(crate) trait ReadRecord {
    /// Where it stands, and since when.
    fn origin(&self) -> Origin<'_>;

    /// What it is about.
    fn key_bytes(&self) -> Option<&[u8]>;

    /// What it says. None of a tombstone.
    fn value_bytes(&self) -> Option<&[u8]>;

    /// What it says, to be kept.
    fn kept_value(&self) -> Bytes {
        Bytes::copy_from_slice(self.value_bytes().unwrap_or_default())
    }

    /// Its headers. One whose name is not UTF-8 is left out, as a message can not carry it.
    fn header_list(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> + Clone;

    /// When the broker stored it.
    fn stored_at(&self) -> Timestamp {
        let millis = self.origin().timestamp_ms.unwrap_or(0);
        Timestamp::from_micros(millis.saturating_mul(1000))
    }

    /// The value of a header.
    fn find_header(&self, name: &str) -> Option<&[u8]> {
        let mut all = self.header_list();
        all.find(|(found, _)| *found == name)
            .and_then(|(_, value)| value)
    }

    /// The number that a header has.
    fn number_in(&self, name: &str) -> Option<i64> {
        std::str::from_utf8(self.find_header(name)?)
            .ok()?
            .parse()
            .ok()
    }
}

/// Records that the client library has read.
impl<R: rdkafka::Message> ReadRecord for R {
    fn origin(&self) -> Origin<'_> {
        Origin {
            topic: self.topic(),
            partition: self.partition(),
            offset: self.offset(),
            timestamp_ms: self.timestamp().to_millis(),
        }
    }

    fn key_bytes(&self) -> Option<&[u8]> {
        rdkafka::Message::key(self)
    }

    fn value_bytes(&self) -> Option<&[u8]> {
        rdkafka::Message::payload(self)
    }

    fn header_list(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> + Clone {
        let headers = rdkafka::Message::headers(self);
        let count = headers.map_or(0, rdkafka::message::Headers::count);
        (0..count).filter_map(move |n| header_at(headers?, n))
    }
}

/// A header. The library panics for one whose name is not UTF-8: it must not end who reads it.
fn header_at<H: rdkafka::message::Headers>(headers: &H, n: usize) -> Option<(&str, Option<&[u8]>)> {
    let header = catch_unwind(AssertUnwindSafe(|| headers.try_get(n)));
    header.ok().flatten().map(|h| (h.key, h.value))
}

/// A record that our own client has read, and where.
#[derive(Debug)]
pub(crate) struct Fetched<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) record: glmsg_kafka_wire::Record<'a>,
    /// Its value, in memory that may be kept.
    pub(crate) payload: Bytes,
}

impl ReadRecord for Fetched<'_> {
    fn origin(&self) -> Origin<'_> {
        Origin {
            topic: self.topic,
            partition: self.partition,
            offset: self.record.offset,
            timestamp_ms: Some(self.record.timestamp).filter(|millis| *millis >= 0),
        }
    }

    fn key_bytes(&self) -> Option<&[u8]> {
        self.record.key
    }

    fn value_bytes(&self) -> Option<&[u8]> {
        self.record.value
    }

    fn kept_value(&self) -> Bytes {
        self.payload.clone()
    }

    fn header_list(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> + Clone {
        self.record.headers
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::message::{Header, Headers};

    use super::*;

    /// Headers as the library hands them out, the first of which has a name that is not UTF-8.
    struct Panics;

    impl Headers for Panics {
        fn count(&self) -> usize {
            2
        }

        fn try_get(&self, n: usize) -> Option<Header<'_, &[u8]>> {
            assert_ne!(n, 0, "the library does this, too");
            Some(Header {
                key: "tenant",
                value: None,
            })
        }
    }

    #[test]
    fn a_name_that_is_no_text_ends_nothing() {
        assert_eq!(header_at(&Panics, 0), None);
        assert_eq!(header_at(&Panics, 1), Some(("tenant", None)));
    }
}

//! The numbers of the fields and their names in errors.

/// Fields of the signed section, in the order in which they must stand.
pub(super) mod signed {
    pub(crate) const ID: u8 = 1;
    pub(crate) const TOPIC: u8 = 2;
    pub(crate) const CONTENT_TYPE: u8 = 3;
    pub(crate) const PRIORITY: u8 = 4;
    pub(crate) const CREATED_AT: u8 = 5;
    pub(crate) const MAX_RETRIES: u8 = 6;
    pub(crate) const KEY: u8 = 7;
    pub(crate) const TTL: u8 = 8;
    pub(crate) const DELAY: u8 = 9;
    pub(crate) const DELIVER_AT: u8 = 10;
    pub(crate) const CORRELATION_ID: u8 = 11;
    pub(crate) const REPLY_TO: u8 = 12;
    /// The one field that may stand more than once: one for each header.
    pub(crate) const HEADER: u8 = 13;
    /// Last, so that all the rest is in the first bytes of an envelope.
    pub(crate) const PAYLOAD: u8 = 14;

    /// The name of a field in an error.
    pub(crate) const fn name(tag: u8) -> &'static str {
        match tag {
            ID => "id",
            TOPIC => "topic",
            CONTENT_TYPE => "content_type",
            PRIORITY => "priority",
            CREATED_AT => "created_at",
            MAX_RETRIES => "max_retries",
            KEY => "key",
            TTL => "ttl",
            DELAY => "delay",
            DELIVER_AT => "deliver_at",
            CORRELATION_ID => "correlation_id",
            REPLY_TO => "reply_to",
            HEADER => "header",
            PAYLOAD => "payload",
            _ => "unknown",
        }
    }
}

/// Fields of the unsigned section, in the order in which they must stand. Numbers that a reader
/// does not know are skipped.
pub(super) mod unsigned {
    pub(crate) const TRACEPARENT: u8 = 1;
    pub(crate) const PROVENANCE: u8 = 2;

    /// The name of a field in an error.
    pub(crate) const fn name(tag: u8) -> &'static str {
        match tag {
            TRACEPARENT => "traceparent",
            PROVENANCE => "provenance",
            _ => "unknown",
        }
    }
}

/// Provenance levels: the first byte of the provenance field.
pub(super) mod level {
    pub(crate) const SHA256: u8 = 1;
    pub(crate) const HMAC_SHA256: u8 = 2;
}

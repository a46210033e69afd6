//! Bounds on everything that comes from outside, enforced before memory is spent on it.

/// The default bound on a payload that a broker accepts: 1 MiB.
pub const DEFAULT_MAX_PAYLOAD: usize = 1024 * 1024;
/// The largest payload any broker can be configured to accept: 16 MiB.
pub const MAX_PAYLOAD: usize = 16 * 1024 * 1024;
/// The most headers a message carries.
pub const MAX_HEADERS: usize = 64;
/// The longest header name, in bytes.
pub const MAX_HEADER_NAME: usize = 128;
/// The longest header value, in bytes.
pub const MAX_HEADER_VALUE: usize = 4096;
/// The longest key, in bytes.
pub const MAX_KEY: usize = 1024;
/// The longest correlation id, in bytes.
pub const MAX_CORRELATION_ID: usize = 128;
/// The longest content type, in bytes.
pub const MAX_CONTENT_TYPE: usize = 128;
/// The most a message can be retried.
pub const MAX_RETRIES: u16 = 1000;
/// The most messages in a [`MessageBatch`](crate::MessageBatch).
pub const MAX_BATCH: usize = 1000;
/// The most payload bytes in a [`MessageBatch`](crate::MessageBatch): 32 MiB.
pub const MAX_BATCH_BYTES: usize = 32 * 1024 * 1024;
/// The longest time to live and delay, in milliseconds: 2^53 - 1, about 285 000 years, which every
/// JSON reader keeps exact. Longer ones are cut to this.
pub const MAX_MILLIS: u64 = (1 << 53) - 1;
/// The longest id of a signing key, in bytes.
pub const MAX_KEY_ID: usize = 64;
/// How deep JSON and MessagePack payloads may nest.
pub const MAX_NESTING: usize = 64;
/// The most attempts kept in a [`History`](crate::History); the oldest go first.
pub const MAX_HISTORY: usize = 10;
/// The longest error text kept of an attempt or a dead letter, in bytes.
pub const MAX_ERROR_TEXT: usize = 1024;

/// The largest envelope that carries a payload of `max_payload` bytes.
pub const fn max_envelope(max_payload: usize) -> usize {
    max_payload + MAX_HEADERS * (MAX_HEADER_NAME + MAX_HEADER_VALUE + 8) + MAX_KEY + 4096
}

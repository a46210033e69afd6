//! The tests of glmsg-core, as one binary.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod sample;

mod binding;
mod builder;
#[cfg(all(feature = "json", feature = "hmac"))]
mod cloudevents;
#[cfg(all(feature = "json", feature = "msgpack", feature = "bincode"))]
mod codecs;
mod errors;
#[cfg(all(feature = "json", feature = "msgpack"))]
mod hostile;
#[cfg(all(feature = "json", feature = "hmac"))]
mod json_form;
mod names;
mod novelty;
mod patterns;
#[cfg(feature = "hmac")]
mod provenance;
mod records;
mod time;
#[cfg(feature = "hmac")]
mod vectors;
mod wire_envelope;
mod wire_fuzz;

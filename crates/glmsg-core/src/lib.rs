#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod batch;
pub mod binding;
#[cfg(feature = "json")]
mod cloudevents;
pub mod codec;
mod content_type;
mod dead_letter;
mod error;
mod headers;
mod hex;
mod history;
mod id;
#[cfg(feature = "json")]
mod json_form;
pub mod limits;
mod message;
mod name;
mod pattern;
mod priority;
mod provenance;
mod timestamp;
pub mod wire;

pub use batch::MessageBatch;
pub use content_type::ContentType;
pub use dead_letter::{DeadLetter, DeadLetterReason, Original};
pub use error::{Error, ErrorKind, Result, RetryClass};
pub use headers::Headers;
pub use history::{Attempt, AttemptOutcome, History, clean_error_text};
pub use id::MessageId;
pub use message::{FirstPublish, Message, MessageBuilder, Schedule};
pub use name::{GroupName, MAX_NAME, MAX_SEGMENT, MemberName, TopicName};
pub use pattern::TopicPattern;
pub use priority::Priority;
pub use provenance::Provenance;
#[cfg(feature = "hmac")]
pub use provenance::{KeyRing, SigningKey};
pub use timestamp::{Clock, ManualClock, SystemClock, Timestamp};

#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "circuit-breaker")]
#[cfg_attr(docsrs, doc(cfg(feature = "circuit-breaker")))]
pub mod circuit_breaker;
#[cfg(feature = "event-sourcing")]
#[cfg_attr(docsrs, doc(cfg(feature = "event-sourcing")))]
pub mod event_sourcing;
#[cfg(feature = "inbox")]
#[cfg_attr(docsrs, doc(cfg(feature = "inbox")))]
pub mod inbox;
#[cfg(feature = "outbox")]
#[cfg_attr(docsrs, doc(cfg(feature = "outbox")))]
pub mod outbox;
#[cfg(feature = "pub-sub")]
#[cfg_attr(docsrs, doc(cfg(feature = "pub-sub")))]
pub mod pub_sub;
#[cfg(feature = "request-reply")]
#[cfg_attr(docsrs, doc(cfg(feature = "request-reply")))]
pub mod request_reply;
#[cfg(feature = "saga")]
#[cfg_attr(docsrs, doc(cfg(feature = "saga")))]
pub mod saga;
#[cfg(feature = "work-queue")]
#[cfg_attr(docsrs, doc(cfg(feature = "work-queue")))]
pub mod work_queue;

// What pub-sub and the work queue are made of.
#[cfg(any(feature = "pub-sub", feature = "work-queue"))]
mod fleet;
#[cfg(any(feature = "pub-sub", feature = "work-queue"))]
mod gate;
#[cfg(any(feature = "pub-sub", feature = "work-queue"))]
mod hint;
#[cfg(any(feature = "pub-sub", feature = "work-queue"))]
mod lanes;

/// The guide's example is compiled too.
#[cfg(all(doctest, feature = "pub-sub"))]
#[doc = include_str!("../../../docs/guides/pub-sub.md")]
mod guide_to_pub_sub {}

/// The guide's example is compiled too.
#[cfg(all(doctest, feature = "work-queue"))]
#[doc = include_str!("../../../docs/guides/work-queue.md")]
mod guide_to_work_queue {}

/// The guide's example is compiled too.
#[cfg(all(doctest, feature = "request-reply"))]
#[doc = include_str!("../../../docs/guides/request-reply.md")]
mod guide_to_request_reply {}

/// The guide's example is compiled too.
#[cfg(all(doctest, feature = "tower"))]
#[doc = include_str!("../../../docs/guides/circuit-breaker.md")]
mod guide_to_circuit_breaker {}

/// The guide's examples are compiled too.
#[cfg(all(doctest, feature = "inbox", feature = "outbox"))]
#[doc = include_str!("../../../docs/guides/inbox-and-outbox.md")]
mod guide_to_inbox_and_outbox {}

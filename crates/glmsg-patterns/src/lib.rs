#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "event-sourcing")]
pub mod event_sourcing;
#[cfg(feature = "saga")]
pub mod saga;
#[cfg(feature = "circuit-breaker")]
#[cfg_attr(docsrs, doc(cfg(feature = "circuit-breaker")))]
pub mod circuit_breaker;

#[cfg(feature = "request-reply")]
#[cfg_attr(docsrs, doc(cfg(feature = "request-reply")))]
pub mod request_reply;

#[cfg(feature = "inbox")]
#[cfg_attr(docsrs, doc(cfg(feature = "inbox")))]
pub mod inbox;

#[cfg(feature = "outbox")]
#[cfg_attr(docsrs, doc(cfg(feature = "outbox")))]
pub mod outbox;
#[cfg(any(feature = "pub-sub", feature = "work-queue"))]
mod fleet;
#[cfg(any(feature = "pub-sub", feature = "work-queue"))]
mod gate;
#[cfg(any(feature = "pub-sub", feature = "work-queue"))]
mod hint;
#[cfg(any(feature = "pub-sub", feature = "work-queue"))]
mod lanes;
#[cfg(feature = "pub-sub")]
mod pub_sub;
#[cfg(feature = "work-queue")]
mod work_queue;

#[cfg(feature = "pub-sub")]
pub use pub_sub::{PubSub, SubscriptionBuilder, SubscriptionHandle, SubscriptionStats};
#[cfg(feature = "work-queue")]
pub use work_queue::{
    IntoOutput, Job, Rate, Task, TaskEnd, TaskRef, TaskState, TaskStatus, TenantLag, WorkQueue,
    WorkerPool, WorkerPoolBuilder, WorkerPoolStats, WorkerStats,
};

/// The guide's example is compiled too.
#[cfg(all(doctest, feature = "pub-sub"))]
#[doc = include_str!("../../../docs/guides/pub-sub.md")]
mod guide_to_pub_sub {}

/// The guide's example is compiled too.
#[cfg(all(doctest, feature = "work-queue"))]
#[doc = include_str!("../../../docs/guides/work-queue.md")]
mod guide_to_work_queue {}

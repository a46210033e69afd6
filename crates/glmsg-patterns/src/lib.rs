#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "event-sourcing")]
pub mod event_sourcing;
#[cfg(feature = "saga")]
pub mod saga;

//! The pages of the book whose code is compiled, and run, by this crate's doctests. Those of the patterns are in
//! `glmsg-patterns`.

#[doc = include_str!("../../../README.md")]
mod readme {}

#[cfg(all(feature = "json", feature = "sqlite"))]
#[doc = include_str!("../../../docs/getting-started.md")]
mod getting_started {}

#[cfg(feature = "json")]
#[doc = include_str!("../../../docs/concepts/message.md")]
mod message {}

#[cfg(feature = "memory")]
#[doc = include_str!("../../../docs/backends/memory.md")]
mod memory {}

#[cfg(feature = "sqlite")]
#[doc = include_str!("../../../docs/backends/sqlite.md")]
mod sqlite {}

#[cfg(feature = "memory")]
#[doc = include_str!("../../../docs/guides/layers.md")]
mod layers {}

#[doc = include_str!("../../../docs/guides/security.md")]
mod security {}

#[cfg(all(feature = "metrics", feature = "memory", feature = "circuit-breaker"))]
#[doc = include_str!("../../../docs/guides/metrics.md")]
mod metrics {}

#[cfg(feature = "config")]
#[doc = include_str!("../../../docs/guides/configuration.md")]
mod configuration {}

#[cfg(all(feature = "otel", feature = "sqlite"))]
#[doc = include_str!("../../../docs/guides/tracing.md")]
mod tracing {}

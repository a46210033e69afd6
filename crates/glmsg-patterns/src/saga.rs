//! Sagas: steps that each do something outside, with a compensation for each, so that in the end all
//! of them happened or none stands. What was done is in a journal, kept in the broker's
//! [storage](glmsg_broker::Storage): a saga survives the process that runs it.
//!
//! ```
//! use std::sync::Arc;
//! use glmsg_broker::{Broker, HandlerError};
//! use glmsg_memory::MemoryBroker;
//! use glmsg_patterns::saga::{SagaDefinition, SagaError, SagaRunner, Step, StepContext};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let reserve = Step::new("reserve", async |ctx: StepContext| {
//!     let seats: u32 = ctx.input()?;
//!     // The key makes a second call harmless: after a crash a step may run again.
//!     Ok(format!("{seats} seats, by {}", ctx.idempotency_key()))
//! })
//! .compensate(async |_ctx, reservation: Option<String>| {
//!     // `None`: nobody knows whether it was made.
//!     println!("given back: {reservation:?}");
//!     Ok(())
//! });
//! let pay = Step::new("pay", async |_ctx: StepContext| -> Result<(), HandlerError> {
//!     Err(HandlerError::reject("no money"))
//! });
//! let booking = SagaDefinition::new("booking", 1).step(reserve).step(pay);
//!
//! let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::default());
//! let runner = SagaRunner::builder().register(booking).open(&broker).await?;
//! match runner.execute("booking", &2).await {
//!     Err(SagaError::Compensated(saga)) => {
//!         assert_eq!(saga.reason.as_deref(), Some("step pay failed: no money"));
//!     }
//!     other => panic!("{other:?}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised
//! - The journal is written before and after each attempt at a step, and only by the owner of the
//!   saga: who has lost it to another finds out when it writes, and stops.
//! - A saga that was cut off by a crash goes on, in any process that runs a
//!   [`SagaRunner`] with its definition, from where its journal ends.
//! - A step that is in the journal as done is never run again. **A step runs at least once**: what it
//!   did before a crash, and could not say, it does again. Give the
//!   [idempotency key](StepContext::idempotency_key) to whatever it calls; and the
//!   [fencing token](StepContext::fence) where an old owner that wakes up must be shut out.
//! - Compensations run in the reverse order, each with its own step's output. They run also for a
//!   step of which nobody knows whether it happened (it timed out, panicked, was cut off), with
//!   `None` for the output; not for one that said by itself that it failed.
//! - A compensation that keeps failing parks the saga: it stays, listed as parked, until somebody
//!   asks for it to be tried again (`glmsg saga resume`).
//! - A saga stays on the version of the definition that it began with.

mod builder;
mod claim;
mod context;
mod definition;
mod drive;
mod error;
mod id;
mod journal;
mod runner;
mod service;
mod status;
mod step;
mod step_view;
mod store;
mod view;

pub use builder::SagaRunnerBuilder;
pub use context::StepContext;
pub use definition::SagaDefinition;
pub use error::{SagaError, SagaOutcome};
pub use id::SagaId;
pub use runner::SagaRunner;
pub use service::SagaService;
pub use status::SagaStatus;
pub use step::Step;
pub use step_view::{StepStatus, StepView};
pub use store::{JournalLine, SagaPage, SagaQuery, SagaStore};
pub use view::SagaView;

/// The guide's examples are compiled too.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guides/saga.md")]
mod guide {}

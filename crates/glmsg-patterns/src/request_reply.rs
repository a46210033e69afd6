//! Calls with an answer.
//!
//! A [`Requester`] publishes a request to a topic and waits for its reply; a [`Responder`] handles the
//! requests of a topic and publishes replies. Both are ordinary messages on ordinary topics, so this
//! works on every backend, survives a lost connection, and a request waits in its topic while no
//! responder is there.
//!
//! - Every request ends: with its one reply, or with an error, at its time-out at the latest.
//! - A request is handled *at least once*. If a responder dies with it, its lease runs out (default:
//!   5 s) and another answers. Two answers to one request have the same message id; the second is dropped
//!   where it is stored or where it arrives. What comes late or twice is counted.
//! - All requests of a [`Requester`] share one private inbox, the topic `reply.<id>`. It is deleted
//!   when the requester is closed or dropped. If its process is killed, the other requesters and
//!   responders of the broker find the inbox without a member, about a minute later, and delete it.
//! - Nothing is left of a reply that comes when its inbox is gone: the responder looks.
//!
//! Replies are not sent by [live announcements](glmsg_broker::Broker::announce): these are lost when
//! a connection is, and not every backend has them; a reply that cost somebody work should not be.
//!
//! ```
//! use std::sync::Arc;
//! use glmsg_broker::Broker;
//! use glmsg_core::{Message, codec::Json};
//! use glmsg_patterns::request_reply::{ReplyError, RequestError, Requester, Responder};
//! # use glmsg_memory::MemoryBroker;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::default());
//! let responder = Responder::new(broker.clone(), "square-roots")
//!     .serve(Json, |n: f64| async move {
//!         match n >= 0.0 {
//!             true => Ok(n.sqrt()),
//!             false => Err(ReplyError::new("negative", format!("{n} has no square root"))),
//!         }
//!     })
//!     .await?;
//!
//! let requester = Requester::start(broker).await?;
//! let reply = requester.request(Message::builder("square-roots").json(&9.0)).await?;
//! assert_eq!(reply.decode::<f64>()?, 3.0);
//!
//! let refused = requester.request(Message::builder("square-roots").json(&-1.0)).await;
//! assert!(matches!(refused, Err(RequestError::Refused(error)) if error.code() == "negative"));
//!
//! requester.close().await?;
//! responder.shutdown().await?;
//! # Ok(())
//! # }
//! ```

mod answer;
mod correlation;
mod error;
mod inbox;
mod inboxes;
mod pending;
mod post;
mod request;
mod requester;
mod responder;
mod sweep;
#[cfg(test)]
mod tests;

pub use answer::Answer;
pub use error::{ReplyError, RequestError};
pub use pending::RequesterStats;
pub use request::{Reply, Request};
pub use requester::{Requester, RequesterBuilder};
pub use responder::{Responder, ResponderBuilder, ResponderHandle, ResponderStats};
pub use sweep::sweep_inboxes;

/// How long a request waits for its reply, in milliseconds from its creation.
const WITHIN: &str = "reply-within-ms";
/// What kind of error a reply is; without it, a reply is none.
const ERROR_CODE: &str = "reply-error";
/// The error in words.
const ERROR_TEXT: &str = "reply-error-text";

//! The layer.

use std::sync::Arc;

use glmsg_broker::{Broker, Layer};
use glmsg_core::{GroupName, Message};
use tracing::Span;

use crate::attempt::Attempts;
use crate::broker::Traced;
use crate::{Relation, TraceContext, span};

/// Makes spans of what goes through a broker, and puts the trace into the messages.
///
/// | span | target | when |
/// | --- | --- | --- |
/// | `publish TOPIC` | `glmsg::publish` | a call of `publish`, whatever the number of messages |
/// | `process TOPIC` | `glmsg::process` | an attempt of a [`Consumer`](glmsg_broker::Consumer); the handler runs in it |
/// | `retry TOPIC` | `glmsg::settle` | an attempt failed and comes again |
/// | `dead_letter TOPIC` | `glmsg::settle` | an attempt failed for good |
/// | `redrive TOPIC` | `glmsg::settle` | dead letters are given back |
/// | `nack TOPIC` | `glmsg::settle` | a message is nacked by hand, within a span of the user's |
/// | `receive TOPIC`, `ack TOPIC` | `glmsg::receive`, `glmsg::settle` | a batch is received or acked; at level `DEBUG`, all others at `INFO` |
///
/// They follow OpenTelemetry's conventions for messaging. In them are names, ids, sizes and counts;
/// never a payload, a header, or a key.
///
/// A message that carries no trace yet gets that of its `publish` span, where an exporter gives it
/// one; otherwise the [current](TraceContext::current) one. A message that carries one keeps it.
///
/// Where nobody takes an interest in the spans and no trace is current, calls are passed on as they
/// are.
///
/// ```
/// use std::sync::Arc;
/// use glmsg_broker::{Broker, BrokerExt, Consumer, Incoming, Layer};
/// use glmsg_core::Message;
/// use glmsg_memory::{MemoryBroker, MemoryConfig};
/// use glmsg_tracing::{TraceContext, TracingLayer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let memory = Arc::new(MemoryBroker::new(MemoryConfig::default()));
/// let broker = TracingLayer::new().layer(memory);
/// let (seen, mut sight) = tokio::sync::mpsc::unbounded_channel();
/// let consumer = Consumer::new(broker.clone(), "flights", "agents")
///     .start(move |_: Incoming| {
///         // What the handler publishes is of the same trace.
///         seen.send(TraceContext::current()).ok();
///         async { Ok(()) }
///     })
///     .await?;
/// let request = TraceContext::generate(true);
/// request.scope(broker.send(Message::new("flights", "DTW-LAS")?)).await?;
/// let current = sight.recv().await.flatten();
/// assert_eq!(current.map(TraceContext::trace_id), Some(request.trace_id()));
/// consumer.shutdown().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct TracingLayer {
    relation: Relation,
    log_messages: bool,
}

impl TracingLayer {
    /// A layer whose consumers' spans are [children](Relation::Child), and that logs no messages.
    pub fn new() -> Self {
        Self::default()
    }

    /// How consumers' spans stand to the publisher's. Default: [`Relation::Child`].
    #[must_use]
    pub fn relation(mut self, relation: Relation) -> Self {
        self.relation = relation;
        self
    }

    /// Whether each message that is published or received is a log line at level `DEBUG`, of target
    /// `glmsg::messages`: its topic, id and size, never its payload. Default: no.
    #[must_use]
    pub fn log_messages(mut self, log: bool) -> Self {
        self.log_messages = log;
        self
    }

    /// The span in which a message is handled that a
    /// [`Subscription`](glmsg_broker::Subscription) has delivered: a consumer makes one by itself.
    ///
    /// ```
    /// # use glmsg_broker::{Delivery, Requeue};
    /// # use glmsg_core::GroupName;
    /// # use glmsg_tracing::TracingLayer;
    /// # async fn handle(_: &Delivery) -> Result<(), std::io::Error> { Ok(()) }
    /// # async fn example(layer: TracingLayer, group: GroupName, delivery: Delivery) -> glmsg_core::Result<()> {
    /// use tracing::Instrument;
    ///
    /// let span = layer.process_span(&group, &delivery, delivery.attempt());
    /// let settled = async {
    ///     match handle(&delivery).await {
    ///         Ok(()) => delivery.ack().await,
    ///         Err(error) => delivery.nack(&error.to_string(), Requeue::NOW).await,
    ///     }
    /// };
    /// settled.instrument(span).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn process_span(&self, group: &GroupName, message: &Message, attempt: u32) -> Span {
        let creation = TraceContext::of(message);
        span::process(self.relation, creation, group, message, attempt)
    }
}

impl Layer for TracingLayer {
    fn layer(&self, inner: Arc<dyn Broker>) -> Arc<dyn Broker> {
        Arc::new(Traced {
            attempts: Arc::new(Attempts {
                relation: self.relation,
                before: inner.observer(),
            }),
            log_messages: self.log_messages,
            inner,
        })
    }
}

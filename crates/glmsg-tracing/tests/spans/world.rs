//! A broker under the layer, and what is exported of it.

use std::sync::Arc;

use glmsg_broker::{Broker, Consumer, ConsumerHandle, HandlerError, Incoming, Layer, RetryPolicy};
use glmsg_core::Message;
use glmsg_memory::MemoryBroker;
use glmsg_tracing::{TraceContext, TracingLayer};
use opentelemetry::trace::{SpanId, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, Sampler, SdkTracerProvider, SpanData};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

pub(crate) struct World {
    pub(crate) broker: Arc<dyn Broker>,
    exporter: InMemorySpanExporter,
    provider: SdkTracerProvider,
    _guard: DefaultGuard,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(&TracingLayer::new(), Sampler::AlwaysOn, LevelFilter::INFO)
    }

    /// Spans of this thread are exported from now on.
    pub(crate) fn with(layer: &TracingLayer, sampler: Sampler, level: LevelFilter) -> Self {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(exporter.clone())
            .with_sampler(Sampler::ParentBased(Box::new(sampler)))
            .build();
        let spans = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let subscriber = tracing_subscriber::registry().with(spans.with_filter(level));
        Self {
            broker: layer.layer(Arc::new(MemoryBroker::default())),
            exporter,
            provider,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    /// The spans that have ended, in the order they ended.
    pub(crate) fn spans(&self) -> Vec<SpanData> {
        self.provider.force_flush().unwrap();
        self.exporter.get_finished_spans().unwrap()
    }

    pub(crate) fn named(&self, name: &str) -> Vec<SpanData> {
        let mut spans = self.spans();
        spans.retain(|span| span.name == name);
        spans
    }

    /// The only span of this name.
    pub(crate) fn span(&self, name: &str) -> SpanData {
        let mut named = self.named(name);
        let names: Vec<_> = self.spans().into_iter().map(|s| s.name).collect();
        assert_eq!(named.len(), 1, "{name} in {names:?}");
        named.remove(0)
    }

    /// A consumer of `topic` that answers as `answer` does; the other half hears of each attempt.
    pub(crate) async fn consume(
        &self,
        topic: &str,
        answer: fn(&Message) -> Result<(), HandlerError>,
    ) -> (ConsumerHandle, UnboundedReceiver<Message>) {
        let (seen, sight) = mpsc::unbounded_channel();
        let consumer = Consumer::new(self.broker.clone(), topic, "agents")
            .retry(RetryPolicy::fixed(std::time::Duration::ZERO))
            .start(move |incoming: Incoming| {
                let seen = seen.clone();
                async move {
                    tokio::task::yield_now().await;
                    seen.send(incoming.message().clone()).unwrap();
                    answer(&incoming)
                }
            })
            .await
            .unwrap();
        (consumer, sight)
    }
}

pub(crate) fn attribute(span: &SpanData, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|a| a.key.as_str() == key);
    found.map(|attribute| attribute.value.to_string())
}

pub(crate) fn expect(span: &SpanData, attributes: &[(&str, &str)]) {
    for (key, value) in attributes {
        let found = attribute(span, key);
        assert_eq!(found.as_deref(), Some(*value), "{key} of {}", span.name);
    }
}

pub(crate) fn is_root(span: &SpanData) -> bool {
    span.parent_span_id == SpanId::INVALID
}

pub(crate) fn is_child(span: &SpanData, parent: &SpanData) -> bool {
    span.parent_span_id == parent.span_context.span_id()
        && span.span_context.trace_id() == parent.span_context.trace_id()
}

pub(crate) fn links_to(span: &SpanData, other: &SpanData) -> bool {
    let ids = |context: &opentelemetry::trace::SpanContext| (context.trace_id(), context.span_id());
    let mut links = span.links.iter();
    links.any(|link| ids(&link.span_context) == ids(&other.span_context))
}

/// What a message says that `span` was its creation.
pub(crate) fn context(span: &SpanData) -> TraceContext {
    let context = &span.span_context;
    let text = format!("00-{}-{}-01", context.trace_id(), context.span_id());
    text.parse().unwrap()
}

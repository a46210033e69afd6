//! Between spans and trace contexts: what an exporter's span carries, and what it is put under.

#[cfg(feature = "otel")]
pub(crate) use otel::{adopt, context_of, link, relate};

#[cfg(not(feature = "otel"))]
pub(crate) use plain::{adopt, context_of, link, relate};

#[cfg(feature = "otel")]
mod otel {
    use opentelemetry::Context;
    use opentelemetry::trace::{
        SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState,
    };
    use tracing::Span;
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    use crate::{Relation, TraceContext};

    fn remote(context: TraceContext) -> SpanContext {
        SpanContext::new(
            TraceId::from(context.trace_id()),
            SpanId::from(context.span_id()),
            TraceFlags::default().with_sampled(context.is_sampled()),
            true,
            TraceState::NONE,
        )
    }

    /// What the exporter knows the span by; `None` where there is no exporter. It begins the span,
    /// so whatever it stands under must be said before.
    pub(crate) fn context_of(span: &Span) -> Option<TraceContext> {
        let context = span.context();
        let context = context.span().span_context().clone();
        let trace_id = u128::from_be_bytes(context.trace_id().to_bytes());
        let span_id = u64::from_be_bytes(context.span_id().to_bytes());
        TraceContext::new(trace_id, span_id, context.is_sampled())
    }

    pub(crate) fn link(span: &Span, to: TraceContext) {
        span.add_link(remote(to));
    }

    /// Puts a span, which has not begun, under the trace that was entered, where no span that is
    /// exported stands around it.
    pub(crate) fn adopt(span: &Span) {
        if let Some(current) = TraceContext::current()
            && context_of(&Span::current()).is_none()
        {
            // As in `relate`.
            drop(span.set_parent(Context::new().with_remote_span_context(remote(current))));
        }
    }

    /// Links `span` to what made its message, and puts it under it where it is to be a child.
    pub(crate) fn relate(span: &Span, creation: TraceContext, relation: Relation) {
        if relation == Relation::Child {
            // Fails where nothing is exported, and then nothing is lost.
            drop(span.set_parent(Context::new().with_remote_span_context(remote(creation))));
        }
        link(span, creation);
    }
}

#[cfg(not(feature = "otel"))]
mod plain {
    use tracing::Span;

    use crate::{Relation, TraceContext};

    pub(crate) fn context_of(_: &Span) -> Option<TraceContext> {
        None
    }

    pub(crate) fn adopt(_: &Span) {}

    pub(crate) fn link(_: &Span, _: TraceContext) {}

    pub(crate) fn relate(_: &Span, _: TraceContext, _: Relation) {}
}

//! Spans to an OpenTelemetry receiver.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use glmsg_core::{Error, ErrorKind, Result};
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterExt, Targets, dynamic_filter_fn};
use tracing_subscriber::registry::LookupSpan;

use crate::TraceContext;
use crate::http_client::Client;

/// How long the last spans may take to be exported.
const SHUTDOWN: Duration = Duration::from_secs(5);
/// How long one export may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Sets up an [`OtlpExport`].
#[derive(Clone)]
#[must_use = "nothing is exported before `build`"]
pub struct OtlpExportBuilder {
    endpoint: String,
    service_name: String,
    sample_ratio: f64,
    level: LevelFilter,
}

/// Sends spans to an OpenTelemetry receiver: a collector, or whatever speaks OTLP over HTTP with
/// protobuf.
///
/// Spans are sent in batches by a thread of its own; if the receiver is away they are dropped, and
/// nothing waits for it. Headers, such as a token, are taken from the environment variable
/// `OTEL_EXPORTER_OTLP_HEADERS` and are printed nowhere. `https` is not spoken: a collector beside
/// the program does that.
///
/// ```
/// use glmsg_tracing::OtlpExport;
/// use tracing_subscriber::layer::SubscriberExt;
///
/// let export = OtlpExport::builder("http://localhost:4318")
///     .service_name("flights")
///     .sample_ratio(0.1)
///     .build()?;
/// let subscriber = tracing_subscriber::registry().with(export.layer());
/// # drop(subscriber);
/// export.shutdown()?;
/// # Ok::<(), glmsg_core::Error>(())
/// ```
pub struct OtlpExport {
    provider: SdkTracerProvider,
    level: LevelFilter,
    has_failed: Arc<AtomicBool>,
}

impl OtlpExport {
    /// An export to the receiver at `endpoint`, `http://HOST:4318`; spans go to `/v1/traces` there
    /// unless it names a path.
    pub fn builder(endpoint: impl Into<String>) -> OtlpExportBuilder {
        OtlpExportBuilder {
            endpoint: endpoint.into(),
            service_name: "glmsg".into(),
            sample_ratio: 1.0,
            level: LevelFilter::INFO,
        }
    }

    /// The layer for a `tracing` subscriber that exports its spans.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        // Of a trace whose publisher does not record it, nothing is made that would only be thrown away.
        let recorded =
            dynamic_filter_fn(|_, _| TraceContext::current().is_none_or(TraceContext::is_sampled));
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("glmsg"))
            // Where in the code, on which thread and how busy: not what a trace of messages is read for.
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_default(self.level).and(recorded))
    }

    /// Exports what has ended so far. It blocks its thread.
    ///
    /// # Errors
    /// `Unavailable` if the last spans were not taken.
    pub fn flush(&self) -> Result<()> {
        let flushed = self.provider.force_flush();
        self.told("flush spans", flushed)
    }

    /// Exports what has ended so far and stops. It blocks its thread for 5 s at most.
    ///
    /// # Errors
    /// `Unavailable` if the last spans were not taken.
    pub fn shutdown(self) -> Result<()> {
        let ended = self.provider.shutdown_with_timeout(SHUTDOWN);
        self.told("shut down the export of spans", ended)
    }

    fn told(&self, operation: &'static str, ended: OTelSdkResult) -> Result<()> {
        let unavailable = || {
            Error::new(ErrorKind::Unavailable, "spans could not be exported")
                .operation(operation)
                .remedy("look whether the OTLP receiver is up and its address right")
        };
        match ended {
            Err(error) => Err(unavailable().source(error)),
            Ok(()) if self.has_failed.load(Ordering::Relaxed) => Err(unavailable()),
            Ok(()) => Ok(()),
        }
    }
}

impl OtlpExportBuilder {
    /// The service in whose name spans are exported. Default: `glmsg`.
    pub fn service_name(mut self, name: impl Into<String>) -> Self {
        self.service_name = name.into();
        self
    }

    /// Which part of the traces that begin here is recorded, 0 to 1; a trace that came with a
    /// message is recorded if its publisher records it. Default: 1, all.
    pub fn sample_ratio(mut self, ratio: f64) -> Self {
        self.sample_ratio = ratio;
        self
    }

    /// The most detailed level of spans that are exported. Default: `INFO`; at `DEBUG` there are
    /// those of receives and acks too.
    pub fn level(mut self, level: LevelFilter) -> Self {
        self.level = level;
        self
    }

    /// Begins to export.
    ///
    /// # Errors
    /// `ConfigInvalid` for an address, name or ratio that is none.
    pub fn build(self) -> Result<OtlpExport> {
        let endpoint = self.checked_endpoint()?;
        if !(0.0..=1.0).contains(&self.sample_ratio) {
            return Err(
                invalid("the sample ratio is not between 0 and 1").with("got", self.sample_ratio)
            );
        }
        if self.service_name.is_empty() {
            return Err(invalid("the service name is empty"));
        }
        let has_failed = Arc::new(AtomicBool::new(false));
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new(TIMEOUT, has_failed.clone()))
            .with_endpoint(endpoint)
            .with_timeout(TIMEOUT)
            .build()
            .map_err(|error| invalid("the export of spans cannot be set up").source(error))?;
        let ratio = Sampler::TraceIdRatioBased(self.sample_ratio);
        let resource = Resource::builder()
            .with_service_name(self.service_name)
            .build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::ParentBased(Box::new(ratio)))
            .with_resource(resource)
            .build();
        Ok(OtlpExport {
            provider,
            level: self.level,
            has_failed,
        })
    }

    fn checked_endpoint(&self) -> Result<String> {
        let rest = self.endpoint.strip_prefix("http://").ok_or_else(|| {
            invalid("the address of the OTLP receiver does not begin with http://")
                .remedy("write it like http://localhost:4318")
        })?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        // A password in it would be sent in the clear, and shown by whoever shows the address.
        if authority.is_empty() || authority.contains('@') {
            return Err(invalid("the address of the OTLP receiver names no host, or a login")
                .remedy("write it like http://localhost:4318; a token goes into OTEL_EXPORTER_OTLP_HEADERS"));
        }
        Ok(match path {
            "" => format!("http://{authority}/v1/traces"),
            path => format!("http://{authority}/{path}"),
        })
    }
}

fn invalid(why: &str) -> Error {
    Error::new(ErrorKind::ConfigInvalid, why).operation("export spans")
}

impl fmt::Debug for OtlpExportBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpExportBuilder")
            .field("service_name", &self.service_name)
            .field("sample_ratio", &self.sample_ratio)
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for OtlpExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpExport")
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_none_is_refused_and_not_printed() {
        for wrong in [
            "",
            "localhost:4318",
            "https://localhost:4318",
            "http://",
            "http:///v1/traces",
            "http://user:c4n4ry@localhost:4318",
            "http://a b:1",
        ] {
            let built = OtlpExport::builder(wrong);
            assert!(!format!("{built:?}").contains("c4n4ry"));
            let error = built.build().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{wrong}");
            assert!(!error.to_string().contains("c4n4ry"), "{error}");
        }
    }

    #[test]
    fn spans_go_to_the_usual_path() {
        for (given, used) in [
            ("http://localhost:4318", "http://localhost:4318/v1/traces"),
            ("http://localhost:4318/", "http://localhost:4318/v1/traces"),
            (
                "http://localhost/otlp/v1/traces",
                "http://localhost/otlp/v1/traces",
            ),
        ] {
            assert_eq!(OtlpExport::builder(given).checked_endpoint().unwrap(), used);
        }
    }

    #[test]
    fn of_a_trace_that_is_not_recorded_nothing_is_made_for_export() {
        use tracing_subscriber::layer::SubscriberExt;

        use crate::carrier;

        let export = OtlpExport::builder("http://127.0.0.1:1").build().unwrap();
        let subscriber = tracing_subscriber::registry().with(export.layer());
        tracing::subscriber::with_default(subscriber, || {
            let is_made = || carrier::context_of(&tracing::info_span!("work")).is_some();
            assert!(is_made());
            for sampled in [true, false] {
                let _context = TraceContext::generate(sampled).enter();
                assert_eq!(is_made(), sampled);
            }
        });
    }

    #[test]
    fn a_ratio_that_is_none_is_refused() {
        for wrong in [-0.1, 1.1, f64::NAN] {
            let built = OtlpExport::builder("http://localhost:4318").sample_ratio(wrong);
            assert_eq!(built.build().unwrap_err().kind(), ErrorKind::ConfigInvalid);
        }
    }
}

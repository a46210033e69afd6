//! A registry as text.

use glmsg_core::{Error, ErrorKind, Result};
use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::registry::Registry;

/// How metrics are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The text format of Prometheus, 0.0.4.
    Text,
    /// OpenMetrics 1.0, which Prometheus asks for by itself.
    OpenMetrics,
}

impl Format {
    /// The `Content-Type` of HTTP.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// What a client wants whose `Accept` header says `accept`. What names OpenMetrics gets it.
    pub fn accepted(accept: &str) -> Self {
        match accept.contains("application/openmetrics-text") {
            true => Self::OpenMetrics,
            false => Self::Text,
        }
    }
}

/// All metrics of `registry` as text, for an endpoint of your own or a file.
///
/// # Errors
/// `Unexpected` if a collector of the registry cannot write its metrics.
pub fn exposition(registry: &Registry, format: Format) -> Result<String> {
    let mut out = String::new();
    let written = match format {
        Format::Text => prometheus_text::encode(&mut out, registry),
        Format::OpenMetrics => text::encode(&mut out, registry),
    };
    written.map_err(|error| {
        let what = "a collector cannot write its metrics";
        Error::new(ErrorKind::Unexpected, what)
            .operation("exposition")
            .source(error)
    })?;
    Ok(out)
}

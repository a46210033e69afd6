//! Setting up logs and spans.

use glmsg_core::{Error, ErrorKind, Result};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;
use tracing_subscriber::util::SubscriberInitExt;

use super::Telemetry;
use crate::{LogFilter, LogFormat, LogLayer, Relation, TracingLayer, log_layer};

/// Sets up [`Telemetry`].
#[derive(Debug, Clone, Default)]
#[must_use = "nothing is set up before `install`"]
pub struct TelemetryBuilder {
    filter: LogFilter,
    format: LogFormat,
    log_messages: bool,
    relation: Relation,
    #[cfg(feature = "otel")]
    export: Option<crate::OtlpExportBuilder>,
}

impl TelemetryBuilder {
    /// Which log lines are written. Default: `INFO` and what is graver.
    pub fn log_filter(mut self, filter: LogFilter) -> Self {
        self.filter = filter;
        self
    }

    /// How they look. Default: text.
    pub fn log_format(mut self, format: LogFormat) -> Self {
        self.format = format;
        self
    }

    /// Whether each message published or received is a line, with its id and size and without its
    /// payload. Default: no.
    pub fn log_messages(mut self, log: bool) -> Self {
        self.log_messages = log;
        self
    }

    /// How consumers' spans stand to the publisher's. Default: [`Relation::Child`].
    pub fn relation(mut self, relation: Relation) -> Self {
        self.relation = relation;
        self
    }

    /// Where spans go. Default: nowhere.
    #[cfg(feature = "otel")]
    pub fn export(mut self, export: crate::OtlpExportBuilder) -> Self {
        self.export = Some(export);
        self
    }

    /// Makes it the program's: log lines go to stderr, spans where they are exported to.
    ///
    /// # Errors
    /// `AlreadyExists` if the program has a subscriber already; what
    /// [`OtlpExportBuilder::build`](crate::OtlpExportBuilder) says.
    pub fn install(self) -> Result<Telemetry> {
        let layer = TracingLayer::new()
            .relation(self.relation)
            .log_messages(self.log_messages);
        let lines = log_layer(
            &self.filter,
            self.format,
            self.log_messages,
            std::io::stderr,
        );
        #[cfg_attr(
            not(feature = "otel"),
            allow(unused_mut, reason = "there is one layer")
        )]
        let mut layers: Vec<LogLayer<registry::Registry>> = vec![lines];
        #[cfg(feature = "otel")]
        let export = self
            .export
            .map(crate::OtlpExportBuilder::build)
            .transpose()?;
        #[cfg(feature = "otel")]
        if let Some(export) = &export {
            layers.push(Box::new(export.layer()));
        }
        let installed = tracing_subscriber::registry().with(layers).try_init();
        installed.map_err(|error| {
            Error::new(
                ErrorKind::AlreadyExists,
                "the program has a tracing subscriber already",
            )
            .operation("install telemetry")
            .source(error)
            .remedy("put `log_layer` and `OtlpExport::layer` into that one")
        })?;
        Ok(Telemetry {
            layer,
            #[cfg(feature = "otel")]
            export,
        })
    }
}

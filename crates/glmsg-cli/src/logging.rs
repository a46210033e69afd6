//! Log lines on stderr, and spans to an OpenTelemetry receiver: the one place where they are set up.

use glmsg::tracing::{LogFilter, LogFormat, Telemetry, TracingLayer};

use crate::failure::{Failure, say};

/// What is logged, and where spans go.
#[derive(clap::Args, Default)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Logging {
    /// Log to stderr: debug, info, warning, error, or a list like info,glmsg_redis=debug
    #[arg(long, global = true, value_name = "LEVEL", env = "GLMSG_LOG_LEVEL")]
    log_level: Option<String>,

    /// How log lines look: text or json
    #[arg(long, global = true, value_name = "FORMAT", env = "GLMSG_LOG_FORMAT")]
    log_format: Option<String>,

    /// Send spans to the OpenTelemetry receiver at this address, like http://localhost:4318
    #[cfg(feature = "otel")]
    #[arg(long, global = true, value_name = "URL", env = "GLMSG_OTLP")]
    otlp: Option<String>,
}

/// What has been set up for one run.
#[derive(Default)]
pub(crate) struct Logs(Option<Telemetry>);

impl Logging {
    /// Sets up what is asked for; nothing, if nothing is.
    pub(crate) fn install(self) -> Result<Logs, Failure> {
        let level = given(self.log_level);
        let format = given(self.log_format);
        #[cfg(feature = "otel")]
        let otlp = given(self.otlp);
        #[cfg(not(feature = "otel"))]
        let otlp: Option<String> = None;
        if level.is_none() && format.is_none() && otlp.is_none() {
            return Ok(Logs::default());
        }
        // Who asks for spans alone wants no lines; who asks for a format wants some.
        let level = level.or_else(|| format.is_none().then(|| "off".to_owned()));
        let filter: LogFilter = parsed("--log-level", level)?;
        let format: LogFormat = parsed("--log-format", format)?;
        let builder = Telemetry::builder().log_filter(filter).log_format(format);
        #[cfg(feature = "otel")]
        let builder = match otlp {
            Some(endpoint) => builder.export(glmsg::tracing::OtlpExport::builder(endpoint)),
            None => builder,
        };
        let telemetry = builder.install();
        telemetry
            .map(|telemetry| Logs(Some(telemetry)))
            .map_err(|error| Failure::usage(error.to_string()))
    }
}

impl Logs {
    /// The layer for the broker, where one is wanted.
    pub(crate) fn layer(&self) -> Option<TracingLayer> {
        self.0.as_ref().map(Telemetry::layer)
    }

    /// Sends what has not been sent. A command that did its work has not failed by it.
    pub(crate) fn shutdown(self) {
        if let Some(Err(error)) = self.0.map(Telemetry::shutdown) {
            say(&error.to_string());
        }
    }
}

/// An empty variable is the usual way to unset one.
fn given(value: Option<String>) -> Option<String> {
    value.filter(|value| !value.is_empty())
}

fn parsed<T>(option: &str, value: Option<String>) -> Result<T, Failure>
where
    T: std::str::FromStr<Err = glmsg::Error> + Default,
{
    match value {
        None => Ok(T::default()),
        Some(value) => value
            .parse()
            .map_err(|error| Failure::usage(format!("{option}: {error}"))),
    }
}

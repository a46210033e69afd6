//! Log lines on stderr, and spans to an OpenTelemetry receiver: the one place where they are set up.

use glmsg::tracing::{LogFilter, LogFormat, Telemetry, TelemetryBuilder, TracingLayer};

use crate::failure::{Failure, say};
use crate::preferences::Preferences;
use crate::remark;
use crate::wanted_form;

/// What is logged, and where spans go, over what the settings say.
#[derive(clap::Args, Default)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Logging {
    /// Log to stderr: debug, info, warning, error, or a list like info,glmsg_redis=debug
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,

    /// How log lines look: text or json
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<String>,

    /// Send spans to the OpenTelemetry receiver at this address, like http://localhost:4318
    #[cfg(feature = "otel")]
    #[arg(long, global = true, value_name = "URL")]
    otlp: Option<String>,
}

/// What has been set up for one run.
#[derive(Default)]
pub(crate) struct Logs(Option<Telemetry>);

/// What is asked for, by options or settings.
#[derive(Default)]
struct Wanted {
    level: Option<String>,
    format: Option<String>,
    messages: bool,
    endpoint: Option<String>,
}

impl Logging {
    /// Whether the command line itself asks for JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.log_format.as_ref().is_some_and(wanted_form::is_json)
    }

    /// Sets up what is asked for; nothing, if nothing is.
    pub(crate) fn install(self, preferences: &Preferences) -> Result<Logs, Failure> {
        let settled = settled(preferences);
        #[cfg(feature = "otel")]
        let endpoint = self.otlp.or(settled.endpoint);
        #[cfg(not(feature = "otel"))]
        let endpoint = settled.endpoint;
        let level = self.log_level.or(settled.level);
        let format = self.log_format.or(settled.format);
        let wants_lines = level.is_some() || format.is_some() || settled.messages;
        if !wants_lines && endpoint.is_none() {
            return Ok(Logs::default());
        }
        // Who asks for spans alone wants no lines.
        let level = level.or_else(|| (!wants_lines).then(|| "off".to_owned()));
        let filter: LogFilter = parsed("--log-level", level)?;
        let format: LogFormat = parsed("--log-format", format)?;
        if format == LogFormat::Json {
            remark::as_json();
        }
        let builder = Telemetry::builder()
            .log_filter(filter)
            .log_format(format)
            .log_messages(settled.messages);
        let telemetry = exporting(builder, endpoint, preferences)?.install();
        telemetry
            .map(|telemetry| Logs(Some(telemetry)))
            .map_err(|error| Failure::usage(error.to_string()))
    }
}

/// What the settings say themselves: by default, commands log nothing.
#[cfg(feature = "config")]
fn settled(preferences: &Preferences) -> Wanted {
    use glmsg::config::{LogFormat, Origin};

    let Some(settings) = &preferences.settings else {
        return Wanted::default();
    };
    let says = |key: &str| settings.origin(key) != Origin::Default;
    let log = settings.log();
    let format = match log.format {
        LogFormat::Json => "json",
        _ => "text",
    };
    Wanted {
        level: says("log_level").then(|| log.level.to_string()),
        format: says("log.format").then(|| format.to_owned()),
        messages: log.messages,
        endpoint: settings.tracing().endpoint.clone(),
    }
}

#[cfg(not(feature = "config"))]
fn settled(_preferences: &Preferences) -> Wanted {
    Wanted::default()
}

#[cfg(feature = "otel")]
fn exporting(
    builder: TelemetryBuilder,
    endpoint: Option<String>,
    preferences: &Preferences,
) -> Result<TelemetryBuilder, Failure> {
    let Some(endpoint) = endpoint else {
        return Ok(builder);
    };
    let export = glmsg::tracing::OtlpExport::builder(endpoint);
    #[cfg(feature = "config")]
    let export = match &preferences.settings {
        Some(settings) => {
            let tracing = settings.tracing();
            export
                .service_name(tracing.service_name.clone())
                .sample_ratio(tracing.sample_ratio)
        }
        None => export,
    };
    #[cfg(not(feature = "config"))]
    let _ = preferences;
    Ok(builder.export(export))
}

#[cfg(not(feature = "otel"))]
fn exporting(
    builder: TelemetryBuilder,
    endpoint: Option<String>,
    _preferences: &Preferences,
) -> Result<TelemetryBuilder, Failure> {
    let Some(endpoint) = endpoint else {
        return Ok(builder);
    };
    Err(Failure::usage(format!(
        "tracing.endpoint is {endpoint}, and this build sends no spans: \
         build glmsg-cli with the feature \"otel\""
    )))
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

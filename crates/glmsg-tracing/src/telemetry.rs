//! Logs and spans of a program, set up in one place.

mod builder;

use std::fmt;

use glmsg_core::Result;

pub use builder::TelemetryBuilder;

use crate::TracingLayer;

/// Logs and spans of a program, set up in one place. Nothing else here installs anything: a program
/// with a subscriber of its own puts [`log_layer`](crate::log_layer) and
/// [`OtlpExport::layer`](crate::OtlpExport) into that, and needs no `Telemetry`.
///
/// ```
/// use glmsg_broker::Layer;
/// use glmsg_tracing::{LogFormat, Telemetry};
/// # use std::sync::Arc;
/// # use glmsg_memory::{MemoryBroker, MemoryConfig};
///
/// let telemetry = Telemetry::builder()
///     .log_filter("WARNING".parse()?)
///     .log_format(LogFormat::Json)
///     .install()?;
/// # let broker = Arc::new(MemoryBroker::new(MemoryConfig::default()));
/// let broker = telemetry.layer().layer(broker);
/// # drop(broker);
/// telemetry.shutdown()?;
/// # Ok::<(), glmsg_core::Error>(())
/// ```
pub struct Telemetry {
    layer: TracingLayer,
    #[cfg(feature = "otel")]
    export: Option<crate::OtlpExport>,
}

impl Telemetry {
    /// Begins to set it up.
    pub fn builder() -> TelemetryBuilder {
        TelemetryBuilder::default()
    }

    /// The layer for the program's broker.
    pub fn layer(&self) -> TracingLayer {
        self.layer.clone()
    }

    /// Exports the spans that have ended and stops the export; log lines go on. It blocks its
    /// thread for 5 s at most.
    ///
    /// # Errors
    /// `Unavailable` if the last spans were not taken.
    pub fn shutdown(self) -> Result<()> {
        #[cfg(feature = "otel")]
        if let Some(export) = self.export {
            return export.shutdown();
        }
        Ok(())
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry")
            .field("layer", &self.layer)
            .finish_non_exhaustive()
    }
}

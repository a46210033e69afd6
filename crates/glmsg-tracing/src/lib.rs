#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod attempt;
mod broker;
mod carrier;
mod current;
mod layer;
mod relation;
mod source;
mod span;
mod stamp;
mod trace_context;

#[cfg(feature = "otel")]
mod export;
#[cfg(feature = "otel")]
mod http_client;
#[cfg(feature = "logs")]
mod log_filter;
#[cfg(feature = "logs")]
mod log_format;
#[cfg(feature = "logs")]
mod log_layer;
#[cfg(feature = "logs")]
mod telemetry;

pub use current::Entered;
#[cfg(feature = "otel")]
pub use export::{OtlpExport, OtlpExportBuilder};
pub use layer::TracingLayer;
#[cfg(feature = "logs")]
pub use log_filter::LogFilter;
#[cfg(feature = "logs")]
pub use log_format::LogFormat;
#[cfg(feature = "logs")]
pub use log_layer::{LogLayer, log_layer};
pub use relation::Relation;
#[cfg(feature = "logs")]
pub use telemetry::{Telemetry, TelemetryBuilder};
pub use trace_context::TraceContext;

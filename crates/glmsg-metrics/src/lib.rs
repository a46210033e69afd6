#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod bounded;
mod breaker_gauge;
mod catalog;
mod collector;
mod exposition;
mod health_probe;
mod held;
mod histogram;
mod measured;
mod monitor;
mod options;
mod prometheus_layer;
mod scaler;
mod series;
#[cfg(feature = "http")]
mod server;
mod store;

pub use breaker_gauge::{BreakerGauge, BreakerState};
pub use catalog::{METRICS, MetricInfo, MetricKind};
pub use exposition::{Format, exposition};
pub use health_probe::HealthProbe;
pub use monitor::Monitor;
pub use options::Options;
pub use prometheus_layer::PrometheusLayer;
pub use scaler::{ScaleLook, ScalePolicy, ScaleState, Scaler, ScalerBuilder};
#[cfg(feature = "http")]
pub use server::MetricsServer;

/// The Prometheus client, whose `Registry` metrics are registered with.
pub use prometheus_client;

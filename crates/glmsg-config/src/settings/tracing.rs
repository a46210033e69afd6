//! Where traces are sent.

use glmsg_core::Result;

use crate::fault::refused;
use crate::given::Given;

/// Where traces are sent.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
pub struct TracingSettings {
    /// The address, by OTLP; none sends nothing.
    pub endpoint: Option<String>,
    /// What the service is called. Default: `glmsg`.
    pub service_name: String,
    /// The share of traces that are kept, 0 to 1. Default: 1.
    pub sample_ratio: f64,
}

impl TracingSettings {
    pub(super) fn of(given: &Given) -> Result<Self> {
        let endpoint = given.text("tracing.endpoint");
        if let Some(text) = endpoint {
            let at = given.origin("tracing.endpoint");
            if text.starts_with("https://") {
                return Err(refused("tracing.endpoint does not speak https", &at)
                    .remedy("let a collector nearby do that, and name it like http://HOST:4318"));
            }
            let rest = text.strip_prefix("http://");
            if rest.is_none_or(str::is_empty) {
                return Err(refused("tracing.endpoint is no address", &at)
                    .remedy("write it like http://HOST:4318"));
            }
            // It is shown, and a login in it would be, too.
            if text.contains('@') {
                return Err(refused("tracing.endpoint has a login in it", &at)
                    .remedy("let a collector nearby log in, and name that one here"));
            }
        }
        let name = given.text("tracing.service_name").unwrap_or("glmsg");
        Ok(Self {
            endpoint: endpoint.map(str::to_owned),
            service_name: name.to_owned(),
            sample_ratio: given.number("tracing.sample_ratio").unwrap_or(1.0),
        })
    }
}

//! Where metrics are served.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use glmsg_core::Result;

use crate::fault::refused;
use crate::given::Given;

/// Where metrics are served.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricsSettings {
    /// Whether they are served at all. Default: no.
    pub enabled: bool,
    /// The address and the port. Default: 127.0.0.1:9090.
    pub listen: SocketAddr,
}

impl MetricsSettings {
    pub(super) fn of(given: &Given) -> Result<Self> {
        let host = match given.text("metrics.listen") {
            Some(text) => text.parse::<IpAddr>().map_err(|_| {
                let at = given.origin("metrics.listen");
                refused("metrics.listen takes an IP address", &at)
                    .remedy("write it like 127.0.0.1 or 0.0.0.0; the port is prometheus_port")
            })?,
            None => IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let port = given.whole("prometheus_port");
        let port = port.and_then(|port| u16::try_from(port).ok());
        Ok(Self {
            enabled: given.flag("metrics_enabled").unwrap_or(false),
            listen: SocketAddr::new(host, port.unwrap_or(9090)),
        })
    }
}

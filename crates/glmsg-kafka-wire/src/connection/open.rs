//! How a connection comes about.

use glmsg_core::{Error, ErrorKind, Result};
use tokio::time::timeout;

use super::channel::Channel;
use super::error::{maybe_unheard, silent};
use super::stream::Stream;
use super::versions::Versions;
use super::{Connection, socket};
use crate::endpoint::Endpoint;

impl Connection {
    /// Connects, with TLS and the login that the endpoint says, within its time-out.
    ///
    /// # Errors
    /// `Unavailable` or `Timeout` if nobody answers there, `PermissionDenied` if the login is
    /// refused, `ConfigInvalid` for files of TLS that cannot be used.
    pub async fn open(endpoint: &Endpoint, host: &str, port: u16) -> Result<Self> {
        let broker = format!("{host}:{port}");
        let is_bare = endpoint.tls.is_none() || endpoint.login.is_none();
        let opened = timeout(endpoint.timeout, enter(endpoint, host, port)).await;
        let (channel, versions) = opened.unwrap_or_else(|_| Err(silent())).map_err(|e| {
            let error = e.with("broker", &broker);
            if is_bare && error.is_transient() {
                return maybe_unheard(error);
            }
            error
        })?;
        Ok(Self {
            channel,
            versions,
            broker,
            timeout: endpoint.timeout,
            is_bare,
            is_heard: false,
        })
    }
}

async fn enter(endpoint: &Endpoint, host: &str, port: u16) -> Result<(Channel, Versions)> {
    if endpoint.tls.is_some() || endpoint.login.is_some() {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "TLS and logins are not supported",
        ));
    }
    let stream = Stream::Plain(socket::connect(host, port).await?);
    let mut channel = Channel::new(stream, &endpoint.client_id);
    let versions = Versions::ask(&mut channel).await?;
    Ok((channel, versions))
}

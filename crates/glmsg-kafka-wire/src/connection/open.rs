//! How a connection comes about.

use glmsg_core::Result;
#[cfg(not(feature = "tls"))]
use glmsg_core::{Error, ErrorKind};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::channel::Channel;
use super::error::{maybe_unheard, silent};
use super::login::log_in;
use super::stream::Stream;
#[cfg(feature = "tls")]
use super::tls;
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
        opened
            .unwrap_or_else(|_| Err(silent()))
            .map(|entered| Self {
                channel: entered.channel,
                versions: entered.versions,
                broker: broker.clone(),
                timeout: endpoint.timeout,
                due: entered.due,
                is_bare,
                is_heard: false,
            })
            .map_err(|e| {
                let error = e.with("broker", &broker);
                if is_bare && error.is_transient() {
                    return maybe_unheard(error);
                }
                error
            })
    }
}

struct Entered {
    channel: Channel,
    versions: Versions,
    due: Option<Instant>,
}

async fn enter(endpoint: &Endpoint, host: &str, port: u16) -> Result<Entered> {
    let stream = secure(endpoint, host, socket::connect(host, port).await?).await?;
    let mut channel = Channel::new(stream, &endpoint.client_id);
    let versions = Versions::ask(&mut channel).await?;
    let mut due = None;
    if let Some(login) = &endpoint.login {
        // The broker's clock starts later.
        let begun = Instant::now();
        let lifetime = log_in(&mut channel, &versions, login).await?;
        due = lifetime.and_then(|lifetime| begun.checked_add(lifetime / 5 * 4));
    }
    Ok(Entered {
        channel,
        versions,
        due,
    })
}

#[cfg(feature = "tls")]
async fn secure(endpoint: &Endpoint, host: &str, stream: TcpStream) -> Result<Stream> {
    Ok(match &endpoint.tls {
        Some(files) => Stream::Tls(Box::new(tls::wrap(files, host, stream).await?)),
        None => Stream::Plain(stream),
    })
}

#[cfg(not(feature = "tls"))]
async fn secure(endpoint: &Endpoint, _: &str, stream: TcpStream) -> Result<Stream> {
    match &endpoint.tls {
        // A connection that was to be secret is not made in the open.
        Some(_) => Err(Error::new(
            ErrorKind::Unsupported,
            "this build cannot make secret connections",
        )
        .remedy("build it with the feature tls of glmsg-kafka-wire")),
        None => Ok(Stream::Plain(stream)),
    }
}

//! Making a connection.

mod handshake;
mod opening;
mod socket;

use std::sync::Arc;
use std::time::Duration;

use glmsg_core::Result;
use redis::AsyncConnectionConfig;
use redis::RedisConnectionInfo;
use redis::aio::MultiplexedConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::timeout;

pub(super) use self::handshake::Ask;
use self::handshake::Login;
use super::direct::{Direct, Stream};
use super::node::Node;
use super::progress::{Progress, Watched};
#[cfg(feature = "tls")]
use super::tls::Tls;
use super::wire::Wire;
use crate::config::{Address, RedisConfig, Server};
use crate::error;

/// How long a connection may take, from the look-up of the name to the answer to the login.
const CONNECT: Duration = Duration::from_secs(2);
/// How many calls redis-rs takes before the first is written.
const QUEUE: usize = 512;

const PLAIN: &str = "check that the server runs, and whether it wants TLS: rediss://";
#[cfg(feature = "tls")]
const SECRET: &str = "check that the server runs, and its log for why it hangs up";

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Commands of the broker. The scripts are loaded first, if so wished.
    Work { load_scripts: bool },
    /// Questions to a sentinel.
    Sentinel,
}

/// Makes connections.
#[derive(Debug)]
pub(super) struct Dialer {
    login: Login,
    sentinel_login: Login,
    scripts: Vec<String>,
    must_be_master: bool,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

impl Dialer {
    pub(super) fn new(config: &RedisConfig, scripts: Vec<String>) -> Result<Self> {
        Ok(Self {
            login: Login::of_servers(config),
            sentinel_login: Login::of_sentinels(config),
            scripts,
            must_be_master: matches!(config.server, Server::Sentinel { .. }),
            #[cfg(feature = "tls")]
            tls: config.tls.as_ref().map(Tls::load).transpose()?,
        })
    }

    /// Connects and logs in.
    pub(super) async fn dial(&self, address: &Address, purpose: Purpose) -> Result<Wire> {
        let dialed = timeout(CONNECT, self.connect(address, purpose)).await;
        dialed
            .unwrap_or_else(|_| Err(error::silent(false)))
            .map_err(|error| error.with("address", address))
    }

    /// Connects and logs in, for one who drives the connection.
    pub(super) async fn dial_direct(&self, node: &Arc<Node>) -> Result<Direct> {
        let dialed = timeout(CONNECT, self.connect_direct(node)).await;
        dialed
            .unwrap_or_else(|_| Err(error::silent(false)))
            .map_err(|error| error.with("address", &node.address))
    }

    async fn connect_direct(&self, node: &Arc<Node>) -> Result<Direct> {
        let tcp = socket::connect(&node.address).await;
        let tcp = tcp.map_err(|e| error::from_io(&e, false))?;
        let stream: Box<dyn Stream> = {
            #[cfg(feature = "tls")]
            match &self.tls {
                Some(tls) => {
                    let mut stream = tls.wrap(&node.address.host, tcp).await?;
                    opening::open(&mut stream, SECRET).await?;
                    Box::new(stream)
                }
                None => plain(tcp).await?,
            }
            #[cfg(not(feature = "tls"))]
            plain(tcp).await?
        };
        let mut direct = Direct::new(Arc::clone(node), stream);
        handshake::greet(&mut direct, &self.login).await?;
        let called = handshake::call(&mut direct).await?;
        direct.set_name(called.id, called.address);
        if self.must_be_master {
            handshake::check_is_master(&mut direct).await?;
        }
        Ok(direct)
    }

    /// Loads the scripts, on a connection that has found them missing.
    pub(super) async fn load_scripts(&self, asked: &mut impl Ask) -> Result<()> {
        handshake::load_scripts(asked, &self.scripts).await
    }

    async fn connect(&self, address: &Address, purpose: Purpose) -> Result<Wire> {
        let tcp = socket::connect(address).await;
        let tcp = tcp.map_err(|e| error::from_io(&e, false))?;
        let progress = Progress::default();
        let stream = Watched::new(tcp, progress.clone());
        let (connection, driver) = {
            #[cfg(feature = "tls")]
            match &self.tls {
                Some(tls) => start(tls.wrap(&address.host, stream).await?, SECRET).await?,
                None => start(stream, PLAIN).await?,
            }
            #[cfg(not(feature = "tls"))]
            start(stream, PLAIN).await?
        };
        let wire = Wire::new(address.clone(), connection, driver, progress);
        match purpose {
            Purpose::Sentinel => handshake::greet(&mut &wire, &self.sentinel_login)
                .await
                .map(drop)?,
            Purpose::Work { load_scripts } => {
                handshake::greet(&mut &wire, &self.login).await?;
                if self.must_be_master {
                    handshake::check_is_master(&mut &wire).await?;
                }
                if load_scripts {
                    handshake::load_scripts(&mut &wire, &self.scripts).await?;
                }
            }
        }
        Ok(wire)
    }
}

async fn plain(mut tcp: TcpStream) -> Result<Box<dyn Stream>> {
    opening::open(&mut tcp, PLAIN).await?;
    Ok(Box::new(tcp))
}

async fn start<S>(mut stream: S, remedy: &str) -> Result<(MultiplexedConnection, AbortHandle)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    opening::open(&mut stream, remedy).await?;
    // Logging in is ours: redis-rs would hide the server's reason, and it gives up a user whom an
    // old server does not know.
    let info = RedisConnectionInfo::default().set_skip_set_lib_name();
    let settings = AsyncConnectionConfig::new()
        .set_response_timeout(None)
        .set_connection_timeout(None)
        .set_pipeline_buffer_size(QUEUE);
    let made = MultiplexedConnection::new_with_config(&info, stream, settings).await;
    let (connection, driver) = made.map_err(|e| error::from_redis(&e, false))?;
    Ok((connection, tokio::spawn(driver).abort_handle()))
}

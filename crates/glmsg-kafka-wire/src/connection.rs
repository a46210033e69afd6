//! A connection to one broker: one request at a time, or one under way while others wait.

use glmsg_core::Result;
use kafka_protocol::protocol::Request;

use crate::endpoint::Endpoint;

/// A connection to a broker, logged in. Not cancel-safe: drop it if a call on it is given up.
#[derive(Debug)]
pub struct Connection {}

impl Connection {
    /// Connects, with TLS and the login that the endpoint says, within its time-out.
    ///
    /// # Errors
    /// `Unavailable` or `Timeout` if nobody answers there, `PermissionDenied` if the login is
    /// refused, `ConfigInvalid` for files of TLS that cannot be used.
    pub async fn open(endpoint: &Endpoint, host: &str, port: u16) -> Result<Self> {
        let _ = (endpoint, host, port);
        todo!()
    }

    /// The highest version of a request that both know, up to `most`.
    ///
    /// # Errors
    /// `Unsupported` if there is none.
    pub fn version<R: Request>(&self, most: i16) -> Result<i16> {
        let _ = most;
        todo!()
    }

    /// Sends a request and waits for its answer, within the endpoint's time-out.
    ///
    /// # Errors
    /// `Unavailable` or `Timeout` if the connection is lost or no answer comes, `Codec` for an answer
    /// that is none. The connection is of no use after each of these.
    pub async fn ask<R: Request>(&mut self, request: &R, version: i16) -> Result<R::Response> {
        let _ = (request, version);
        todo!()
    }
}

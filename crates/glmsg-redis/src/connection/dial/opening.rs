//! The first question on a connection.

use glmsg_core::{ErrorKind, Result};
use redis::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::error::{from_handshake, lost, not_redis, server_error};

/// The longest first line of any server.
const LONGEST: usize = 1024;

/// Asks for a sign of life, and hears why if there is none.
///
/// A server that refuses a certificate, another host or one connection too many says so and hangs
/// up. redis-rs, which writes more at once, would find the line dead before it has read that.
///
/// # Errors
/// With `remedy`, if the server just hangs up.
pub(super) async fn open<S>(stream: &mut S, remedy: &str) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let written = async {
        stream.write_all(b"*1\r\n$4\r\nPING\r\n").await?;
        stream.flush().await
    };
    let written = written.await;
    let mut line = Vec::with_capacity(64);
    while !line.ends_with(b"\n") {
        match stream.read_u8().await {
            Ok(byte) => line.push(byte),
            Err(error) => {
                let error = written.err().unwrap_or(error);
                return Err(match from_handshake(&error) {
                    error if error.kind() == ErrorKind::Unavailable => error.remedy(remedy),
                    error => error,
                });
            }
        }
        if !matches!(line[0], b'+' | b'-') || line.len() > LONGEST {
            return Err(not_redis());
        }
    }
    match redis::parse_redis_value(&line) {
        Ok(Value::ServerError(refusal)) if is_farewell(&refusal) => Err(server_error(&refusal)),
        Ok(_) => Ok(()),
        Err(_) => Err(lost(false)),
    }
}

/// `true` if the server hangs up after it; others, such as that a login is wanted, come again.
fn is_farewell(refusal: &redis::ServerError) -> bool {
    let is_crowded = |text: &str| text.contains("max number of clients");
    refusal.code() == "DENIED" || refusal.details().is_some_and(is_crowded)
}

//! What the server says without being asked.

use std::time::Duration;

use glmsg_core::Result;
use glmsg_core::limits::{MAX_PAYLOAD, max_envelope};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::{Direct, MOST_ROOM, PATIENCE, ROOM};
use crate::connection::reply::Answers;
use crate::error::{from_io, lost, not_redis, silent};

/// How long the server may say nothing before it is asked whether it is there.
const SILENCE: Duration = Duration::from_secs(5);

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

impl Direct {
    /// Waits for the next that the server says, for as long as it shows signs of life.
    ///
    /// # Cancel safety
    /// None.
    pub(in crate::connection) async fn hear(&mut self) -> Result<Answers> {
        let heard = self.read_one().await;
        heard.inspect_err(|_| self.is_broken = true)
    }

    async fn read_one(&mut self) -> Result<Answers> {
        self.scanner.expect(1);
        let mut is_asked = false;
        while !self.scanner.advance(&self.incoming)? {
            let wanted = self.scanner.wanted();
            // Any client may say anything here, and is not to fill our memory.
            if wanted > max_envelope(MAX_PAYLOAD) {
                return Err(not_redis().with("bytes", wanted));
            }
            self.incoming.reserve(wanted.clamp(ROOM, MOST_ROOM));
            let patience = if is_asked { PATIENCE } else { SILENCE };
            match timeout(patience, self.stream.read_buf(&mut self.incoming)).await {
                Ok(Ok(0)) => return Err(lost(false)),
                Ok(Ok(_)) => is_asked = false,
                Ok(Err(error)) => return Err(from_io(&error, false)),
                Err(_) if is_asked => return Err(silent(false)),
                Err(_) => {
                    self.write_all(PING).await?;
                    is_asked = true;
                }
            }
        }
        Ok(self.taken())
    }
}

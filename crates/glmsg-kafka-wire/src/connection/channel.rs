//! Requests and answers as frames, one after the other.

use std::fmt;

use bytes::BytesMut;
use glmsg_core::{Error, ErrorKind, Result};
use kafka_protocol::messages::RequestHeader;
use kafka_protocol::protocol::{Encodable, HeaderVersion, Request, StrBytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::answer::Answer;
use super::error::{ended, from_io, malformed, unavailable, unwritable, wants_tls};
use super::stream::Stream;

/// The longest answer that is believed. What is no Kafka most often begins with a greater number.
const LONGEST: usize = 256 << 20;

/// How much room is kept for later requests, and for answers.
const KEPT: usize = 1 << 20;

/// How much room there is at least, and at most, for an answer whose length is not known yet.
const ROOM: (usize, usize) = (4 << 10, 256 << 10);

/// The bytes of a frame's length.
const LENGTH: usize = 4;

/// Asks one request after the other.
pub(super) struct Channel {
    stream: Stream,
    client_id: StrBytes,
    /// The number of the last request.
    number: i32,
    output: Vec<u8>,
    input: BytesMut,
    /// How long the last answer was: the next one is likely to be as long.
    usual: usize,
    /// Every request that was sent is answered.
    is_whole: bool,
}

impl Channel {
    pub(super) fn new(stream: Stream, client_id: &str) -> Self {
        Self {
            stream,
            client_id: StrBytes::from_string(client_id.to_owned()),
            number: 0,
            output: Vec::new(),
            input: BytesMut::new(),
            usual: 0,
            is_whole: true,
        }
    }

    /// Sends a request and waits for what follows the header of its answer. If it fails, or is given
    /// up, then so does each later call.
    pub(super) async fn ask<R: Request>(&mut self, request: &R, version: i16) -> Result<Answer> {
        if !self.is_whole {
            return Err(unavailable());
        }
        self.write(request, version)?;
        self.is_whole = false;
        self.send().await.map_err(|e| from_io(&e))?;
        let mut answer = self.receive().await?;
        let number = answer.header(<R::Response as HeaderVersion>::header_version(version))?;
        if number != self.number {
            let detail = format!("it is to request {number} and not to {}", self.number);
            return Err(malformed(detail));
        }
        self.is_whole = true;
        Ok(answer)
    }

    fn write<R: Request>(&mut self, request: &R, version: i16) -> Result<()> {
        self.number = self.number.checked_add(1).unwrap_or_default();
        self.output.clear();
        self.output.shrink_to(KEPT);
        self.output.extend_from_slice(&[0; LENGTH]);
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.number)
            .with_client_id(Some(self.client_id.clone()));
        header
            .encode(&mut self.output, R::header_version(version))
            .and_then(|()| request.encode(&mut self.output, version))
            .map_err(unwritable)?;
        let length = self.output.len() - LENGTH;
        let length = i32::try_from(length).map_err(|_| too_long(length))?;
        if let Some(head) = self.output.first_chunk_mut() {
            *head = length.to_be_bytes();
        }
        Ok(())
    }

    async fn send(&mut self) -> std::io::Result<()> {
        self.stream.write_all(&self.output).await?;
        // TLS may still have some of it.
        self.stream.flush().await
    }

    async fn receive(&mut self) -> Result<Answer> {
        loop {
            let missing = match self.input.first_chunk::<LENGTH>() {
                None => self.usual.clamp(ROOM.0, ROOM.1),
                Some(head) => {
                    let whole = LENGTH + length(*head)?;
                    if self.input.len() >= whole {
                        return Ok(self.take(whole));
                    }
                    whole - self.input.len()
                }
            };
            self.input.reserve(missing);
            let read = self.stream.read_buf(&mut self.input).await;
            if read.map_err(|e| from_io(&e))? == 0 {
                return Err(ended());
            }
        }
    }

    /// The answer shares the memory that was read into. A long one has it alone, lest the connection
    /// keep as much for ever.
    fn take(&mut self, whole: usize) -> Answer {
        self.usual = whole;
        let frame = if whole > KEPT && whole == self.input.len() {
            std::mem::take(&mut self.input)
        } else {
            self.input.split_to(whole)
        };
        Answer::new(frame.freeze().slice(LENGTH..))
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Channel")
    }
}

fn length(head: [u8; LENGTH]) -> Result<usize> {
    // An alert, of a version of TLS: far too long for a length.
    if let [0x15, 0x03, ..] = head {
        return Err(wants_tls());
    }
    let stated = i32::from_be_bytes(head);
    match usize::try_from(stated) {
        Ok(length) if length <= LONGEST => Ok(length),
        _ => Err(malformed(format!("its length would be {stated}"))),
    }
}

#[cold]
fn too_long(length: usize) -> Error {
    Error::new(
        ErrorKind::TooLarge,
        "a request is longer than Kafka's protocol allows",
    )
    .with("bytes", length)
}

#[cfg(test)]
mod tests;

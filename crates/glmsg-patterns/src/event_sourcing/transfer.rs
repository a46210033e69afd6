//! Streams as lines of JSON.

use glmsg_broker::{Change, MAX_APPEND, MAX_APPEND_BYTES};
use glmsg_core::{Error, ErrorKind, Message, Result, TopicName, limits};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::chain::{ChainHash, Link};
use super::store::BATCH;
use super::{EventStore, Replay};

/// The longest line that is read: a payload of the largest size in base64, and room.
const MAX_LINE: u64 = 2 * limits::MAX_PAYLOAD as u64 + 1024 * 1024;
/// How many events an import appends at once.
const AT_ONCE: usize = if BATCH < MAX_APPEND {
    BATCH
} else {
    MAX_APPEND
};
/// How much of them, as they are read: what is stored is smaller.
const BYTES_AT_ONCE: usize = MAX_APPEND_BYTES / 2;

#[derive(Serialize, Deserialize)]
struct Line<E> {
    version: u64,
    prev: ChainHash,
    hash: ChainHash,
    event: E,
}

impl EventStore {
    /// Writes the events after version `after` as JSON, one a line, with their hashes; returns how
    /// many. The event is in [the JSON form of a message](Message::to_json). Each is checked against
    /// its hash and the one before, so that what is written is as it was recorded.
    ///
    /// # Errors
    /// `Codec` for an event that is damaged or not chained to the one before; `Unavailable` if `out`
    /// takes no more; those of the storage. The lines before are good.
    pub async fn export<W: AsyncWrite + Unpin>(
        &self,
        stream: impl AsRef<str>,
        after: u64,
        out: &mut W,
    ) -> Result<u64> {
        let stream = TopicName::new(stream)?;
        let (mut at, mut prev, mut count) = (after, None, 0);
        loop {
            let links = self.links(&stream, at, BATCH).await?;
            for link in &links {
                if prev.is_some_and(|prev| prev != link.prev) {
                    return Err(unchained(link, &stream).operation("export"));
                }
                prev = Some(link.hash);
                let event = RawValue::from_string(link.event.message().to_json());
                let line = event.and_then(|event| {
                    let (version, prev, hash) = (link.event.version(), link.prev, link.hash);
                    serde_json::to_string(&Line {
                        version,
                        prev,
                        hash,
                        event,
                    })
                });
                let mut line = line.map_err(|e| {
                    Error::new(ErrorKind::Codec, "the event has no JSON form").source(e)
                })?;
                line.push('\n');
                out.write_all(line.as_bytes())
                    .await
                    .map_err(|e| failed("write", e))?;
                at = link.event.version();
                count += 1;
            }
            if links.is_empty() {
                out.flush().await.map_err(|e| failed("write", e))?;
                return Ok(count);
            }
        }
    }

    /// Appends the events of lines that [`export`](Self::export) wrote, as they were: with their
    /// ids, times and hashes. Returns how many were new. A stream that has some of them already is
    /// gone on with, so an import that failed half-way is begun again.
    ///
    /// # Errors
    /// `Codec` that names the line, for one that is no event, does not match its hash or is not
    /// chained to the one before; `InvalidArgument` for an event of another stream; `Conflict` if
    /// the stream has another event there, or somebody else appends to it; `TooLarge` for a line
    /// that is too long. What came before is appended.
    pub async fn import<R: AsyncBufRead + Unpin>(
        &self,
        stream: impl AsRef<str>,
        input: &mut R,
    ) -> Result<u64> {
        let stream = TopicName::new(stream)?;
        let mut tail = self.tail(&stream).await?;
        let mut there = Replay::after(self, stream.clone(), 0);
        let (mut links, mut number, mut count): (Vec<Link>, u64, u64) = (Vec::new(), 0, 0);
        let mut bytes = 0;
        loop {
            let mut line = Vec::new();
            let read = (&mut *input)
                .take(MAX_LINE)
                .read_until(b'\n', &mut line)
                .await
                .map_err(|e| failed("read", e))?;
            number += 1;
            bytes += read;
            if (links.len() >= AT_ONCE || bytes > BYTES_AT_ONCE || read == 0)
                && let Some(last) = links.last().map(Link::tail)
            {
                match self.append_links(&stream, tail, &links).await? {
                    Change::Made(_) => count += links.len() as u64,
                    Change::Conflict(_) => return Err(other_writer(&stream)),
                }
                tail = last;
                links.clear();
                bytes = read;
            }
            if read == 0 {
                return Ok(count);
            }
            let link =
                parse(&line, &stream).map_err(|e| e.operation("import").with("line", number))?;
            if link.event.version() <= tail.version {
                let same = loop {
                    match there.next().await? {
                        Some(event) if event.version() < link.event.version() => {}
                        found => break found.as_ref() == Some(&link.event),
                    }
                };
                if !same {
                    return Err(other_writer(&stream).with("line", number));
                }
                continue;
            }
            let (version, hash) = links.last().map_or((tail.version, tail.hash), |last| {
                (last.event.version(), last.hash)
            });
            if link.event.version() != version + 1 || link.prev != hash {
                return Err(unchained(&link, &stream)
                    .operation("import")
                    .with("line", number));
            }
            links.push(link);
        }
    }
}

fn parse(line: &[u8], stream: &TopicName) -> Result<Link> {
    if line.len() as u64 >= MAX_LINE {
        return Err(Error::new(ErrorKind::TooLarge, "the line is too long"));
    }
    let line: Line<Box<RawValue>> = serde_json::from_slice(line)
        .map_err(|e| Error::new(ErrorKind::Codec, "the line is not an exported event").source(e))?;
    let message = Message::from_json(line.event.get().as_bytes())?;
    let link = Link::check(message, line.prev, line.hash)?;
    if link.event.version() != line.version {
        return Err(Error::new(
            ErrorKind::Codec,
            "the line's version is not the event's",
        ));
    }
    if link.event.stream() != stream {
        return Err(
            Error::new(ErrorKind::InvalidArgument, "the event is of another stream")
                .with("stream", link.event.stream())
                .remedy("import it into the stream of its name"),
        );
    }
    Ok(link)
}

fn unchained(link: &Link, stream: &TopicName) -> Error {
    Error::new(
        ErrorKind::Codec,
        "the event is not chained to the one before",
    )
    .with("stream", stream)
    .with("version", link.event.version())
}

fn other_writer(stream: &TopicName) -> Error {
    Error::new(ErrorKind::Conflict, "the stream has other events")
        .operation("import")
        .with("stream", stream)
        .remedy("import into a stream that is empty, or holds what was imported before")
}

fn failed(what: &str, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, format!("cannot {what} the lines")).source(error)
}

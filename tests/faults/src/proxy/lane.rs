//! One direction of a connection through a proxy.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::connection::{End, Link, count};
use super::mode::{Direction, Mode};
use super::shared::{Setting, Shared};

/// Pieces on their way. Past that the sender has to wait, as on a real line.
const LENGTH: usize = 256;

/// Bytes that were read together.
struct Piece {
    /// Empty at the end of the stream.
    bytes: Vec<u8>,
    due: Instant,
    /// The reply to what is in it is to be dropped.
    drops_reply: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Lane<'a> {
    direction: Direction,
    shared: &'a Shared,
    link: &'a Link,
}

impl<'a> Lane<'a> {
    pub(super) fn new(direction: Direction, shared: &'a Shared, link: &'a Link) -> Self {
        Self {
            direction,
            shared,
            link,
        }
    }

    /// Runs until the stream has ended, and its end was passed on.
    pub(super) async fn run(self, from: ReadHalf<'_>, to: WriteHalf<'_>) -> Result<(), End> {
        // Read and written side by side, or each piece would be delayed by the delays of those before it.
        let (sender, receiver) = mpsc::channel(LENGTH);
        tokio::try_join!(self.read(from, sender), self.write(receiver, to)).map(|_| ())
    }

    async fn read(self, mut from: ReadHalf<'_>, line: mpsc::Sender<Piece>) -> Result<(), End> {
        let mut buffer = vec![0; 16 * 1024];
        let mut last_due = Instant::now();
        // The end of the bytes before, in which a request that is looked for may have begun.
        let mut before = Vec::new();
        loop {
            let read = from.read(&mut buffer).await;
            let setting = self.shared.setting();
            let bytes = match read {
                Ok(bytes) => &buffer[..bytes],
                // In a black hole nobody learns that the other side is gone.
                Err(_) if setting.mode.swallows(self.direction) => return self.vanish().await,
                Err(_) => return Err(End::Reset),
            };
            if self.direction == Direction::ToClient
                && !bytes.is_empty()
                && self.link.drops_reply.load(Ordering::Relaxed)
            {
                return Err(End::ReplyDropped);
            }
            if setting.mode.swallows(self.direction) && !bytes.is_empty() {
                self.swallow(bytes.len());
                continue;
            }
            last_due = last_due.max(Instant::now() + self.delay(&setting.mode));
            let piece = Piece {
                bytes: bytes.to_vec(),
                due: last_due,
                drops_reply: self.is_request_to_drop(&setting, &mut before, bytes),
            };
            let is_end = bytes.is_empty();
            if line.send(piece).await.is_err() || is_end {
                return Ok(());
            }
        }
    }

    async fn write(
        self,
        mut line: mpsc::Receiver<Piece>,
        mut to: WriteHalf<'_>,
    ) -> Result<(), End> {
        let mut passed = Passed::default();
        while let Some(piece) = line.recv().await {
            tokio::time::sleep_until(piece.due).await;
            if piece.bytes.is_empty() {
                if self.shared.setting().mode.swallows(self.direction) {
                    return self.vanish().await;
                }
                // The peer may be gone already, and then it needs no end.
                let _ = to.shutdown().await;
                return Ok(());
            }
            self.pass(&piece.bytes, &mut to, &mut passed).await?;
            if piece.drops_reply {
                // Only now: the reply to an earlier request must not close the connection before this one is sent.
                self.link.drops_reply.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Passes bytes on as the mode says, which may change in the midst of them.
    async fn pass(
        self,
        bytes: &[u8],
        to: &mut WriteHalf<'_>,
        passed: &mut Passed,
    ) -> Result<(), End> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let Setting { mode, serial } = self.shared.setting();
            match mode {
                Mode::BlackHole(direction) if direction.covers(self.direction) => {
                    self.swallow(rest.len());
                    return Ok(());
                }
                Mode::Stall(direction) if direction.covers(self.direction) => {
                    let mut settings = self.shared.settings();
                    let changed = settings.wait_for(|setting| setting.serial != serial);
                    changed.await.map_err(|_| End::Reset)?;
                }
                Mode::Trickle { direction, pause } if direction.covers(self.direction) => {
                    rest = self.send(rest, 1, to).await?;
                    tokio::time::sleep(pause).await;
                }
                Mode::CutAfter { direction, bytes } if direction.covers(self.direction) => {
                    let left = passed.left(serial, bytes);
                    let part = left.min(rest.len());
                    rest = self.send(rest, part, to).await?;
                    passed.bytes += part;
                    if part == left {
                        return Err(End::Cut);
                    }
                }
                _ => rest = self.send(rest, rest.len(), to).await?,
            }
        }
        Ok(())
    }

    /// Sends the first `part` bytes and returns the rest.
    async fn send<'b>(
        self,
        bytes: &'b [u8],
        part: usize,
        to: &mut WriteHalf<'_>,
    ) -> Result<&'b [u8], End> {
        let (now, later) = bytes.split_at(part);
        to.write_all(now).await.map_err(|_| End::Reset)?;
        self.shared.saw(|seen| match self.direction {
            Direction::ToServer => seen.to_server += count(part),
            _ => seen.to_client += count(part),
        });
        Ok(later)
    }

    fn swallow(self, bytes: usize) {
        self.link.has_hole.store(true, Ordering::Relaxed);
        self.shared.saw(|seen| seen.swallowed += count(bytes));
    }

    /// The end of the stream was lost in a black hole. The connection is reset when that is over.
    async fn vanish(self) -> Result<(), End> {
        self.link.has_hole.store(true, Ordering::Relaxed);
        std::future::pending().await
    }

    fn delay(self, mode: &Mode) -> Duration {
        match mode {
            Mode::Delay {
                direction,
                by,
                jitter,
            } if direction.covers(self.direction) => {
                let least = by.saturating_sub(*jitter);
                let spread = (*by + *jitter).saturating_sub(least);
                least + spread.mul_f64(fastrand::f64())
            }
            _ => Duration::ZERO,
        }
    }

    /// Whether the reply to what stands in these bytes is to be dropped; if so it is taken from those that are left.
    fn is_request_to_drop(self, setting: &Setting, before: &mut Vec<u8>, bytes: &[u8]) -> bool {
        if self.direction == Direction::ToClient || bytes.is_empty() {
            return false;
        }
        let Mode::DropReply(drop) = &setting.mode else {
            before.clear();
            return false;
        };
        let is_meant = drop.to.as_ref().is_none_or(|request| {
            before.extend_from_slice(bytes);
            let found =
                request.is_empty() || before.windows(request.len()).any(|part| part == request);
            let kept = before.len().min(request.len().saturating_sub(1));
            before.drain(..before.len() - kept);
            found
        });
        is_meant && self.shared.claim_drop(setting.serial)
    }
}

/// The bytes that were passed on under one setting.
#[derive(Debug, Default)]
struct Passed {
    serial: u64,
    bytes: usize,
}

impl Passed {
    fn left(&mut self, serial: u64, limit: usize) -> usize {
        if self.serial != serial {
            *self = Self { serial, bytes: 0 };
        }
        limit.saturating_sub(self.bytes)
    }
}

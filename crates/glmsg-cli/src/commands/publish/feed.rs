//! Reading ahead: a thread makes messages while the broker stores the ones before. What waits in
//! between is bounded in number and in bytes.

use std::sync::Arc;

use glmsg::Message;
use glmsg::limits::MAX_BATCH_BYTES;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::maker::Maker;
use crate::input::{BadPiece, Reader};

/// A message and its place in the input.
pub(super) struct Made {
    pub(super) number: u64,
    pub(super) message: Message,
}

/// What is stored together.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) made: Vec<Made>,
    /// Pieces that are no message.
    pub(super) bad: Vec<BadPiece>,
    /// The memory these messages take; more is read when they are stored and dropped.
    rooms: Vec<OwnedSemaphorePermit>,
}

type Waiting = (Result<Made, BadPiece>, Option<OwnedSemaphorePermit>);

/// The messages of an input, in its order, made by a thread of its own.
pub(super) struct Feed {
    pieces: mpsc::Receiver<Waiting>,
}

impl Feed {
    /// Starts reading behind `first`. At the first piece that is no message it ends, unless such
    /// pieces are to be passed over and this one can be.
    pub(super) fn start(first: Made, mut reader: Reader, maker: Maker, pass_over: bool) -> Self {
        let (sender, pieces) = mpsc::channel(1000);
        let bytes = Arc::new(Semaphore::new(MAX_BATCH_BYTES));
        let runtime = tokio::runtime::Handle::current();
        tokio::task::spawn_blocking(move || {
            let mut piece: Result<_, BadPiece> = Ok(Some(first));
            loop {
                let last = matches!(&piece, Err(bad) if !(pass_over && bad.passable));
                let (piece_or_bad, size) = match piece {
                    Ok(None) => return,
                    Ok(Some(made)) => {
                        let size = made.message.payload().len().min(MAX_BATCH_BYTES);
                        (Ok(made), u32::try_from(size).unwrap_or(u32::MAX))
                    }
                    Err(bad) => (Err(bad), 0),
                };
                let room = runtime
                    .block_on(bytes.clone().acquire_many_owned(size))
                    .ok();
                let gone = sender.blocking_send((piece_or_bad, room)).is_err();
                if gone || last {
                    return;
                }
                let next = reader.next();
                piece = next.and_then(|p| p.map(|p| maker.make(p)).transpose());
            }
        });
        Self { pieces }
    }

    /// What has been made by now, one message at least and `max` at most; `None` at the end. A
    /// slow input is so stored as it comes, and a fast one in full batches.
    pub(super) async fn next(&mut self, max: usize) -> Option<Batch> {
        let mut batch = Batch::default();
        batch.take(self.pieces.recv().await?);
        while batch.made.len() < max
            && let Ok(waiting) = self.pieces.try_recv()
        {
            batch.take(waiting);
        }
        Some(batch)
    }
}

impl Batch {
    fn take(&mut self, (piece, room): Waiting) {
        self.rooms.extend(room);
        match piece {
            Ok(made) => self.made.push(made),
            Err(bad) => self.bad.push(bad),
        }
    }
}

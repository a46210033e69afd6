//! Round after round: read, publish, delete.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use glmsg_broker::{Broker, Published};
use glmsg_core::{Error, ErrorKind, Message, Result, wire};
use rusqlite::Connection;
use tokio::time::sleep;

use super::{Shared, table};

/// After a round that failed, and twice as long after each more.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Where the relay stands.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::outbox) struct State {
    /// How often it has looked into the outbox.
    pub(super) looks: u64,
    /// Whether it found nothing the last time.
    pub(super) empty: bool,
    pub(super) ended: bool,
}

pub(super) struct Rounds {
    pub(super) broker: Arc<dyn Broker>,
    pub(super) batch: usize,
    pub(super) poll: Duration,
    pub(super) shared: Arc<Shared>,
}

/// Of a round: which places are done, which are refused, and what hinders the others.
#[derive(Default)]
struct Outcome {
    published: Vec<i64>,
    refused: Vec<(i64, String)>,
    hindered: Option<Error>,
}

impl Rounds {
    pub(super) async fn run(self, db: Connection) -> Result<()> {
        let ended = self.rounds(db).await;
        if let Err(error) = &ended {
            tracing::error!(%error, "the outbox's relay ends");
        }
        self.shared.state.send_modify(|state| state.ended = true);
        ended
    }

    async fn rounds(&self, mut db: Connection) -> Result<()> {
        let mut pause = PAUSE;
        loop {
            if self.shared.stop.is_cancelled() {
                return Ok(());
            }
            let (kept, version, done) = self.round(db).await?;
            db = kept;
            match done {
                Ok(0) => {
                    pause = PAUSE;
                    db = self.wait(db, version).await?;
                }
                Ok(_) => pause = PAUSE,
                Err(error) if error.is_transient() => {
                    self.shared.retries.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(%error, "the outbox could not be relayed; trying again");
                    tokio::select! {
                        () = self.shared.stop.cancelled() => return Ok(()),
                        () = sleep(pause) => {}
                    }
                    pause = (2 * pause).min(LONGEST_PAUSE);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Publishes some messages; returns how many there were.
    async fn round(&self, db: Connection) -> Result<(Connection, Option<i64>, Result<usize>)> {
        let batch = self.batch;
        let (mut db, version, rows) = blocking(move || {
            // Before it looks, so that what is committed meanwhile is seen as a change.
            let version = table::data_version(&db).ok();
            let rows = table::next(&db, batch);
            Ok((db, version, rows))
        })
        .await?;
        let rows = match rows {
            Ok(rows) => rows,
            Err(error) => return Ok((db, version, Err(error))),
        };
        self.shared.state.send_modify(|state| {
            state.looks += 1;
            state.empty = rows.is_empty();
        });
        if rows.is_empty() {
            return Ok((db, version, Ok(0)));
        }
        let count = rows.len();
        let outcome = self.publish(rows).await;
        let hindered = outcome.hindered;
        let (db, settled) = blocking(move || {
            let settled = table::settle(&mut db, &outcome.published, &outcome.refused);
            Ok((db, settled))
        })
        .await?;
        Ok((
            db,
            version,
            settled.and_then(|()| hindered.map_or(Ok(count), Err)),
        ))
    }

    async fn publish(&self, rows: Vec<(i64, Vec<u8>)>) -> Outcome {
        let mut outcome = Outcome::default();
        let (mut places, mut messages): (Vec<i64>, Vec<Message>) = (Vec::new(), Vec::new());
        for (place, body) in rows {
            match wire::decode(&body.into(), usize::MAX) {
                Ok(message) => {
                    places.push(place);
                    messages.push(message);
                }
                Err(error) => self.refuse(&mut outcome, place, &error),
            }
        }
        let published = match self.broker.publish(&messages).await {
            Ok(published) => published,
            Err(error) => {
                outcome.hindered = Some(error);
                return outcome;
            }
        };
        for (place, published) in places.into_iter().zip(published) {
            match published {
                Published::Stored => {
                    self.shared.published.fetch_add(1, Ordering::Relaxed);
                    outcome.published.push(place);
                }
                Published::Duplicate => {
                    self.shared.duplicates.fetch_add(1, Ordering::Relaxed);
                    outcome.published.push(place);
                }
                Published::Rejected(error) => self.refuse(&mut outcome, place, &error),
                Published::Full(error) | Published::Indeterminate(error) => {
                    outcome.hindered.get_or_insert(error);
                }
            }
        }
        outcome
    }

    fn refuse(&self, outcome: &mut Outcome, place: i64, error: &Error) {
        tracing::error!(%error, "a message of the outbox is refused, and parked");
        self.shared.parked.fetch_add(1, Ordering::Relaxed);
        outcome.refused.push((place, error.to_string()));
    }

    /// Until there may be something: another connection has committed, or somebody said so.
    async fn wait(&self, mut db: Connection, seen: Option<i64>) -> Result<Connection> {
        loop {
            let version;
            (db, version) = blocking(move || {
                let version = table::data_version(&db);
                Ok((db, version))
            })
            .await?;
            // Where it cannot be asked, the round that follows says why.
            if version.ok() != seen {
                return Ok(db);
            }
            tokio::select! {
                () = self.shared.stop.cancelled() => return Ok(db),
                () = self.shared.wake.notified() => return Ok(db),
                () = sleep(self.poll) => {}
            }
        }
    }
}

/// SQLite's calls wait for the disk.
pub(super) async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(call).await;
    done.unwrap_or_else(|error| {
        let (kind, what) = match error.is_cancelled() {
            true => (ErrorKind::Closed, "the runtime ends"),
            false => (ErrorKind::Unexpected, "a call of the database panicked"),
        };
        Err(Error::new(kind, what).operation("relay").source(error))
    })
}

//! Making changes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use glmsg_broker::{Change, Expected, StorageKey};
use glmsg_core::{Error, ErrorKind, Result, Timestamp};

use super::command::{Chunk, Command, Place, What, When};
use super::key::{Address, Kind, RecordKey};
use super::shelf::{Shelf, Watched};
use super::store::{Inner, unread};
use super::view::{Head, View};
use crate::producer::Record;

/// How long is waited before something that was not stored is sent again, at first and at most.
const PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// Likewise, where others are quicker all the time.
const YIELD: u64 = 2;
const LONGEST_YIELD: u64 = 50;

/// What a change comes to, by what was read.
enum Decision {
    /// It is not to be made, or there is nothing to do: if nothing else was stored meanwhile.
    Answer(Change),
    Send {
        command: Command,
        made: Change,
    },
}

impl Inner {
    pub(super) async fn append(
        self: &Arc<Self>,
        log: &StorageKey,
        expected: Expected,
        records: &[Bytes],
    ) -> Result<Change> {
        let chunk = Chunk::of(records);
        self.change(Kind::Log, log, |view, _| {
            let version = view.log_version(log);
            if !expected.is_met_by(version) {
                return Decision::Answer(Change::Conflict(version));
            }
            if chunk.count == 0 {
                return Decision::Answer(Change::Made(version));
            }
            Decision::Send {
                command: command(
                    view,
                    place(view, Kind::Log, log),
                    What::Append(chunk.clone()),
                ),
                made: Change::Made(version.saturating_add(chunk.count.into())),
            }
        })
        .await
    }

    pub(super) async fn remove_log(
        self: &Arc<Self>,
        log: &StorageKey,
        expected: Expected,
    ) -> Result<Change> {
        self.change(Kind::Log, log, |view, _| match view.log_version(log) {
            version if !expected.is_met_by(version) => Decision::Answer(Change::Conflict(version)),
            0 => Decision::Answer(Change::Made(0)),
            _ => Decision::Send {
                command: command(view, place(view, Kind::Log, log), What::Remove),
                made: Change::Made(0),
            },
        })
        .await
    }

    pub(super) async fn put(
        self: &Arc<Self>,
        key: &StorageKey,
        value: &Bytes,
        expected: Expected,
        ttl: Option<Duration>,
    ) -> Result<Change> {
        // Without end is another thing than for as long as can be said.
        let ttl = ttl.map(|ttl| u64::try_from(ttl.as_micros()).unwrap_or(u64::MAX - 1));
        self.change(Kind::Value, key, |view, now| {
            let there = view
                .value(key, now)
                .map_or(0, |(entry, _)| entry.place.version);
            if !expected.is_met_by(there) {
                return Decision::Answer(Change::Conflict(there));
            }
            let base = place(view, Kind::Value, key);
            let version = match view.entry(Kind::Value, key) {
                Some(_) => base.version,
                None => view.floor(),
            };
            let version = version.saturating_add(1);
            let what = What::Put {
                version,
                ttl: ttl.map(|ttl| ttl.min(u64::MAX - 1)),
                data: value.clone(),
            };
            Decision::Send {
                command: Command {
                    when: when(view, key, expected, there),
                    ..command(view, base, what)
                },
                made: Change::Made(version),
            }
        })
        .await
    }

    pub(super) async fn remove(
        self: &Arc<Self>,
        key: &StorageKey,
        expected: Expected,
    ) -> Result<Change> {
        self.change(Kind::Value, key, |view, now| {
            match view
                .value(key, now)
                .map_or(0, |(entry, _)| entry.place.version)
            {
                there if !expected.is_met_by(there) => Decision::Answer(Change::Conflict(there)),
                0 => Decision::Answer(Change::Made(0)),
                there => Decision::Send {
                    command: Command {
                        when: when(view, key, expected, there),
                        ..command(view, place(view, Kind::Value, key), What::Remove)
                    },
                    made: Change::Made(0),
                },
            }
        })
        .await
    }

    /// Makes a change as it is decided on what was read, until it is made or not to be made.
    async fn change(
        self: &Arc<Self>,
        kind: Kind,
        key: &StorageKey,
        decide: impl Fn(&View, Timestamp) -> Decision,
    ) -> Result<Change> {
        let shelf = self.shelf(key);
        // A caller may have its turn and leave it unpolled: without one a change may be void, and no more.
        let turn = self.lane(key).lock();
        let _turn = tokio::time::timeout(self.link.config().timeout, turn).await;
        // A view may be behind. What is sent because of it is void then; an answer must not be.
        let mut is_fresh = false;
        let mut void: u64 = 0;
        loop {
            let now = self.now();
            let Some(decision) = shelf.with(|view| decide(view, now)) else {
                // It is read anew.
                self.sync(shelf).await?;
                continue;
            };
            match decision {
                Decision::Answer(change) if is_fresh => return Ok(change),
                Decision::Answer(_) => self.sync(shelf).await?,
                Decision::Send { command, made } => {
                    if self.send(shelf, kind, key, &command).await? {
                        self.maybe_sweep(shelf);
                        return Ok(made);
                    }
                    void += 1;
                    if void > 1 {
                        let most = (YIELD << void.min(10)).min(LONGEST_YIELD);
                        let pause = Duration::from_millis(fastrand::u64(..=most));
                        tokio::time::sleep(pause).await;
                    }
                }
            }
            is_fresh = true;
        }
    }

    /// Sends a change, and again where it was not stored or may not have been. Tells whether it was
    /// made: all that is sent for it is decided on in the same way, and at most one of it is made.
    async fn send(
        self: &Arc<Self>,
        shelf: &Shelf,
        kind: Kind,
        key: &StorageKey,
        command: &Command,
    ) -> Result<bool> {
        let watched = Watched::new(shelf);
        let value = command.write();
        let until = Instant::now() + self.link.config().timeout * 2;
        let (mut in_doubt, mut pause) = (false, PAUSE);
        for attempt in 0..=u8::MAX {
            let tag = watched.op.tag(attempt);
            let key = key.clone();
            let address = RecordKey::Change(Address { kind, key, tag });
            let sent = self.store(shelf.partition, &address, Some(&value)).await;
            let Err(error) = sent else {
                let told = self.until(shelf, |_| watched.outcome()).await;
                return told.map_err(undecided);
            };
            in_doubt |= error.kind() == ErrorKind::Indeterminate;
            if in_doubt
                && self.sync(shelf).await.is_ok()
                && let Some(outcome) = watched.outcome()
            {
                return Ok(outcome);
            }
            // By the time it is sent again a value may have expired that had not before.
            let may_be_sent = !in_doubt || command.when != When::Expired;
            let is_passing = error.is_transient() || error.kind() == ErrorKind::Indeterminate;
            if !is_passing || !may_be_sent || Instant::now() + pause > until {
                return Err(match in_doubt {
                    true => undecided(error),
                    false => error,
                });
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Err(undecided(unread()))
    }

    /// Stores a record, or a tombstone where there is no value.
    pub(super) async fn store(
        &self,
        partition: i32,
        key: &RecordKey,
        value: Option<&[u8]>,
    ) -> Result<()> {
        let key = key.write();
        let record = Record {
            topic: &self.topic,
            partition: Some(partition),
            key: Some(&key),
            value,
            headers: None,
        };
        self.producer.send_one(record).await
    }
}

fn undecided(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Indeterminate => error,
        _ => Error::new(ErrorKind::Indeterminate, "the change may have been made")
            .remedy("read what is there before you try again")
            .source(error),
    }
}

/// How far a key has come.
fn place(view: &View, kind: Kind, key: &StorageKey) -> Place {
    view.entry(kind, key)
        .map_or(Place::default(), |entry| entry.place)
}

fn command(view: &View, base: Place, what: What) -> Command {
    Command {
        base,
        seen: view.next,
        when: When::Any,
        what,
    }
}

/// By the cluster's clock a value may have expired that we take for alive, or the reverse.
fn when(view: &View, key: &StorageKey, expected: Expected, there: u64) -> When {
    let is_kept = matches!(
        view.entry(Kind::Value, key).map(|entry| &entry.head),
        Some(Head::Value(_))
    );
    match (is_kept, expected) {
        (false, _) | (true, Expected::Any) => When::Any,
        (true, Expected::Version(_)) if there == 0 => When::Expired,
        (true, Expected::Version(_)) => When::Alive,
    }
}

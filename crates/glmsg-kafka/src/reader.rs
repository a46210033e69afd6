//! The thread that takes part in a group: the only one that polls the library, which shares out the
//! partitions. It waits for no handler; what the [intake] reads beside it is put where sources take it, and
//! it commits what they have done.

mod arrivals;
mod block;
pub(crate) mod intake;
mod rebalance;
mod records;
mod spent;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use glmsg_core::{Error, ErrorKind, Result};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use self::rebalance::Turns;
pub(crate) use self::spent::Boxes;
use crate::absence::Reason;
use crate::connection::{Committed, close, list};
use crate::error::{from_fatal, from_kafka};
use crate::group::Group;
use crate::inbox::{Offset, Role};
use crate::moving;

/// The longest the thread rests: callbacks and heartbeats want to be polled for.
const LONGEST_REST: Duration = Duration::from_millis(200);
/// How long after a commit the next one goes: many acks share one, as it takes a broker almost a millisecond.
const BETWEEN_COMMITS: Duration = Duration::from_millis(25);
/// The same where much is done since, and how often it is looked whether that is so.
const BETWEEN_LARGE: Duration = Duration::from_millis(5);
/// The same where somebody waits for it.
const BETWEEN_AWAITED: Duration = Duration::from_millis(2);
/// How often it is looked how a group moves on, at the most and at the least.
const OFTEN: Duration = Duration::from_millis(250);
const SELDOM: Duration = Duration::from_secs(5);

type Client = BaseConsumer<Turns>;

/// Begins to take part.
pub(crate) fn start(group: &Arc<Group>) -> Result<()> {
    let mut config = group.link.config().consumer(&group.names.id)?;
    // Its partitions are paused, and read by the own client.
    config.set("statistics.interval.ms", "0");
    config.set("enable.partition.eof", "false");
    let made = config.create_with_context(Turns::new(group));
    let mut consumer: Client = made.map_err(|e| from_kafka(&e, false))?;
    let waker = Arc::downgrade(group);
    consumer.set_nonempty_callback(move || {
        if let Some(group) = waker.upgrade() {
            group.nudge();
        }
    });
    let topics: Vec<&str> = group.topics.all().chain([&*group.names.retry]).collect();
    consumer
        .subscribe(&topics)
        .map_err(|e| from_kafka(&e, false))?;
    let reader = Reader {
        group: Arc::clone(group),
        consumer: Arc::new(consumer),
        last_commit: None,
        last_look: Instant::now(),
    };
    let thread = thread::Builder::new().name("glmsg-kafka".into());
    let started = thread.spawn(move || reader.run());
    started.map_err(|e| {
        Error::new(
            ErrorKind::Unavailable,
            "a thread to read could not be started",
        )
        .source(e)
    })?;
    group.runtime.spawn(intake::run(Arc::clone(group)));
    Ok(())
}

struct Reader {
    group: Arc<Group>,
    consumer: Arc<Client>,
    last_commit: Option<Instant>,
    /// When it was last looked how the group moves on.
    last_look: Instant,
}

impl Reader {
    fn run(mut self) {
        while !self.group.is_over() {
            self.group.turn();
            self.serve();
            let moved = self.group.inbox().advance(self.group.now());
            moving::on(&self.group, moved);
            if self.group.inbox().ready() > 0 {
                self.group.offer();
            }
            self.look();
            let commit_in = self.commit();
            self.group.rest(self.rest_for(commit_in));
        }
        // Closing gives the partitions back, by the same way as when others take them over. The
        // last who holds the client closes it, and that must be here. A commit that is under way
        // may wait for a rebalance, which waits to be polled for.
        let mut consumer = self.consumer;
        while let Err(shared) = Arc::try_unwrap(consumer).map(close) {
            consumer = shared;
            drop(consumer.poll(Duration::from_millis(5)));
        }
        self.group.ended.send_replace(true);
        self.group.ready.notify_waiters();
    }

    fn rest_for(&self, commit_in: Option<Duration>) -> Duration {
        let now = self.group.now();
        let next = self.group.inbox().next_time().map(|at| at.since(now));
        let each = [Some(LONGEST_REST), next, commit_in];
        let least = each.into_iter().flatten().min().unwrap_or(LONGEST_REST);
        // Time is told in whole milliseconds.
        least.max(Duration::from_millis(1))
    }

    /// Has the library tell what has happened to the partitions.
    fn serve(&self) {
        loop {
            match self.consumer.poll(Duration::ZERO) {
                // Fetched before its partition was paused: the own client reads it, too.
                Some(Ok(_)) => {}
                Some(Err(error)) => self.heed(&error),
                // Partitions may have come and gone.
                None if self.consumer.context().has_served() => {}
                None => return,
            }
        }
    }

    /// Looks how the group moves on: often enough to see it stand still.
    fn look(&mut self) {
        let often = (self.group.link.config().stalled_after / 4).clamp(OFTEN, SELDOM);
        if self.last_look.elapsed() < often {
            return;
        }
        self.last_look = Instant::now();
        let intake = &self.group.intake;
        let seen = self
            .group
            .inbox()
            .seen(|topic, partition| intake.end_of(topic, partition));
        let is_full = intake.stands_still();
        self.group
            .progress()
            .observe(&seen, is_full, Instant::now());
    }

    fn heed(&self, error: &KafkaError) {
        // The library tells of it by an error that does not say which.
        if let Some((code, text)) = self.consumer.client().fatal_error() {
            tracing::debug!(?code, text, "the client reads no more");
            return self.group.fail(from_fatal(code));
        }
        match error {
            KafkaError::PartitionEOF(_) => {}
            KafkaError::MessageConsumption(
                RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition,
            ) => self.group.see_whether_it_is_there(Reason::Report),
            error => {
                tracing::debug!(%error, "reading failed");
                let error = from_kafka(error, false);
                if error.kind() == ErrorKind::PermissionDenied {
                    self.group.fail(error);
                }
            }
        }
    }

    /// Commits what has changed, one commit at a time. Returns when to try again.
    fn commit(&mut self) -> Option<Duration> {
        self.group.intake.go_on(&self.group);
        let turns = Arc::clone(self.consumer.context());
        if turns.is_committing() {
            return None;
        }
        // Before looking: what changes from here on is told of again.
        self.group.has_looked();
        let mut inbox = self.group.inbox();
        let changes = inbox.changes;
        if !inbox.is_dirty() {
            drop(inbox);
            self.group.committed(changes);
            return None;
        }
        let between = match (self.group.is_awaited(), inbox.is_ahead()) {
            (true, _) => BETWEEN_AWAITED,
            (false, true) => BETWEEN_LARGE,
            (false, false) => BETWEEN_COMMITS,
        };
        let since = self.last_commit.map(|at| at.elapsed());
        let wait = since.map_or(Duration::ZERO, |since| between.saturating_sub(since));
        if !wait.is_zero() {
            self.group.has_noticed();
            return Some(wait.min(BETWEEN_LARGE));
        }
        let (offsets, newest) = (inbox.take_commits(), inbox.newest());
        drop(inbox);
        self.last_commit = Some(Instant::now());
        let commit = Commit {
            group: Arc::clone(&self.group),
            consumer: Arc::clone(&self.consumer),
            changes,
            newest,
            offsets,
            has_worked: false,
        };
        commit.begin();
        None
    }
}

/// A commit under way. What an asynchronous one comes to is told nobody by rdkafka 0.39, so it is
/// one that blocks, on a thread that may.
struct Commit {
    group: Arc<Group>,
    consumer: Arc<Client>,
    /// The changes that it tells of, and the last partition.
    changes: u64,
    newest: u64,
    offsets: Vec<Offset>,
    has_worked: bool,
}

impl Commit {
    fn begin(self) {
        self.consumer.context().begin_commit();
        let runtime = self.group.runtime.clone();
        runtime.spawn_blocking(move || {
            // All of it, so that its end tells how it went.
            let mut commit = self;
            let done = offsets_list(&commit.offsets).and_then(|list| {
                let done = commit.consumer.commit(&list, CommitMode::Sync);
                done.map_err(|e| from_kafka(&e, true))
            });
            commit.has_worked = done.is_ok();
            if let Err(error) = done {
                tracing::debug!(%error, "a commit failed");
            }
        });
    }
}

impl Drop for Commit {
    /// Also if the runtime ends before it is run.
    fn drop(&mut self) {
        if self.has_worked {
            self.group.is_sure_now();
            self.group.inbox().are_committed(&self.offsets, self.newest);
            self.group.committed(self.changes);
        } else {
            let mut inbox = self.group.inbox();
            for (topic, partition, ..) in &self.offsets {
                inbox.commit_again(topic, *partition);
            }
        }
        self.consumer.context().end_commit();
    }
}

pub(crate) fn offsets_list(offsets: &[Offset]) -> Result<TopicPartitionList> {
    let each = offsets.iter().map(|(topic, partition, offset, metadata)| {
        let committed = Committed {
            offset: *offset,
            metadata: metadata.clone(),
        };
        ((topic.clone(), *partition), committed)
    });
    list(&each.collect())
}

/// What a partition of this name is to the group.
pub(crate) fn role(group: &Group, topic: &str, partition: i32) -> Role {
    if topic == group.names.retry {
        Role::Retry(partition)
    } else if topic == group.topics.later {
        Role::Later
    } else {
        Role::Lane
    }
}

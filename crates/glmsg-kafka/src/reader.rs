//! The thread that reads for a group: the only one that polls. It waits for no handler; what it
//! reads it puts where sources take it, and it commits what they have done.

mod arrived;
mod rebalance;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use glmsg_core::{Error, ErrorKind, Result};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use self::arrived::Arrived;
use self::rebalance::Turns;
use crate::absence::Reason;
use crate::connection::{Committed, close, list};
use crate::error::from_kafka;
use crate::group::Group;
use crate::inbox::Role;
use crate::moving;

/// The longest the thread rests: callbacks and heartbeats want to be polled for.
const LONGEST_REST: Duration = Duration::from_millis(200);
/// The most messages that are read between two looks at everything else.
const AT_ONCE: usize = 500;
/// The most messages that wait to be taken.
pub(crate) const MOST_READY: usize = 8_000;
/// How long after a commit the next one goes, unless somebody waits for it: many acks share one.
const BETWEEN_COMMITS: Duration = Duration::from_millis(5);
const BETWEEN_AWAITED: Duration = Duration::from_millis(2);
/// How long reading may stand still before the partitions are paused: pausing throws away what
/// Kafka's client has fetched ahead.
const STANDSTILL: Duration = Duration::from_millis(500);

type Client = BaseConsumer<Turns>;

/// Begins to read.
pub(crate) fn start(group: &Arc<Group>) -> Result<()> {
    let config = group.link.config().consumer(&group.names.id)?;
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
        paused: false,
        full_since: None,
        last_commit: None,
    };
    let thread = thread::Builder::new().name("glmsg-kafka".into());
    let started = thread.spawn(move || reader.run());
    started.map(drop).map_err(|e| {
        Error::new(
            ErrorKind::Unavailable,
            "a thread to read could not be started",
        )
        .source(e)
    })
}

struct Reader {
    group: Arc<Group>,
    consumer: Arc<Client>,
    paused: bool,
    /// Since when nothing was read, as there is no room.
    full_since: Option<Instant>,
    last_commit: Option<Instant>,
}

impl Reader {
    fn run(mut self) {
        while !self.group.is_over() {
            self.group.turn();
            let has_read = self.read();
            let moved = self.group.inbox().advance(self.group.now());
            moving::on(&self.group, moved);
            if self.group.inbox().ready() > 0 {
                self.group.offer();
            }
            let commit_in = self.commit();
            if !has_read {
                self.group.rest(self.rest_for(commit_in));
            }
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

    /// Reads what has come. Returns whether there may be more.
    fn read(&mut self) -> bool {
        if !self.has_room() {
            return false;
        }
        let mut arrived = Arrived::default();
        let mut has_more = true;
        for _ in 0..AT_ONCE {
            if arrived.bytes > self.most() / 8 {
                break;
            }
            match self.consumer.poll(Duration::ZERO) {
                Some(Ok(message)) => arrived.add(self, &message),
                Some(Err(error)) => self.heed(&error),
                // Partitions may have come and gone.
                None if self.consumer.context().has_served() => arrived.put(self),
                None => {
                    has_more = false;
                    break;
                }
            }
        }
        let has_come = arrived.has_come;
        arrived.put(self);
        if self.paused && has_come {
            // From one that has come here since.
            self.pause(true);
        }
        has_more
    }

    /// How many bytes may wait to be taken, and as many for what may not be taken yet.
    fn most(&self) -> usize {
        self.group.link.config().read_buffer
    }

    /// Whether there is room for more. Where there is none for long, the partitions are paused,
    /// and polling goes on.
    fn has_room(&mut self) -> bool {
        let most = self.most();
        let (bytes, ready) = {
            let inbox = self.group.inbox();
            (inbox.bytes, inbox.ready())
        };
        let is_full = bytes > most || ready > MOST_READY;
        if is_full && !self.paused {
            let since = *self.full_since.get_or_insert_with(Instant::now);
            if since.elapsed() < STANDSTILL {
                self.group.stands_still(true);
                return false;
            }
            self.pause(true);
        } else if self.paused && bytes < most / 2 && ready < MOST_READY / 2 {
            self.pause(false);
        }
        if !is_full {
            self.full_since = None;
        }
        self.group.stands_still(self.paused);
        true
    }

    fn pause(&mut self, paused: bool) {
        let done = self.consumer.assignment().and_then(|all| match paused {
            true => self.consumer.pause(&all),
            false => self
                .consumer
                .resume(&self.consumer.context().without_held(&all)),
        });
        match done {
            Ok(()) => {
                self.paused = paused;
                self.consumer.context().is_full(paused);
            }
            Err(error) => tracing::debug!(%error, "partitions could not be paused or resumed"),
        }
    }

    fn hold(&self, topic: &str, partition: i32) {
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition(topic, partition);
        if let Err(error) = self.consumer.pause(&list) {
            tracing::debug!(%error, "a partition could not be paused");
        }
        let held = (topic.to_owned(), partition);
        self.consumer.context().hold(held);
    }

    /// Goes on with partitions that were held and are no longer too wide.
    fn go_on(&self) {
        if self.paused {
            return;
        }
        let Some(held) = self.consumer.context().held() else {
            return;
        };
        let most = self.most();
        for (topic, partition) in held {
            let is_wide = {
                let inbox = self.group.inbox();
                let part = inbox.find(&topic, partition);
                part.is_some_and(|part| inbox.is_wide(part, most, true))
            };
            if is_wide {
                self.consumer.context().hold((topic, partition));
                continue;
            }
            let mut list = TopicPartitionList::with_capacity(1);
            list.add_partition(&topic, partition);
            if let Err(error) = self.consumer.resume(&list) {
                tracing::debug!(%error, "a partition could not be resumed");
            }
        }
    }

    fn heed(&self, error: &KafkaError) {
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
        self.go_on();
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
        let between = match self.group.is_awaited() {
            true => BETWEEN_AWAITED,
            false => BETWEEN_COMMITS,
        };
        let since = self.last_commit.map(|at| at.elapsed());
        let wait = since.map_or(Duration::ZERO, |since| between.saturating_sub(since));
        if !wait.is_zero() {
            self.group.has_noticed();
            return Some(wait);
        }
        let offsets = inbox.take_commits();
        drop(inbox);
        self.last_commit = Some(Instant::now());
        Commit::begin(&self.group, &self.consumer, changes, offsets);
        None
    }
}

/// A commit under way. What an asynchronous one comes to is told nobody by rdkafka 0.39, so it is
/// one that blocks, on a thread that may.
struct Commit {
    group: Arc<Group>,
    consumer: Arc<Client>,
    changes: u64,
    offsets: Vec<Offset>,
    has_worked: bool,
}

impl Commit {
    fn begin(group: &Arc<Group>, consumer: &Arc<Client>, changes: u64, offsets: Vec<Offset>) {
        consumer.context().begin_commit();
        let commit = Self {
            group: Arc::clone(group),
            consumer: Arc::clone(consumer),
            changes,
            offsets,
            has_worked: false,
        };
        group.runtime.spawn_blocking(move || {
            // All of it, so that its end tells how it went.
            let mut commit = commit;
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

/// A partition, its offset, and what is told beside it.
type Offset = (String, i32, i64, String);

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

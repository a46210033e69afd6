//! The storage of a namespace, as this process uses it: one client that reads, one that writes.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use glmsg_broker::StorageKey;
use glmsg_core::{Error, ErrorKind, Result, Timestamp};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{Message as _, Offset, TopicPartitionList};
use sha2::{Digest as _, Sha256};

use super::archive::Archive;
use super::clock::ClusterClock;
use super::shelf::Shelf;
use super::topic::PARTITIONS;
use super::view::View;
use crate::cluster::Cluster;
use crate::connection::{Link, apart, ask_again, blocking};
use crate::error::from_kafka;
use crate::producer::Producer;
use crate::settling::settled;

/// How long a poll waits, and so how long the reader goes on after the end.
const POLL: Duration = Duration::from_millis(100);
/// How many operations at a time may wait for one another because of their keys.
const LANES: usize = 64;

/// The storage of a namespace. Its reader ends with it.
pub(crate) struct Store {
    pub(super) inner: Arc<Inner>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.inner.is_over.store(true, Ordering::Relaxed);
    }
}

/// What its users and its reader share.
pub(super) struct Inner {
    pub(super) link: Arc<Link>,
    pub(super) topic: String,
    pub(super) producer: Producer,
    consumer: BaseConsumer,
    pub(super) shelves: Vec<Shelf>,
    pub(super) clock: ClusterClock,
    pub(super) archive: Archive,
    /// Changes of one key go one after the other, so that those of a process are not void by one
    /// another.
    pub(super) lanes: Vec<tokio::sync::Mutex<()>>,
    is_over: AtomicBool,
    /// Why nothing can be read, by what was told last.
    trouble: Mutex<Option<Error>>,
}

impl Store {
    pub(crate) async fn open(cluster: &Cluster) -> Result<Self> {
        let topic = cluster.ensure_storage().await?;
        let link = Arc::clone(&cluster.link);
        let inner = blocking(move || {
            let config = link.config();
            let producer = Producer::with(Arc::clone(&link.wire), config.sending_once());
            let consumer = config.storage_consumer()?.create();
            Ok(Arc::new(Inner {
                producer,
                consumer: assigned(
                    consumer.map_err(|e| from_kafka(&e, false))?,
                    &topic,
                    config.timeout,
                )?,
                shelves: (0..PARTITIONS).map(Shelf::new).collect(),
                clock: ClusterClock::default(),
                archive: Archive::default(),
                lanes: (0..LANES).map(|_| tokio::sync::Mutex::default()).collect(),
                is_over: AtomicBool::new(false),
                trouble: Mutex::default(),
                topic,
                link,
            }))
        })
        .await?;
        let reader = Arc::clone(&inner);
        let thread = std::thread::Builder::new().name("glmsg-storage".into());
        let started = thread.spawn(move || reader.run());
        started.map_err(|e| {
            let text = "a thread to read could not be started";
            Error::new(ErrorKind::Unavailable, text).source(e)
        })?;
        let store = Self { inner };
        // Keys are spread over all partitions, so all will be needed; and one by one each would wait
        // for the fetch of the others that is under way.
        for shelf in &store.inner.shelves {
            settled(|| store.inner.load(shelf)).await?;
        }
        Ok(store)
    }
}

/// A reader that reads all partitions from their beginning.
fn assigned(consumer: BaseConsumer, topic: &str, timeout: Duration) -> Result<BaseConsumer> {
    // Without it the client looks for the leaders only after half a second.
    let known = consumer.fetch_metadata(Some(topic), timeout);
    known.map_err(|e| from_kafka(&e, false))?;
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        // Compaction leaves the beginning where it is. Not asked for, it is read with the first fetch.
        let added = list.add_partition_offset(topic, partition, Offset::Offset(0));
        added.map_err(|e| from_kafka(&e, false))?;
    }
    let assigned = consumer.assign(&list);
    assigned.map_err(|e| from_kafka(&e, false))?;
    Ok(consumer)
}

impl Inner {
    /// Reads until the end.
    fn run(&self) {
        while !self.is_over.load(Ordering::Relaxed) {
            match self.consumer.poll(POLL) {
                Some(Ok(record)) => {
                    let partition = record.partition();
                    if let Some(shelf) = self.shelf_of(partition)
                        && !shelf.take(&record, &self.clock)
                    {
                        tracing::warn!(partition, "the storage is read anew from its beginning");
                        if let Err(error) = self.begin_again(partition) {
                            self.note(error);
                        }
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    if let Some(shelf) = self.shelf_of(partition) {
                        shelf.is_read();
                    }
                }
                Some(Err(error)) => self.note(from_kafka(&error, false)),
                None => {}
            }
        }
    }

    /// Has a partition read from its beginning.
    fn begin_again(&self, partition: i32) -> Result<()> {
        let (timeout, beginning) = (self.link.config().timeout, Offset::Offset(0));
        let sought = self
            .consumer
            .seek(&self.topic, partition, beginning, timeout);
        sought.map_err(|e| from_kafka(&e, false))
    }

    fn note(&self, error: Error) {
        tracing::debug!(%error, "the storage's reader reports");
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        *trouble = Some(error);
    }

    /// A partition by its number.
    pub(super) fn shelf_of(&self, partition: i32) -> Option<&Shelf> {
        let partition = usize::try_from(partition).ok()?;
        self.shelves.get(partition)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn number(key: &StorageKey) -> usize {
        let hash = Sha256::digest(key.as_str().as_bytes());
        usize::from(u16::from_be_bytes([hash[0], hash[1]]))
    }

    /// Where a key is kept.
    pub(super) fn shelf(&self, key: &StorageKey) -> &Shelf {
        &self.shelves[Self::number(key) % self.shelves.len()]
    }

    pub(super) fn lane(&self, key: &StorageKey) -> &tokio::sync::Mutex<()> {
        &self.lanes[Self::number(key) / self.shelves.len() % LANES]
    }

    /// Reads a partition from its beginning to where it ends now.
    async fn load(self: &Arc<Self>, shelf: &Shelf) -> Result<()> {
        // Twice: what compaction took out while it was read has its tombstones before the second.
        for _ in 0..2 {
            let end = self.end(shelf).await?;
            self.reach(shelf, end).await?;
        }
        shelf.settle();
        Ok(())
    }

    /// Reads what is stored now.
    pub(super) async fn sync(self: &Arc<Self>, shelf: &Shelf) -> Result<()> {
        let known = shelf.with(|view| view.next).unwrap_or(0);
        let end = self.end(shelf).await?;
        if end < known {
            // The topic was made anew, or has lost its end with a broker.
            shelf.begin_again();
            let (inner, partition) = (Arc::clone(self), shelf.partition);
            blocking(move || inner.begin_again(partition)).await?;
        }
        self.reach(shelf, end).await?;
        if shelf.is_loading() {
            self.load(shelf).await?;
        }
        Ok(())
    }

    /// Where the partition ends, at a moment after the call. Who calls at a time shares an answer.
    async fn end(self: &Arc<Self>, shelf: &Shelf) -> Result<i64> {
        let (inner, partition) = (Arc::clone(self), shelf.partition);
        apart(async move { inner.find_end(partition).await }).await
    }

    async fn find_end(self: &Arc<Self>, partition: i32) -> Result<i64> {
        let mut shelves = self.shelves.iter();
        let shelf = shelves.find(|shelf| shelf.partition == partition);
        let shelf = shelf.ok_or_else(unread)?;
        let asked = shelf.asked.load(Ordering::SeqCst);
        let mut end = shelf.end.lock().await;
        if end.0 > asked {
            return Ok(end.1);
        }
        let number = shelf.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let inner = Arc::clone(self);
        let found = blocking(move || inner.ask_end(partition)).await?;
        *end = (number, found);
        Ok(found)
    }

    fn ask_end(&self, partition: i32) -> Result<i64> {
        let timeout = self.link.config().timeout;
        // Not asked by the client that reads: on its connection an answer would wait for the fetch that is
        // under way there.
        let client = self.link.client();
        let asked = ask_again(timeout, || {
            let found = client.fetch_watermarks(&self.topic, partition, timeout);
            found.map_err(|e| from_kafka(&e, false))
        });
        let asked = asked.inspect_err(|e| {
            if e.kind() == ErrorKind::NotFound {
                // Told by a broker that did not know of a new topic yet, the client would go on saying so.
                drop(client.fetch_metadata(Some(&self.topic), timeout));
            }
        });
        let (_, end) = asked.map_err(|e| self.link.explain(e))?;
        Ok(end)
    }

    /// Waits until the partition was read up to an offset; it may take any time, as long as
    /// something comes.
    pub(super) async fn reach(&self, shelf: &Shelf, end: i64) -> Result<()> {
        self.until(shelf, |reached| (reached >= end).then_some(()))
            .await
    }

    /// Waits until what is read comes to something.
    pub(super) async fn until<T>(
        &self,
        shelf: &Shelf,
        mut found: impl FnMut(i64) -> Option<T>,
    ) -> Result<T> {
        let mut reached = shelf.reached.subscribe();
        loop {
            let at = *reached.borrow_and_update();
            if let Some(found) = found(at) {
                return Ok(found);
            }
            let timeout = self.link.config().timeout;
            if tokio::time::timeout(timeout, reached.changed())
                .await
                .is_err()
            {
                return Err(self.silence(timeout));
            }
        }
    }

    fn silence(&self, timeout: Duration) -> Error {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.take().unwrap_or_else(|| {
            let text = "the cluster did not send what stands in the storage";
            Error::new(ErrorKind::Timeout, text).with("timeout", format!("{timeout:?}"))
        })
    }

    /// Looks at what is stored now.
    pub(super) async fn look<T>(
        self: &Arc<Self>,
        shelf: &Shelf,
        look: impl FnOnce(&mut View) -> T,
    ) -> Result<T> {
        self.sync(shelf).await?;
        shelf.with(look).ok_or_else(unread)
    }
}

/// A view is not given up once it is there.
pub(super) fn unread() -> Error {
    Error::new(ErrorKind::Unexpected, "the storage was not read")
}

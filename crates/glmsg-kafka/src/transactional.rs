//! Reading, handling and publishing in one transaction.

mod calling;
mod ending;
mod handler;
mod intake;
mod options;
mod outlet;
mod rebalance;
mod standing;
mod state;
mod taking;
mod telling;
mod transaction;
mod worker;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, mpsc};

use glmsg_core::{Error, ErrorKind, GroupName, History, Result, TopicName};
use tokio::sync::oneshot;

use self::intake::Intake;
use self::outlet::Outlet;
use self::state::{Desk, Place};
use self::worker::{Command, Worker};
use crate::broker::{Shared, closed};
use crate::connection::blocking;
use crate::names::Kind;
use crate::{KafkaBroker, KafkaConfig};

pub use options::TransactionalOptions;
pub use state::Input;
pub use transaction::Transaction;

impl KafkaBroker {
    /// Takes part in a group that reads by transactions; the topic and the group are made if they
    /// are not there.
    ///
    /// What is published in a [`Transaction`] and how far the group has read are stored together or
    /// not at all. See [`Transactional`].
    ///
    /// Another process that is open under the same transactional id is shut out by this: its
    /// transaction is aborted, and its next commit fails with `Conflict`.
    ///
    /// Not cancel-safe in one thing: what was made until then stays.
    ///
    /// # Errors
    /// `InvalidArgument` for [options](TransactionalOptions) out of bounds, `Conflict` if the group
    /// is read by subscriptions, `PermissionDenied` if the transactional id may not be used,
    /// `Unavailable` or `Timeout` if the cluster does not answer.
    pub async fn transactional(
        &self,
        topic: &TopicName,
        group: &GroupName,
        options: TransactionalOptions,
    ) -> Result<Transactional> {
        let opened = Transactional::open(&self.shared, topic, group, options).await;
        opened.map_err(|e| e.operation("open transactional").with("topic", topic))
    }
}

/// A member of a group that reads a topic, handles what it reads, and publishes what comes of it,
/// exactly once: results are stored if and only if what they were made from is done.
///
/// This holds within one Kafka cluster, for readers that leave out what is not committed: those of
/// this crate do, others have to set `isolation.level=read_committed`. What a handler does elsewhere
/// is done again when its transaction is.
///
/// ```no_run
/// use glmsg_core::{GroupName, Message, TopicName};
/// use glmsg_kafka::{KafkaBroker, KafkaConfig, TransactionalOptions};
///
/// # async fn example() -> glmsg_core::Result<()> {
/// let broker = KafkaBroker::open(KafkaConfig::from_url("kafka://127.0.0.1:9092")?).await?;
/// let (orders, billing) = (TopicName::new("orders")?, GroupName::new("billing")?);
/// let options = TransactionalOptions::new("biller-1");
/// let mut biller = broker.transactional(&orders, &billing, options).await?;
///
/// let mut transaction = biller.begin().await?;
/// for order in transaction.recv(100).await? {
///     let invoice = Message::new("invoices", order.message.payload().clone())?;
///     transaction.publish(&[invoice]).await?;
/// }
/// transaction.commit().await?;
/// # Ok(())
/// # }
/// ```
///
/// [`run`](Self::run) does this with a handler, tries again what failed, and makes dead letters.
///
/// # What goes wrong
///
/// - A transaction that is dropped, aborted, or refused by the cluster gives back what it read:
///   it comes again in the next one.
/// - Where it is not known whether a commit was done (`Indeterminate`), the next
///   [`begin`](Self::begin) makes a new producer, which settles it, and reads on from where the group
///   then is. Nothing is done twice and nothing is left out.
/// - Partitions that go to another member abort the transaction that has read from them: its calls
///   fail with a transient `Conflict`.
/// - A process that dies leaves a transaction open. It ends when somebody opens the same
///   transactional id, or after [`timeout`](TransactionalOptions::timeout) and some seconds. Until
///   then its messages are given to nobody, and readers of the topics it published to see nothing
///   that was stored behind its results. So restart under the same id.
///
/// # The group
///
/// It is one of the broker's groups: lag, dead letters, redriving and deleting work as for others.
/// Subscriptions cannot join it, and this cannot join theirs (`Conflict`).
///
/// A group costs each member a thread, a consumer and a producer. Dropping it ends them; the
/// partitions go to others.
pub struct Transactional {
    shared: Arc<Shared>,
    desk: Arc<Desk>,
    commands: mpsc::Sender<Command>,
    options: TransactionalOptions,
    id: String,
    /// How handling went of what has failed and was not done since.
    failures: HashMap<Place, History>,
}

impl fmt::Debug for Transactional {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transactional")
            .field("topic", &self.desk.topic)
            .field("group", &self.desk.group)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Transactional {
    async fn open(
        shared: &Arc<Shared>,
        topic: &TopicName,
        group: &GroupName,
        options: TransactionalOptions,
    ) -> Result<Self> {
        options.check()?;
        shared.check_open()?;
        let kind = Kind::Transactional;
        let ensured = shared
            .ensure_group(topic, group, kind, &options.start)
            .await?;
        if ensured.names.kind != kind {
            return Err(kind_taken().with("group", group));
        }
        let topics = shared.ensure_topic(topic).await?;
        let id = options.id(&ensured.names.id);
        let desk = Arc::new(Desk::new(topic, group, &topics, ensured.names, shared));
        let (commands, orders) = mpsc::channel();
        let (at, settings, own) = (Arc::clone(&desk), options.clone(), id.clone());
        blocking(move || {
            // First, so that what a predecessor left open is settled before anything is read.
            let outlet = Outlet::open(at.link.config(), &own, &settings)?;
            let intake = Intake::open(&at, &settings)?;
            Worker::start(at, (outlet, intake), orders, (own, settings))
        })
        .await?;
        Ok(Self {
            shared: Arc::clone(shared),
            desk,
            commands,
            options,
            id,
            failures: HashMap::new(),
        })
    }

    /// The transactional id, as the cluster knows it.
    pub fn transactional_id(&self) -> &str {
        &self.id
    }

    /// Begins a transaction. One that was dropped is aborted before, and one whose outcome is not
    /// known is settled.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// `Conflict` if another has opened the transactional id, and then always; `NotFound` if the
    /// group was deleted, `Closed` if the broker is closed; `Unavailable` or `Timeout` while the
    /// cluster does not answer: try again.
    pub async fn begin(&mut self) -> Result<Transaction<'_>> {
        self.shared.check_open().map_err(|e| e.operation("begin"))?;
        let begun = self.order(Command::Begin).await;
        begun.map_err(|e| e.operation("begin"))?;
        Ok(Transaction::new(self))
    }

    /// Leaves the group. An open transaction is aborted.
    pub async fn close(self) {
        let mut ended = self.desk.ended.subscribe();
        drop(self);
        // It cannot be gone: the desk is held by who is awaited.
        let _ = ended.wait_for(|ended| *ended).await;
    }

    /// Has the thread do something, and waits for what comes of it.
    async fn order(&self, what: impl FnOnce(oneshot::Sender<Result<()>>) -> Command) -> Result<()> {
        let (answer, answered) = oneshot::channel();
        self.tell(what(answer));
        match answered.await {
            Ok(done) => done,
            Err(_) => Err(self.desk.failure().unwrap_or_else(closed)),
        }
    }

    fn tell(&self, command: Command) {
        // Without the thread there is nobody to be told, and no transaction.
        let _ = self.commands.send(command);
        self.desk.bell.ring();
    }
}

impl Drop for Transactional {
    fn drop(&mut self) {
        self.tell(Command::End);
    }
}

fn kind_taken() -> Error {
    Error::new(ErrorKind::Conflict, "the group is read by subscriptions")
        .remedy("use another group name, or delete the group")
}

/// The name of a member among the static members of its group, where the process has one.
fn instance(config: &KafkaConfig, member: &str) -> Option<String> {
    let of_process = config.instance.as_ref()?;
    Some(format!("{of_process}.{member}"))
}

#[cfg(test)]
mod tests;

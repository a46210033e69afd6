//! Messages on their way. Who has one leaves it here and goes on; what gathers meanwhile is published
//! together.

mod taken;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use glmsg_broker::{Broker, Published};
use glmsg_core::{Error, ErrorKind, Message, Result, TopicName};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use self::taken::Taken;
use super::inboxes::Inboxes;

/// How many letters may wait to be sent; who comes with more waits.
const WAITING: usize = 1024;
/// How many letters are taken together: those at the other end begin with the first of them while
/// the next are made.
const TOGETHER: usize = 16;
/// How many topics are written to at a time.
const AT_ONCE: usize = 64;
/// How long acks gather. Nobody waits for them, and each call of its own is one more of the broker's
/// steps.
const GATHERING: Duration = Duration::from_millis(5);
/// After letters that the broker did not take.
const PAUSE: Duration = Duration::from_millis(50);

/// A message to be published, and who is to be told of it.
pub(super) trait Letter: Send + 'static {
    fn message(&self) -> &Message;

    /// Until when it is tried to be published.
    fn until(&self) -> Instant;

    /// Whether somebody still wants it to be published.
    fn is_wanted(&self) -> bool;

    /// It is done with.
    fn ended(self, end: End);
}

/// How a letter ended.
#[derive(Debug)]
pub(super) enum End {
    /// It is stored.
    Stored,
    /// It was stored before.
    Duplicate,
    /// Its inbox is gone.
    Orphaned,
    /// It could not be published, in its time or ever.
    Failed(Error),
}

/// Where letters are left.
pub(super) struct Post<L> {
    line: mpsc::Sender<L>,
    /// How many were left here: each is counted before it can be taken.
    left: Arc<AtomicU64>,
}

/// Tells when letters are done with.
#[derive(Clone)]
pub(super) struct Sent {
    left: Arc<AtomicU64>,
    done: watch::Receiver<u64>,
}

/// Publishes letters until nobody can leave any more. Where `inboxes` are given, what goes to one
/// that is gone is not published.
pub(super) fn open<L: Letter>(
    broker: Arc<dyn Broker>,
    inboxes: Option<Arc<Inboxes>>,
) -> (Post<L>, Sent) {
    let (line, taking) = mpsc::channel(WAITING);
    let (done, sent) = watch::channel(0);
    let left = Arc::new(AtomicU64::new(0));
    let carrier = Arc::new(Carrier { broker, inboxes });
    tokio::spawn(carry(carrier, taking, done));
    let post = Post {
        line,
        left: left.clone(),
    };
    (post, Sent { left, done: sent })
}

impl<L: Letter> Post<L> {
    /// Leaves a letter to be published. Waits only where very many do.
    pub(super) async fn leave(&self, letter: L) {
        // It is closed only when nobody can be waited for.
        if let Ok(place) = self.line.reserve().await {
            self.left.fetch_add(1, Ordering::AcqRel);
            place.send(letter);
        }
    }
}

impl Sent {
    /// Waits a little, and until all letters that were left before this call are stored, or given
    /// up.
    pub(super) async fn all(mut self) -> Result<()> {
        let left = self.left.load(Ordering::Acquire);
        sleep(GATHERING).await;
        let sent = self.done.wait_for(|done| *done >= left).await;
        sent.map(drop)
            .map_err(|_| Error::new(ErrorKind::Unexpected, "the task that sends replies died"))
    }
}

async fn carry<L: Letter>(
    carrier: Arc<Carrier>,
    mut line: mpsc::Receiver<L>,
    done: watch::Sender<u64>,
) {
    let mut under_way = FuturesUnordered::new();
    let mut taken = Taken::default();
    let mut letters = Vec::new();
    let mut is_open = true;
    while is_open || !under_way.is_empty() {
        tokio::select! {
            biased;
            Some(part) = under_way.next() => {
                if let Some(up_to) = taken.is_sent(part) {
                    done.send_replace(up_to);
                }
            }
            count = line.recv_many(&mut letters, TOGETHER), if is_open && under_way.len() < AT_ONCE => {
                is_open = count > 0;
                let by_topic = by_topic(&mut letters);
                let part = taken.take(count as u64, by_topic.len());
                for (topic, letters) in by_topic {
                    let carrier = carrier.clone();
                    under_way.push(async move {
                        carrier.publish(&topic, letters).await;
                        part
                    });
                }
            }
        }
    }
}

fn by_topic<L: Letter>(letters: &mut Vec<L>) -> HashMap<TopicName, Vec<L>> {
    let mut by_topic: HashMap<TopicName, Vec<L>> = HashMap::new();
    for letter in letters.drain(..) {
        match by_topic.get_mut(letter.message().topic()) {
            Some(others) => others.push(letter),
            None => {
                by_topic.insert(letter.message().topic().clone(), vec![letter]);
            }
        }
    }
    by_topic
}

struct Carrier {
    broker: Arc<dyn Broker>,
    inboxes: Option<Arc<Inboxes>>,
}

impl Carrier {
    /// Publishes letters to one topic, each until it is stored or given up.
    async fn publish<L: Letter>(&self, topic: &TopicName, mut letters: Vec<L>) {
        loop {
            if let Some(inboxes) = &self.inboxes
                && !inboxes.is_there(topic).await
            {
                letters.into_iter().for_each(|l| l.ended(End::Orphaned));
                return;
            }
            let messages: Vec<_> = letters.iter().map(|l| l.message().clone()).collect();
            let published = self.broker.publish(&messages).await;
            letters = left_over(topic, letters, published);
            if letters.is_empty() {
                return;
            }
            sleep(PAUSE).await;
            letters.retain(Letter::is_wanted);
        }
    }
}

/// Tells what became of letters, and returns those that are to be published again.
fn left_over<L: Letter>(
    topic: &TopicName,
    letters: Vec<L>,
    published: Result<Vec<Published>>,
) -> Vec<L> {
    let (outcomes, failed) = match published {
        Ok(outcomes) => (outcomes, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let mut outcomes = outcomes.into_iter();
    let soon = Instant::now() + PAUSE;
    let mut again = Vec::new();
    for letter in letters {
        let is_new = |published: Published| {
            let is_new = matches!(published, Published::Stored);
            published.into_result().map(|()| is_new)
        };
        let outcome = match (&failed, outcomes.next()) {
            (Some(error), _) => Err(error.duplicate()),
            (None, Some(published)) => is_new(published),
            (None, None) => Err(Error::new(
                ErrorKind::Unexpected,
                "the backend gave no outcome for a publish",
            )),
        };
        match outcome {
            Ok(true) => letter.ended(End::Stored),
            Ok(false) => letter.ended(End::Duplicate),
            Err(error) if error.is_transient() && soon < letter.until() => {
                tracing::debug!(%topic, %error, "a message was not taken; trying again");
                again.push(letter);
            }
            Err(error) => letter.ended(End::Failed(error)),
        }
    }
    again
}

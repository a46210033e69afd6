//! Messages on their way. Who has one leaves it here and goes on; what gathers meanwhile is published
//! together. Who comes when nothing is on its way publishes it himself, unless many come together: a task
//! between would cost a lone message more than it saves.

mod busy;
mod carrier;
mod line;
mod taken;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use glmsg_broker::Broker;
use glmsg_core::{Error, ErrorKind, Message, Result, TopicName};
use tokio::sync::{mpsc, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, sleep_until};

use self::busy::{Busy, Counted};
use self::carrier::Carrier;
use self::line::{Lines, Waiting};
use self::taken::Taken;
use super::inboxes::Inboxes;

/// How many letters may wait to be sent; who comes with more waits.
const WAITING: usize = 1024;
/// How long acks gather, and at most how long letters wait for more while others of their topic are on
/// their way. Each call of its own is one more of the broker's steps.
pub(super) const GATHERING: Duration = Duration::from_millis(5);

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
    line: mpsc::Sender<(L, Counted)>,
    carrier: Arc<Carrier>,
    busy: Busy,
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
    let carrier = Arc::new(Carrier::new(broker, inboxes));
    let busy = Busy::default();
    tokio::spawn(carry(carrier.clone(), busy.clone(), taking, done));
    let post = Post {
        line,
        carrier,
        busy,
        left: left.clone(),
    };
    (post, Sent { left, done: sent })
}

impl<L: Letter> Post<L> {
    /// Leaves a letter to be published. Waits where very many do, and while it is published if it is
    /// alone; a call that is dropped meanwhile gives the letter up.
    pub(super) async fn leave(&self, mut letter: L) {
        if let Some(_counted) = self.busy.alone() {
            let topic = letter.message().topic().clone();
            let again = self.carrier.try_to_publish(&topic, vec![letter]).await;
            match again.into_iter().next() {
                Some(again) => letter = again,
                None => return,
            }
        }
        let counted = self.busy.count();
        // It is closed only when nobody can be waited for.
        if let Ok(place) = self.line.reserve().await {
            self.left.fetch_add(1, Ordering::AcqRel);
            place.send((letter, counted));
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
    busy: Busy,
    mut line: mpsc::Receiver<(L, Counted)>,
    done: watch::Sender<u64>,
) {
    let mut under_way = FuturesUnordered::new();
    let (mut taken, mut lines) = (Taken::default(), Lines::default());
    let mut letters = Vec::new();
    let mut is_open = true;
    while is_open || !under_way.is_empty() {
        tokio::select! {
            biased;
            () = until(lines.held_until()) => lines.release(),
            Some(ended) = under_way.next() => {
                let (topic, parts): (TopicName, Vec<u64>) = ended;
                lines.is_over(&topic);
                if let Some(up_to) = taken.are_done(&parts) {
                    done.send_replace(up_to);
                }
            }
            count = line.recv_many(&mut letters, WAITING), if is_open && lines.waiting() < WAITING => {
                if count == 0 {
                    is_open = false;
                    continue;
                }
                if under_way.is_empty() && busy.are_many() {
                    // Most are left by tasks that the same event has woken: they go first.
                    yield_now().await;
                    while letters.len() < WAITING
                        && let Ok(letter) = line.try_recv()
                    {
                        letters.push(letter);
                    }
                }
                let part = taken.take(letters.len());
                for (letter, counted) in letters.drain(..) {
                    lines.add(Waiting { letter, part, counted });
                }
            }
        }
        while let Some((topic, together)) = lines.next() {
            busy.went(together.len());
            under_way.push(publish(carrier.clone(), topic, together));
        }
    }
}

/// For ever, if there is no end.
pub(super) async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Returns the topic, and of each letter the part that it came in.
async fn publish<L: Letter>(
    carrier: Arc<Carrier>,
    topic: TopicName,
    together: Vec<Waiting<L>>,
) -> (TopicName, Vec<u64>) {
    let parts = together.iter().map(|waiting| waiting.part).collect();
    let apart = together.into_iter().map(|w| (w.letter, w.counted));
    let (letters, _counted): (Vec<L>, Vec<Counted>) = apart.unzip();
    carrier.publish(&topic, letters).await;
    (topic, parts)
}

//! A publisher of the traffic.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Broker, Published};
use glmsg_core::{ErrorKind, Message};
use glmsg_faults::ledger::Writer;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::{Mix, Scene};

/// How long what a case waits for may take.
const PATIENCE: Duration = Duration::from_secs(240);

/// How the traffic is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// What the draws follow from.
    pub seed: u64,
    /// What messages ask for.
    pub mix: Mix,
    /// Calls at a time.
    pub tasks: usize,
    /// The most messages of one call; each call has a random number of them.
    pub batch: usize,
    /// The bytes of a payload, at least.
    pub payload: usize,
    /// The time between two calls of one task.
    pub pause: Duration,
    /// After so many messages it ends by itself.
    pub messages: Option<u64>,
    /// A message of which nobody knows whether it is stored is given up after so many tries.
    pub tries: Option<u32>,
    /// Each task has so many keys, and counts the messages of each; for groups that keep their order. Needs a batch of 1.
    pub keys: u64,
}

impl Default for Publication {
    /// About two thousand messages a second, one by one and several at a time.
    fn default() -> Self {
        Self {
            seed: 1,
            mix: Mix::default(),
            tasks: 8,
            batch: 8,
            payload: 0,
            pause: Duration::from_millis(20),
            messages: None,
            tries: None,
            keys: 0,
        }
    }
}

/// What a publisher has been answered so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answers {
    /// Messages that are stored.
    pub stored: u64,
    /// Answers that there is no room.
    pub full: u64,
    /// Publishes of which nobody knows.
    pub indeterminate: u64,
    /// Refusals of another kind.
    pub refused: u64,
}

/// Publishes in the background, each message until it is stored.
///
/// What is refused for good is given up, and so is now and then what the broker says it did not store: such a message
/// must never appear.
#[derive(Debug)]
#[must_use = "it ends when it is dropped"]
pub struct Publisher {
    stop: watch::Sender<bool>,
    answers: watch::Receiver<Answers>,
    task: JoinHandle<()>,
}

impl Publisher {
    /// Starts one that connects to the scene's broker, under that name in the ledger.
    pub fn start(scene: &Scene, name: &str, publication: &Publication) -> Self {
        Self::start_at(scene, name, publication, &scene.url())
    }

    /// The same, by way of another address: that of a proxy.
    pub fn start_at(scene: &Scene, name: &str, publication: &Publication, url: &str) -> Self {
        let ledger = scene.writer(name);
        let (topic, url, publication) = (scene.topic(), url.to_owned(), publication.clone());
        Self::spawn(|stop, answers| async move {
            let broker = super::scene::connect(&url).await;
            run(broker, topic, ledger, publication, stop, answers).await;
        })
    }

    /// Starts one on a broker that is open already.
    pub fn on(
        broker: Arc<dyn Broker>,
        topic: &str,
        ledger: Writer,
        publication: &Publication,
    ) -> Self {
        let (topic, publication) = (topic.to_owned(), publication.clone());
        Self::spawn(|stop, answers| run(broker, topic, ledger, publication, stop, answers))
    }

    fn spawn<F>(run: impl FnOnce(watch::Receiver<bool>, watch::Sender<Answers>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, stopped) = watch::channel(false);
        let (count, answers) = watch::channel(Answers::default());
        let task = tokio::spawn(run(stopped, count));
        Self {
            stop,
            answers,
            task,
        }
    }

    /// What it has been answered so far.
    pub fn answers(&self) -> Answers {
        *self.answers.borrow()
    }

    /// Waits until so many messages are stored.
    ///
    /// # Panics
    /// If that has not happened after four minutes.
    pub async fn reaches(&self, messages: u64) {
        self.answered("messages are stored", |answers| answers.stored >= messages)
            .await;
    }

    /// Waits until it has been answered what `is_enough`.
    ///
    /// # Panics
    /// If that has not happened after four minutes; the message names the condition.
    pub async fn answered(&self, condition: &str, is_enough: impl Fn(Answers) -> bool) {
        let mut answers = self.answers.clone();
        let enough = answers.wait_for(|answers| is_enough(*answers));
        let enough = tokio::time::timeout(PATIENCE, enough).await;
        let in_time = matches!(enough, Ok(Ok(_)));
        assert!(in_time, "{condition}: not so, {:?}", self.answers());
    }

    /// Waits until it has ended by itself, and tells how many messages are stored.
    ///
    /// # Panics
    /// If it failed.
    pub async fn join(mut self) -> u64 {
        (&mut self.task).await.expect("the publisher does not fail");
        self.answers().stored
    }

    /// No new messages; those under way are published until they are stored.
    ///
    /// # Panics
    /// If it failed.
    pub async fn stop(self) -> u64 {
        self.stop.send_replace(true);
        self.join().await
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(
    broker: Arc<dyn Broker>,
    topic: String,
    ledger: Writer,
    publication: Publication,
    stop: watch::Receiver<bool>,
    answers: watch::Sender<Answers>,
) {
    assert!(
        publication.keys == 0 || publication.batch == 1,
        "only one message at a time keeps the order of its key when it is tried again"
    );
    let answers = Arc::new(answers);
    let mut tasks = JoinSet::new();
    for number in 0..publication.tasks {
        let mut rng = fastrand::Rng::with_seed(publication.seed);
        (0..=number).for_each(|_| rng = rng.fork());
        let task = Task {
            number,
            broker: broker.clone(),
            topic: topic.clone(),
            ledger: ledger.clone(),
            publication: publication.clone(),
            rng,
            answers: answers.clone(),
        };
        tasks.spawn(task.run(stop.clone()));
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("the publisher does not fail");
    }
}

struct Task {
    number: usize,
    broker: Arc<dyn Broker>,
    topic: String,
    ledger: Writer,
    publication: Publication,
    rng: fastrand::Rng,
    answers: Arc<watch::Sender<Answers>>,
}

impl Task {
    async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let share = self.publication.messages.map(|all| {
            let tasks = self.publication.tasks as u64;
            let number = self.number as u64;
            all / tasks + u64::from(number < all % tasks)
        });
        let mut left = share.unwrap_or(u64::MAX);
        let mut made = 0;
        while left > 0 && !*stop.borrow() {
            let size = self.rng.usize(1..=self.publication.batch) as u64;
            let size = size.min(left);
            left -= size;
            let batch = (made..made + size).map(|n| self.make(n)).collect();
            made += size;
            self.publish(batch).await;
            let pause = tokio::time::sleep(self.publication.pause);
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => {}
                () = pause => {}
            }
        }
    }

    /// The `n`th message of this task, and where it stands among those of its key.
    fn make(&mut self, n: u64) -> (Message, u64) {
        let duty = self.publication.mix.draw(&mut self.rng);
        let mut message =
            Message::builder(self.topic.as_str()).payload(duty.padded(self.publication.payload));
        let keys = self.publication.keys;
        if keys > 0 {
            message = message.key(format!("{}-{}", self.number, n % keys));
        }
        let message = message.build().expect("a valid message");
        (message, n.checked_div(keys).unwrap_or(0))
    }

    async fn publish(&mut self, mut batch: Vec<(Message, u64)>) {
        let mut tries = 0;
        while !batch.is_empty() && self.publication.tries.is_none_or(|most| tries < most) {
            tries += 1;
            for (message, seq) in &batch {
                let id = message.id().to_string();
                match message.key() {
                    Some(key) => self.ledger.pub_try_keyed(&id, key, *seq),
                    None => self.ledger.pub_try(&id),
                }
            }
            let messages: Vec<Message> = batch.iter().map(|(message, _)| message.clone()).collect();
            let outcomes = match self.broker.publish(&messages).await {
                Ok(outcomes) => outcomes,
                Err(error) => {
                    let each = || match error.kind() {
                        ErrorKind::Indeterminate => Published::Indeterminate(error.duplicate()),
                        ErrorKind::Full => Published::Full(error.duplicate()),
                        _ => Published::Rejected(error.duplicate()),
                    };
                    std::iter::repeat_with(each).take(batch.len()).collect()
                }
            };
            assert_eq!(outcomes.len(), batch.len(), "an outcome for each message");
            let mut again = Vec::new();
            for (one, outcome) in batch.into_iter().zip(outcomes) {
                if self.is_open(&one.0, &outcome) {
                    again.push(one);
                }
            }
            batch = again;
            if !batch.is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// Records what came of a publish; `true` if it is to be tried again.
    fn is_open(&mut self, message: &Message, outcome: &Published) -> bool {
        let (id, ledger) = (message.id().to_string(), &self.ledger);
        let count = |count: fn(&mut Answers)| self.answers.send_modify(count);
        match outcome {
            Published::Stored => ledger.pub_ok(&id),
            Published::Duplicate => ledger.pub_dup(&id),
            Published::Full(_) => {
                ledger.pub_full(&id);
                count(|answers| answers.full += 1);
                return true;
            }
            Published::Indeterminate(_) => {
                ledger.pub_indeterminate(&id);
                count(|answers| answers.indeterminate += 1);
                return true;
            }
            Published::Rejected(error) => {
                ledger.pub_rejected(&id, &error.to_string());
                count(|answers| answers.refused += 1);
                // One whose order matters must not be left out.
                return error.is_transient() && (message.key().is_some() || self.rng.u8(..4) > 0);
            }
        }
        count(|answers| answers.stored += 1);
        false
    }
}

//! Storing messages.

mod framed;
mod outcome;
mod plain;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use glmsg_broker::Published;
use glmsg_core::{Error, ErrorKind, Message, Result, Schedule};
use redis::Pipeline;
use tokio::time::sleep;

use self::outcome::{Outcome, each_failed, failed, untold};
use self::plain::Plain;
use crate::RedisBroker;
use crate::broker::{Shared, no_topic};
use crate::encode::{count, fine, list, next, put, text};
use crate::keys::TopicKeys;
use crate::known::Known;

/// The most messages and bytes that are stored together: others wait as long as it takes.
pub(crate) const MOST_MESSAGES: usize = 1000;
pub(crate) const MOST_BYTES: usize = 4 << 20;
/// The most that one step stores.
pub(crate) const MOST_IN_STEP: usize = 256;

/// How often a step is tried where it found no topic, or no memory.
const TRIES: usize = 5;
/// How many messages give way at once when the server's memory is full.
const RELIEF: usize = 1000;

/// About how many bytes a message takes on the way.
pub(crate) fn size_of(message: &Message) -> usize {
    message.payload().len() + 512
}

/// Whether another call publishes one of these for the first time.
pub(crate) fn is_held(messages: &[&Message]) -> bool {
    messages.iter().any(|m| m.is_first_publish_under_way())
}

impl RedisBroker {
    pub(crate) async fn store(&self, messages: &[Message]) -> Result<Vec<Published>> {
        self.shared.check_open()?;
        self.shared.watch.keep(&self.shared);
        let limit = self.shared.link.config().max_payload;
        // The usual publish has one message, and nothing to sort.
        if let [message] = messages
            && message.payload().len() <= limit
        {
            let stored = self
                .shared
                .store_together(message.topic(), &[message])
                .await;
            return stored.or_else(|error| untold(error, 1));
        }
        let mut outcomes: Vec<Option<Published>> = Vec::new();
        outcomes.resize_with(messages.len(), || None);
        for (message, outcome) in messages.iter().zip(&mut outcomes) {
            let got = message.payload().len();
            if got > limit {
                let text = format!("the payload has {got} bytes, this broker takes {limit}");
                let error = Error::new(ErrorKind::TooLarge, text).operation("publish");
                *outcome = Some(Published::Rejected(error.with("topic", message.topic())));
            }
        }
        // Of one topic all go in order; between topics there is no order.
        while let Some(first) = outcomes.iter().position(Option::is_none) {
            let topic = messages[first].topic();
            let mut step = Vec::with_capacity(MOST_MESSAGES.min(messages.len() - first));
            let mut size = 0;
            for at in first..messages.len() {
                if outcomes[at].is_some() || messages[at].topic() != topic {
                    continue;
                }
                let bytes = size_of(&messages[at]);
                if !step.is_empty() && (step.len() >= MOST_MESSAGES || size + bytes > MOST_BYTES) {
                    break;
                }
                step.push(at);
                size += bytes;
            }
            let batch: Vec<&Message> = step.iter().map(|at| &messages[*at]).collect();
            let stored = match self.shared.store_together(topic, &batch).await {
                Ok(stored) => stored,
                Err(error) if first == 0 => untold(error, step.len())?,
                Err(error) => each_failed(&error, step.len()),
            };
            for (at, published) in step.iter().zip(stored) {
                outcomes[*at] = Some(published);
            }
        }
        Ok(all_of(outcomes))
    }
}

/// Those that are there, which are all. An iterator that may leave some out would grow its way.
fn all_of<T>(each: Vec<Option<T>>) -> Vec<T> {
    let mut all = Vec::with_capacity(each.len());
    all.extend(each.into_iter().flatten());
    all
}

/// What may have become of messages before the step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Doubt {
    /// Nobody has published them before this call.
    is_first: bool,
    /// This call has, and the answer was lost.
    was_sent: bool,
}

impl Doubt {
    /// They were published before.
    pub(crate) const OLD: Self = Self {
        is_first: false,
        was_sent: false,
    };

    /// The error, after the server could not be told to end a connection.
    fn about(self, error: Error) -> Error {
        if !self.was_sent {
            return error;
        }
        Error::new(
            ErrorKind::Indeterminate,
            "the connection was lost before the answer came, and the server could not be told to end it",
        )
        .remedy("check that the server runs and can be reached, then repeat the call")
        .source(error)
    }
}

impl Shared {
    /// Stores messages of one topic, in their order; of this call some may have been `sent` before.
    pub(crate) async fn store_batch(
        &self,
        known: &Arc<Known>,
        batch: &[&Message],
        sent: bool,
    ) -> Result<Vec<Published>> {
        // Each is asked: one that goes by the step has been published from then on.
        let firsts: Vec<_> = batch.iter().map(|m| m.claim_first_publish()).collect();
        let is_first = firsts.iter().all(Option::is_some);
        let plain = if is_first {
            self.store_plain(known, batch).await
        } else {
            drop(firsts);
            self.wait_for_others(batch).await?;
            Plain::refused(batch.len())
        };
        let mut outcomes = plain.outcomes;
        let open: Vec<usize> = (0..batch.len())
            .filter(|at| outcomes[*at].is_none())
            .collect();
        if open.is_empty() {
            return Ok(all_of(outcomes));
        }
        for part in open.chunks(MOST_IN_STEP) {
            let messages: Vec<&Message> = part.iter().map(|at| batch[*at]).collect();
            // Boxed, as the future of the step is large and the usual publish needs none of it.
            let doubt = Doubt {
                is_first,
                was_sent: plain.is_in_doubt || (sent && !is_first),
            };
            let stored = Box::pin(self.store_step(known, &messages, doubt)).await;
            if messages
                .iter()
                .any(|message| message.schedule() != Schedule::Now)
            {
                // Those that are published when it is due must not overtake it.
                known.room.forget();
            }
            // What was stored is stored: of the others each is told why not.
            let stored = match stored {
                Err(error) if part.len() == batch.len() => return Err(error),
                Err(error) => part.iter().map(|_| failed(&error)).collect(),
                Ok(stored) => stored,
            };
            for (at, published) in part.iter().zip(stored) {
                outcomes[*at] = Some(published);
            }
        }
        Ok(all_of(outcomes))
    }

    /// Waits until nobody publishes one of these for the first time: a look for a duplicate would come
    /// too early. Seldom, so looking now and then is good enough.
    pub(crate) async fn wait_for_others(&self, batch: &[&Message]) -> Result<()> {
        let until = Instant::now() + self.link.config().timeout;
        while is_held(batch) {
            if Instant::now() >= until {
                // Whoever publishes it first keeps it, and does not go on.
                return Err(Error::new(
                    ErrorKind::Indeterminate,
                    "the same message is being published by another call, which does not end",
                )
                .remedy("await the other call, or drop it"));
            }
            sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Stores messages of one topic in one step, which looks whether it has them already.
    pub(crate) async fn store_step(
        &self,
        known: &Arc<Known>,
        batch: &[&Message],
        doubt: Doubt,
    ) -> Result<Vec<Published>> {
        let (topic, keys) = (&known.topic, &known.keys);
        let (era, begun) = (self.recent.era(), Instant::now());
        let mut call = self.scripts.publish.of_topic(keys);
        for message in batch {
            put(&mut call, message);
        }
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.add_command(call);
        if doubt.was_sent || !doubt.is_first {
            let ended = self.link.end_lost(keys.slot).await;
            ended.map_err(|error| doubt.about(error))?;
        }
        let (mut failure, mut tries) = (no_topic(topic), 0);
        while tries < TRIES {
            let replies = self.link.send_durably(keys.slot, &pipeline).await?;
            let (was_resent, reached) = (doubt.was_sent || replies.was_resent, replies.reached);
            let mut values = replies.values.into_iter();
            tries += 1;
            let answer = match fine(next(&mut values)?) {
                // The server's memory is full: what is kept for replay alone gives way.
                Err(e) if e.kind() == ErrorKind::Full => {
                    if self.relieve(keys).await? == 0 {
                        return Err(e);
                    }
                    failure = e;
                    continue;
                }
                answer => answer?,
            };
            let mut words = list(answer)?.into_iter();
            match text(next(&mut words)?)?.as_str() {
                "ABSENT" => {
                    self.recover_topic(known).await?;
                    known.room.forget();
                }
                // It has seen some of what is stored, and goes on from there.
                "AGAIN" => tries = 0,
                _ => {
                    let results = list(next(&mut words)?)?;
                    let now = count(next(&mut words)?)?;
                    let (mut stored, mut notes) = (Vec::new(), Vec::new());
                    for (result, message) in results.into_iter().zip(batch) {
                        let result = Outcome::read(result)?;
                        let outcome = result.published(topic, was_resent, reached);
                        if matches!(outcome, Published::Stored) {
                            let place = result.place(message, now, begun.elapsed());
                            notes.push((place, (*message).clone()));
                        }
                        stored.push(outcome);
                    }
                    known.was_there.store(true, Relaxed);
                    self.recent.note(known, era, notes);
                    return Ok(stored);
                }
            }
        }
        Err(failure)
    }

    /// Drops some of what every group has finished. Returns how many messages that were.
    async fn relieve(&self, keys: &TopicKeys) -> Result<u64> {
        let mut call = self.scripts.relieve.of_topic(keys);
        call.arg(RELIEF);
        count(self.run(keys.slot, call).await?)
    }
}

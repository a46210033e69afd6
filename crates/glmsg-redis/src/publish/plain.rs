//! Storing by plain commands what nobody can have stored before.
//!
//! A step on the server costs three times as much as the command that it runs. A message that was
//! never published needs no look for its id, and while the topic is known to have room none for
//! its bounds: it is one `XADD`, many in a pipeline. What must not be done twice is tried once. If
//! the answer is lost the server ends the connection, and the step, which looks, goes on.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use glmsg_broker::Published;
use glmsg_core::{Message, Result, wire};
use redis::Pipeline;

use super::outcome::acknowledged;
use super::{all_of, framed, size_of};
use crate::broker::Shared;
use crate::connection::{Answers, Borrowed, Head};
use crate::encode::{count, is_usual, list, next, text};
use crate::frame;
use crate::known::Known;
use crate::place::EntryId;
use crate::recent::Place;
use crate::room::Taken;

/// Up to so much is written at once. Of more a small part goes first: the server stores it while the
/// rest is encoded.
const WHOLE: usize = 16 << 10;
/// How much the parts of more have, the last for all that follow. Each part costs the server a wake-up
/// and an answer, so few are small.
const PARTS: [usize; 3] = [6 << 10, 20 << 10, 64 << 10];
/// A part ends with the message that fills it.
const SPARE: usize = 4 << 10;

/// What plain commands came to.
#[derive(Debug)]
pub(super) struct Plain {
    /// One for each message; none if it goes by the step.
    pub(super) outcomes: Vec<Option<Published>>,
    /// An answer was lost. The connection must be ended before anything else is tried.
    pub(super) is_in_doubt: bool,
}

impl Plain {
    pub(super) fn refused(messages: usize) -> Self {
        let mut outcomes = Vec::new();
        outcomes.resize_with(messages, || None);
        Self {
            outcomes,
            is_in_doubt: false,
        }
    }
}

impl Shared {
    /// Stores messages of one topic by plain commands, as far as that may be. Nobody can have
    /// published them before.
    pub(super) async fn store_plain(&self, known: &Arc<Known>, batch: &[&Message]) -> Plain {
        let mut plain = Plain::refused(batch.len());
        if !batch.iter().all(|message| frame::takes(message))
            || !self.has_room(known, batch.len()).await
        {
            return plain;
        }
        let frames = framed::plan(known, batch);
        if frames.is_empty() && !batch.iter().all(|message| is_usual(message)) {
            return plain;
        }
        let Ok(mut borrowed) = self.link.borrow(known.keys.slot).await else {
            return plain;
        };
        if !borrowed.can_be_ended() {
            return plain;
        }
        borrowed.begin_once();
        let era = self.recent.era();
        if !frames.is_empty() {
            self.store_framed(&mut borrowed, known, &frames, &mut plain)
                .await;
            return plain;
        }
        match exchange(&mut borrowed, known, batch).await {
            Ok(exchanged) => {
                plain.outcomes = read((self, era), &borrowed, known, batch, exchanged);
            }
            Err(error) => {
                tracing::debug!(%error, "the answer to a publish was lost");
                borrowed.doubt();
                plain.is_in_doubt = true;
            }
        }
        plain
    }

    async fn has_room(&self, known: &Known, messages: usize) -> bool {
        let epoch = match known.room.take(messages) {
            Taken::Yes => return true,
            Taken::No => return false,
            Taken::Unknown(epoch) => epoch,
        };
        // Where looking fails, the step fails, too, and says why.
        let free = Box::pin(self.look_for_room(known)).await.unwrap_or(0);
        known.room.saw(epoch, free, messages)
    }

    async fn look_for_room(&self, known: &Known) -> Result<usize> {
        let call = self.scripts.room.of_topic(&known.keys);
        let answer = self.run(known.keys.slot, call).await?;
        let mut words = list(answer)?.into_iter();
        match text(next(&mut words)?)?.as_str() {
            "OK" => {
                let free = usize::try_from(count(next(&mut words)?)?).unwrap_or(0);
                let most = u32::try_from(count(next(&mut words)?)?).unwrap_or(1);
                let micros = u32::try_from(count(next(&mut words)?)?).unwrap_or(0);
                known.packing.set(most, micros);
                Ok(free)
            }
            _ => Ok(0),
        }
    }
}

/// What was written and what came back.
struct Exchanged {
    requests: Vec<Vec<u8>>,
    answers: Answers,
    /// They are as safe as the durability level asks.
    reached: bool,
}

/// Writes all and reads the answers to the messages.
async fn exchange(
    borrowed: &mut Borrowed<'_>,
    known: &Known,
    batch: &[&Message],
) -> Result<Exchanged> {
    let seal = borrowed.seal();
    let mut left: usize = batch.iter().map(|message| size_of(message)).sum();
    let mut parts = PARTS.into_iter();
    let mut part = match left > WHOLE {
        true => parts.next().unwrap_or(WHOLE),
        false => usize::MAX,
    };
    let room = |part: usize, left: usize| Vec::with_capacity(left.min(part.saturating_add(SPARE)));
    let (mut requests, mut request) = (Vec::new(), room(part, left));
    for message in batch {
        if request.len() >= part {
            borrowed.write(&request).await?;
            part = parts.next().unwrap_or(part);
            requests.push(std::mem::replace(&mut request, room(part, left)));
        }
        left -= size_of(message);
        put(&mut request, known, message);
    }
    let len = request.len();
    tail(&mut request, &seal.tail);
    borrowed.write(&request).await?;
    request.truncate(len);
    requests.push(request);
    let answers = borrowed.first_answers(batch.len()).await?;
    let sealed = borrowed.answers(seal.tail.len(), seal.blocks.unwrap_or_default());
    let sealed = sealed.await?.values()?;
    Ok(Exchanged {
        requests,
        answers,
        reached: seal.is_reached(&sealed),
    })
}

pub(super) fn tail(request: &mut Vec<u8>, seal: &Pipeline) {
    if !seal.is_empty() {
        request.extend_from_slice(&seal.get_packed_pipeline());
    }
}

/// Appends `XADD lane NOMKSTREAM * d ENVELOPE`. A topic that is gone is not made by it.
pub(super) fn put(request: &mut Vec<u8>, known: &Known, message: &Message) {
    use std::io::Write;

    request.extend_from_slice(&known.add);
    // Writing to a vector does not fail.
    let _ = write!(request, "{}\r\n", wire::encoded_len(message));
    wire::encode_into(message, request);
    request.extend_from_slice(b"\r\n");
}

/// Reads what became of each, and notes what is stored.
fn read(
    (shared, era): (&Shared, u64),
    borrowed: &Borrowed<'_>,
    known: &Arc<Known>,
    batch: &[&Message],
    exchanged: Exchanged,
) -> Vec<Option<Published>> {
    let Exchanged {
        requests,
        mut answers,
        reached,
    } = exchanged;
    let mut outcomes = Vec::with_capacity(batch.len());
    let mut ids: Vec<Option<EntryId>> = Vec::with_capacity(batch.len());
    for _ in batch {
        let id = match answers.peek() {
            Some(Head::Text { .. }) => answers.entry_id().ok(),
            // The topic is gone, or the server refuses: the step finds out what is to be done.
            _ => {
                let refusal = answers.value();
                tracing::debug!(?refusal, "a plain publish was refused");
                known.room.forget();
                borrowed.doubt();
                None
            }
        };
        outcomes.push(id.map(|_| acknowledged(&known.topic, reached)));
        ids.push(id);
    }
    let stored = ids.iter().filter(|id| id.is_some()).count();
    if stored > 0 {
        known.was_there.store(true, Relaxed);
    }
    match stored == batch.len() {
        _ if !reached => {}
        true => {
            let ids = all_of(ids);
            shared.recent.note_sent(known, era, requests, ids);
        }
        false => {
            let each = ids.into_iter().zip(batch);
            let each = each
                .filter_map(|(id, message)| id.map(|id| (Place::normal(id), (*message).clone())));
            shared.recent.note(known, era, each.collect());
        }
    }
    outcomes
}

//! Publishes of one topic that come at the same time share a step.
//!
//! One that finds nothing under way goes at once, so a lone publisher waits for nobody. While
//! steps are under way the others gather, and go together with the next. All but the lone one's are
//! done by tasks of their own: its caller may leave it unpolled, and nobody else waits for it.

mod linger;

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use glmsg_broker::Published;
use glmsg_core::{Message, Result, TopicName};
use tokio::sync::{Notify, oneshot};

use self::linger::Habit;
use crate::broker::Shared;
use crate::frame::Packing;
use crate::known::Known;
use crate::publish::{MOST_BYTES, MOST_MESSAGES, is_held, size_of};

/// How many steps of a topic may be under way: the next is made while the server does one.
const UNDER_WAY: usize = 2;

/// The publishes of a topic.
#[derive(Debug, Default)]
pub(crate) struct Combiner {
    state: Mutex<State>,
    /// So many wait that they fill a frame.
    full: Notify,
}

#[derive(Debug, Default)]
struct State {
    under_way: usize,
    waiting: Vec<Waiting>,
    /// One of those under way waits for others still.
    is_gathering: bool,
    habit: Habit,
}

type Wait = oneshot::Receiver<Result<Vec<Published>>>;

/// What a publish has to do.
enum Entered {
    /// Go at once.
    Go,
    /// Wait for the answer.
    Wait(Wait),
    /// The same, and have somebody begin with what waits.
    Begin(Wait),
    /// The same, and have somebody gather others.
    Gather(Wait),
}

#[derive(Debug)]
struct Waiting {
    messages: Vec<Message>,
    answer: oneshot::Sender<Result<Vec<Published>>>,
}

impl Combiner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, packing: &Packing, messages: &[&Message]) -> Entered {
        let mut state = self.state();
        let (mut begins, mut gathers) = (false, false);
        if state.under_way < UNDER_WAY && state.waiting.is_empty() {
            let is_alone = state.under_way == 0;
            gathers = linger::may_wait(packing, messages) && (!is_alone || state.habit.waits());
            state.under_way += 1;
            if is_alone && !gathers {
                return Entered::Go;
            }
            begins = true;
            state.is_gathering |= gathers;
        }
        let (answer, wait) = oneshot::channel();
        let messages = messages.iter().map(|message| (*message).clone()).collect();
        state.waiting.push(Waiting { messages, answer });
        if begins {
            return match gathers {
                true => Entered::Gather(wait),
                false => Entered::Begin(wait),
            };
        }
        if state.is_gathering && linger::is_full(packing, &state.waiting) {
            state.is_gathering = false;
            self.full.notify_one();
        }
        Entered::Wait(wait)
    }

    /// Others have been waited for.
    fn note_gathered(&self) {
        let mut state = self.state();
        state.is_gathering = false;
        let publishes = state.waiting.len();
        state.habit.note(publishes);
    }

    /// Whether something waits. Where nothing does, one step fewer is under way.
    fn has_more(&self) -> bool {
        let mut state = self.state();
        let has_more = !state.waiting.is_empty();
        state.under_way -= usize::from(!has_more);
        has_more
    }

    /// What goes with the next step. `None` where nothing waits: one step fewer is under way then.
    fn next(&self) -> Option<Vec<Waiting>> {
        let mut state = self.state();
        let (mut count, mut bytes, mut taken) = (0, 0, 0);
        for waiting in &state.waiting {
            count += waiting.messages.len();
            bytes += waiting.messages.iter().map(size_of).sum::<usize>();
            if taken > 0 && (count > MOST_MESSAGES || bytes > MOST_BYTES) {
                break;
            }
            taken += 1;
        }
        if taken == 0 {
            state.under_way -= 1;
            return None;
        }
        let rest = state.waiting.split_off(taken);
        Some(mem::replace(&mut state.waiting, rest))
    }

    /// A step ends before its end. Those that wait go by themselves: nobody polls the other one that may
    /// be under way, perhaps.
    fn give_up(&self) {
        let mut state = self.state();
        state.under_way -= 1;
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        drop(waiting);
    }
}

/// One of the steps that may be under way.
struct Place {
    shared: Arc<Shared>,
    known: Arc<Known>,
    is_given_back: bool,
}

impl Place {
    fn new(shared: &Arc<Shared>, known: &Arc<Known>) -> Self {
        Self {
            shared: Arc::clone(shared),
            known: Arc::clone(known),
            is_given_back: false,
        }
    }

    fn next(&mut self) -> Option<Vec<Waiting>> {
        let next = self.known.combiner.next();
        self.is_given_back = next.is_none();
        next
    }

    /// Stores what waits, step by step.
    async fn drain(mut self) {
        while let Some(step) = self.next() {
            let messages: Vec<&Message> = step.iter().flat_map(|w| &w.messages).collect();
            let stored = self.shared.store_batch(&self.known, &messages, false).await;
            match stored {
                Ok(stored) => {
                    let mut stored = stored.into_iter();
                    for waiting in step {
                        let own = stored.by_ref().take(waiting.messages.len()).collect();
                        // Who has given up is not told.
                        let _ = waiting.answer.send(Ok(own));
                    }
                }
                Err(error) => {
                    for waiting in step {
                        let _ = waiting.answer.send(Err(error.duplicate()));
                    }
                }
            }
        }
    }
}

/// Its task has ended in the midst: with its runtime, which need not be that of those who wait.
impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_given_back {
            self.known.combiner.give_up();
        }
    }
}

/// A step that its caller does. When it ends, also by being given up, what waits goes on.
struct Lone(Option<Place>);

impl Drop for Lone {
    fn drop(&mut self) {
        let Some(mut place) = self.0.take() else {
            return;
        };
        place.is_given_back = !place.known.combiner.has_more();
        if !place.is_given_back
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(place.drain());
        }
    }
}

impl Shared {
    /// Stores messages of one topic, together with others that are published meanwhile.
    pub(crate) async fn store_together(
        self: &Arc<Self>,
        topic: &TopicName,
        messages: &[&Message],
    ) -> Result<Vec<Published>> {
        let known = self.known(topic);
        if is_held(messages) {
            // Here, so that none of those wait that it would share a step with.
            self.wait_for_others(messages).await?;
        }
        let wait = match known.combiner.enter(&known.packing, messages) {
            Entered::Go => {
                let _lone = Lone(Some(Place::new(self, &known)));
                return self.store_batch(&known, messages, false).await;
            }
            Entered::Wait(wait) => wait,
            Entered::Begin(wait) => {
                tokio::spawn(Place::new(self, &known).drain());
                wait
            }
            Entered::Gather(wait) => {
                tokio::spawn(linger::gather(Place::new(self, &known)));
                wait
            }
        };
        match wait.await {
            Ok(answer) => answer,
            // The runtime of whoever did the step has ended, in its midst perhaps.
            Err(_) => self.store_batch(&known, messages, true).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of_future<F: Future>(
        _: impl FnOnce(&'static Arc<Shared>, &'static TopicName) -> F,
    ) -> usize {
        std::mem::size_of::<F>()
    }

    #[test]
    fn the_future_of_a_publish_is_small() {
        // It is copied with every call through `dyn Broker`.
        let size = size_of_future(|shared, topic| async move {
            shared.store_together(topic, &[]).await.is_ok()
        });
        assert!(size < 2500, "{size} bytes");
    }
}

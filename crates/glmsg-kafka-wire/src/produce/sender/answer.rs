//! What becomes of batches by a broker's answer, or by none.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use glmsg_core::{Error, ErrorKind};
use kafka_protocol::messages::ProduceResponse;
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use tokio::time::Instant;

use crate::produce::batch::Batch;
use crate::produce::state::{At, State};
use crate::produce::ticket::Place;
use crate::produce::verdict::{Verdict, judge};
use crate::produce::{Failure, Shared, call};

/// A batch that has come to its end.
enum Ended {
    Stored(Batch, Place),
    Failed(Batch, Failure),
}

/// What is done when the lock is no longer held.
#[derive(Default)]
struct After {
    ended: Vec<Ended>,
    woken: Vec<i32>,
}

impl After {
    fn list(&mut self, state: &mut State, at: At) {
        self.woken.extend(state.list(at));
    }

    fn end(self, shared: &Arc<Shared>) {
        for node in self.woken {
            call::wake(shared, node);
        }
        if !self.ended.is_empty() && shared.crowd.load(Ordering::SeqCst) > 0 {
            shared.room.notify_waiters();
        }
        for ended in self.ended {
            match ended {
                Ended::Stored(batch, place) => batch.reports.stored(place),
                Ended::Failed(batch, failure) => batch.reports.failed(&failure),
            }
        }
    }
}

/// Settles what was answered.
pub(super) fn settle(shared: &Arc<Shared>, batches: Vec<(At, Batch)>, answer: &ProduceResponse) {
    let mut found: HashMap<(&str, i32), &PartitionProduceResponse> = HashMap::new();
    for topic in &answer.responses {
        for partition in &topic.partition_responses {
            found.insert((topic.name.as_str(), partition.index), partition);
        }
    }
    let (mut after, now) = (After::default(), Instant::now());
    let mut state = shared.state();
    for (at, mut batch) in batches {
        let name = state.name(at);
        let index = i32::try_from(at.1).unwrap_or(i32::MAX);
        // Of one that the answer leaves out nothing is known.
        let (code, offset) = found
            .get(&(name.as_str(), index))
            .map_or((13, -1), |one| (one.error_code, one.base_offset));
        let verdict = judge(code, offset);
        let sends_again = shared.settings.sends_again;
        match verdict {
            Verdict::Stored => {
                state.end(&batch);
                state.trouble = None;
                state.partition(at).has_passed();
                let partition = index;
                after
                    .ended
                    .push(Ended::Stored(batch, Place { partition, offset }));
            }
            Verdict::Again { is_in_doubt } if sends_again => {
                batch.is_in_doubt |= is_in_doubt;
                batch.last = Some(Failure::Refused(code));
                state.partition(at).put_back(batch);
                state.partition(at).lose_leader(now);
            }
            // One that may be stored under the epoch before would be stored twice.
            Verdict::Anew if sends_again && !batch.is_in_doubt => {
                batch.unseal();
                batch.last = Some(Failure::Refused(code));
                let partition = state.partition(at);
                partition.put_back(batch);
                let goes_on = partition.begin_anew();
                partition.lose_leader(now);
                state.renew(goes_on);
            }
            // In parts it has another sequence, too.
            Verdict::Split if batch.count() > 1 && !batch.is_in_doubt => {
                let old = batch.len();
                state.partition(at).is_under_way = false;
                state.fail_epoch(at);
                if let Some([front, back]) = batch.split() {
                    let parts = [front, back];
                    state.count_split(old, &parts);
                    for part in parts.into_iter().rev() {
                        state.partition(at).queue.push_front(part);
                    }
                }
            }
            _ => {
                if let Verdict::Again { is_in_doubt } = verdict {
                    // It is not sent again, and others are to find the leader.
                    state.partition(at).lose_leader(now);
                    if is_in_doubt {
                        batch.is_in_doubt = true;
                        batch.last = Some(undecided(code));
                    }
                }
                let failure = match batch.is_in_doubt {
                    true => unanswered(shared, &state, &batch),
                    false => Failure::Refused(if code == 0 { DUPLICATE } else { code }),
                };
                fail(&mut state, &mut after, at, batch, failure);
            }
        }
        after.list(&mut state, at);
    }
    shared.tell_if_empty(&state);
    drop(state);
    after.end(shared);
}

/// The broker has it, it says, and does not know where.
const DUPLICATE: i16 = 46;

/// No answer came.
pub(super) fn lose(shared: &Arc<Shared>, batches: Vec<(At, Batch)>, failure: &Failure) {
    let (mut after, now) = (After::default(), Instant::now());
    let mut state = shared.state();
    for (at, mut batch) in batches {
        batch.is_in_doubt = true;
        batch.last = Some(failure.clone());
        if shared.settings.sends_again {
            state.partition(at).put_back(batch);
            state.partition(at).lose_leader(now);
        } else {
            state.partition(at).lose_leader(now);
            fail(&mut state, &mut after, at, batch, failure.clone());
        }
        after.list(&mut state, at);
    }
    shared.tell_if_empty(&state);
    drop(state);
    after.end(shared);
}

/// Their time is over.
pub(in crate::produce) fn expire(shared: &Arc<Shared>, batches: Vec<(At, Batch)>) {
    let mut after = After::default();
    let mut state = shared.state();
    for (at, batch) in batches {
        let failure = match (batch.is_in_doubt, &batch.last) {
            (true, _) => unanswered(shared, &state, &batch),
            (false, Some(last)) => last.clone(),
            (false, None) => Failure::Unsent(why_late(shared, &state, &batch)),
        };
        fail(&mut state, &mut after, at, batch, failure);
        after.list(&mut state, at);
    }
    shared.tell_if_empty(&state);
    drop(state);
    after.end(shared);
}

/// The cluster refuses all that waits for a partition.
pub(in crate::produce) fn refuse(shared: &Arc<Shared>, at: At, code: i16) {
    let mut after = After::default();
    let mut state = shared.state();
    // Until now nobody else has taken any of it.
    state.partition(at).is_listed = false;
    let queue = std::mem::take(&mut state.partition(at).queue);
    for batch in queue {
        let failure = match batch.is_in_doubt {
            true => unanswered(shared, &state, &batch),
            false => Failure::Refused(code),
        };
        fail(&mut state, &mut after, at, batch, failure);
    }
    shared.tell_if_empty(&state);
    drop(state);
    after.end(shared);
}

/// Ends a batch that is not stored, or may not be.
fn fail(state: &mut State, after: &mut After, at: At, batch: Batch, failure: Failure) {
    state.end(&batch);
    state.partition(at).is_under_way = false;
    // Its place in the sequence may be taken or free: only what comes in another epoch is sure to be
    // neither refused nor taken for it.
    if batch.sequence.is_some() {
        state.fail_epoch(at);
    }
    after.ended.push(Ended::Failed(batch, failure));
}

fn unanswered(shared: &Shared, state: &State, batch: &Batch) -> Failure {
    match &batch.last {
        Some(Failure::Unanswered(error)) => Failure::Unanswered(Arc::clone(error)),
        _ => Failure::Unanswered(why_late(shared, state, batch)),
    }
}

/// A broker has answered, and does not say whether it is stored.
fn undecided(code: i16) -> Failure {
    let text = "a broker does not say whether it is stored";
    Failure::Unanswered(Arc::new(
        Error::new(ErrorKind::Timeout, text).with("code", code),
    ))
}

/// Why a batch was not sent, or not answered, in its time.
fn why_late(shared: &Shared, state: &State, batch: &Batch) -> Arc<Error> {
    let begun = batch.deadline.checked_sub(shared.settings.timeout);
    // What was the matter before it was there has passed.
    if let Some((told, error)) = &state.trouble
        && begun.is_none_or(|begun| *told >= begun)
    {
        return Arc::clone(error);
    }
    let text = "the cluster did not answer in time";
    let error = Error::new(ErrorKind::Timeout, text)
        .remedy("check that the cluster runs and can be reached, then try again");
    Arc::new(error)
}

impl State {
    fn fail_epoch(&mut self, at: At) {
        let goes_on = self.partition(at).begin_anew();
        self.renew(goes_on);
    }

    /// Without a further epoch the producer is given another number.
    fn renew(&mut self, goes_on: bool) {
        if !goes_on {
            self.identity = None;
        }
    }
}

impl Shared {
    fn tell_if_empty(&self, state: &State) {
        if state.is_empty() {
            self.empty.notify_waiters();
        }
    }
}

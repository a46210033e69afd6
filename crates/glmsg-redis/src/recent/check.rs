//! Looking whether a topic still has what was acknowledged, and storing again what it lost.

use std::collections::BTreeSet;
use std::sync::Arc;

use glmsg_broker::Published;
use glmsg_core::{ErrorKind, Message, Result};

use super::{Note, Over};
use crate::broker::Shared;
use crate::encode::{list, next, number};
use crate::event::RedisEvent;
use crate::known::Known;
use crate::publish::{Doubt, MOST_IN_STEP};

/// How many are looked for in one step.
const MOST_LOOKS: usize = 500;

/// What became of the notes of a topic.
#[derive(Default)]
struct Outcome {
    lost: u64,
    stored_again: u64,
    /// What needs no more looking after: it is gone, or was dropped as it should be.
    over: BTreeSet<Over>,
}

impl Shared {
    /// Looks after all that is noted of a topic. What is gone that should not be is reported, and stored again if `repair`.
    ///
    /// # Errors
    /// Of the connection: what could not be looked after stays noted.
    pub(super) async fn check_recent(&self, known: &Arc<Known>, repair: bool) -> Result<()> {
        let notes = self.recent.look(known);
        let mut outcome = Outcome::default();
        let done = self.look_after(known, notes, repair, &mut outcome).await;
        self.recent.remove(known, &outcome.over);
        let Outcome {
            lost, stored_again, ..
        } = outcome;
        if lost > 0 {
            self.recent.count(lost, stored_again);
            self.report(RedisEvent::MessagesLost {
                topic: known.topic.clone(),
                lost,
                stored_again,
            });
        }
        done
    }

    async fn look_after(
        &self,
        known: &Arc<Known>,
        notes: Vec<Note>,
        repair: bool,
        outcome: &mut Outcome,
    ) -> Result<()> {
        let mut missing = Vec::new();
        for part in notes.chunks(MOST_LOOKS) {
            let found = self.find_missing(known, part).await?;
            for (note, found) in part.iter().zip(found) {
                match found {
                    Found::There => {}
                    Found::Missing => missing.push(note.clone()),
                    Found::Dropped => drop(outcome.over.insert(note.over())),
                }
            }
        }
        let mut whole = Vec::new();
        for note in missing {
            match &note.message {
                Some(message) if repair => whole.push((message.clone(), note)),
                // Whether it is there only the publish step can tell.
                _ if !note.place.is_exact => drop(outcome.over.insert(note.over())),
                _ => {
                    outcome.lost += note.messages as u64;
                    outcome.over.insert(note.over());
                }
            }
        }
        for part in whole.chunks(MOST_IN_STEP) {
            self.store_again(known, part, outcome).await?;
        }
        Ok(())
    }

    async fn find_missing(&self, known: &Known, notes: &[Note]) -> Result<Vec<Found>> {
        let mut call = self.scripts.missing.of_topic(&known.keys);
        for Note { place, id, .. } in notes {
            call.arg(place.lane).arg(place.id.to_string());
            match id {
                _ if !place.is_exact => call.arg(""),
                Some(id) => call.arg(id.as_bytes().as_slice()),
                None => call.arg("*"),
            };
        }
        let answer = list(self.run(known.keys.slot, call).await?)?;
        let mut words = answer.into_iter();
        let each = notes.iter().map(|_| {
            Ok(match number(next(&mut words)?)? {
                0 => Found::There,
                1 => Found::Missing,
                _ => Found::Dropped,
            })
        });
        each.collect()
    }

    /// Stores messages that are missing. One that is there after all, under another id, was not lost.
    async fn store_again(
        &self,
        known: &Arc<Known>,
        part: &[(Message, Note)],
        outcome: &mut Outcome,
    ) -> Result<()> {
        let messages: Vec<&Message> = part.iter().map(|(message, _)| message).collect();
        let stored = match self.store_step(known, &messages, Doubt::OLD).await {
            Ok(stored) => stored,
            Err(error) if error.kind() == ErrorKind::Full => {
                let each = || Published::Full(error.duplicate());
                std::iter::repeat_with(each).take(part.len()).collect()
            }
            Err(error) => return Err(error),
        };
        for ((_, note), stored) in part.iter().zip(stored) {
            match stored {
                Published::Stored | Published::Indeterminate(_) => {
                    outcome.lost += 1;
                    outcome.stored_again += 1;
                }
                Published::Duplicate if !note.place.is_exact => continue,
                Published::Duplicate => {}
                _ => outcome.lost += 1,
            }
            outcome.over.insert(note.over());
        }
        Ok(())
    }
}

/// What is to be said of an entry.
#[derive(Clone, Copy)]
enum Found {
    There,
    Missing,
    /// It was dropped as it should be, or the topic deleted.
    Dropped,
}

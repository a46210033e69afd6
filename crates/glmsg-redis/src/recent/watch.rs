//! Looking after what was acknowledged, as long as there is something.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::tracker::Tracker;
use super::{Recent, Urgent};
use crate::broker::Shared;
use crate::connection::Life;
use crate::known::Known;
use crate::standing::Standing;

/// How often the servers are asked for a sign of life.
const EVERY: Duration = Duration::from_secs(1);

/// The task that looks.
#[derive(Debug)]
pub(crate) struct Watch {
    task: Standing,
    /// What it knows of the servers, which a task that is begun anew knows, too.
    tracker: Arc<Mutex<Tracker>>,
}

impl Watch {
    pub(crate) fn new(beginning: Vec<Life>) -> Self {
        Self {
            task: Standing::default(),
            tracker: Arc::new(Mutex::new(Tracker::new(beginning))),
        }
    }

    /// Sees to it that somebody looks.
    pub(crate) fn keep(&self, shared: &Arc<Shared>) {
        self.task.keep(|| {
            let tracker = Arc::clone(&self.tracker);
            run(Arc::downgrade(shared), Arc::clone(&shared.recent), tracker)
        });
    }
}

async fn run(shared: Weak<Shared>, recent: Arc<Recent>, tracker: Arc<Mutex<Tracker>>) {
    let mut tracker = tracker.lock().await;
    loop {
        while recent.is_empty() {
            recent.wake.notified().await;
        }
        let Some(strong) = shared
            .upgrade()
            .filter(|shared| shared.check_open().is_ok())
        else {
            return;
        };
        let mut lives = strong.link.generations();
        Box::pin(look(&strong, &mut tracker)).await;
        drop(strong);
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = recent.wake.notified() => {}
            // The link is gone if this fails; then the next upgrade fails, too.
            _ = lives.changed() => {}
        }
    }
}

/// Looks whether the servers are the same as before, and after what was acknowledged by those that are not.
async fn look(shared: &Arc<Shared>, tracker: &mut Tracker) {
    let recent = &shared.recent;
    let Urgent { late, gone } = recent.take_urgent();
    let at = Instant::now();
    let topics = recent.topics();
    let slots: BTreeSet<u16> = topics.iter().map(|known| known.keys.slot).collect();
    let lives = shared.link.lives(slots.clone()).await;
    let is_gone = |known: &Known| gone.iter().any(|one| one.topic == known.topic);
    for (slot, life) in &lives {
        let own = || topics.iter().filter(|known| known.keys.slot == *slot);
        let is_new = tracker.is_new(*slot, life);
        let any_gone = own().any(|known| is_gone(known));
        if !is_new && !late && !any_gone {
            continue;
        }
        if is_new || any_gone {
            recent.begin_era();
        }
        // What somebody threw away on a server that lives is not put back.
        let repair = is_new || (!any_gone && tracker.repaired(*slot));
        let mut failure = None;
        for known in own() {
            failure = shared.check_recent(known, repair).await.err().or(failure);
        }
        match failure {
            None => tracker.looked(*slot, life, repair),
            // Where the server is new it stays new until this has worked.
            Some(error) => {
                tracing::debug!(%error, "what was acknowledged cannot be looked after yet");
                recent.put_off(late, own().filter(|known| is_gone(known)));
            }
        }
    }
    let missing = |known: &&Arc<Known>| !lives.contains_key(&known.keys.slot);
    recent.put_off(false, gone.iter().filter(missing));
    let mut safe = lives
        .iter()
        .map(|(slot, life)| tracker.alive(*slot, at, life));
    if lives.len() == slots.len()
        && let Some(before) = safe.try_fold(at, |before, safe| safe.map(|safe| safe.min(before)))
    {
        recent.expire(before);
    }
}

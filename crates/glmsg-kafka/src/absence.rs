//! Topics that may be gone. They were deleted, or a broker has not heard of them.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use crate::connection::{Link, SETTLING};

/// How often it is looked without a reason: the client reports what is gone after half a minute, and
/// never what was gone before it read any of it. At first when all brokers know what was just made.
const EVERY: Duration = SETTLING;
/// The longest pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// How long topics must be missing whenever it is looked: of several brokers, one that has just been
/// started or is busy may not have heard of a topic that is there.
const MISSING: Duration = Duration::from_secs(4);

/// Looks whether topics are gone.
#[derive(Debug)]
pub(crate) struct Absence {
    is_looking: Arc<AtomicBool>,
    next: Mutex<Instant>,
}

/// Why it is looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The client has reported that a topic cannot be read. It does so once, and brokers hear of
    /// it at different times: so it is looked again for a while.
    Report,
    /// It was not looked for long.
    Time,
}

impl Absence {
    pub(crate) fn new() -> Self {
        Self {
            is_looking: Arc::default(),
            next: Mutex::new(Instant::now() + EVERY),
        }
    }

    /// Whether it is to be looked without a reason.
    pub(crate) fn is_due(&self) -> bool {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let is_due = *next <= now;
        if is_due {
            *next = now + EVERY;
        }
        is_due
    }

    /// Calls `gone` if one of these is gone: then every look of four seconds misses it. Does
    /// nothing while it is being looked, and when it is known.
    pub(crate) fn look(
        &self,
        (runtime, link): (&Handle, &Arc<Link>),
        names: [&str; 2],
        reason: Reason,
        gone: impl FnOnce() + Send + 'static,
    ) {
        if self.is_looking.swap(true, SeqCst) {
            return;
        }
        let (is_looking, link) = (Arc::clone(&self.is_looking), Arc::clone(link));
        let names = names.map(str::to_owned);
        runtime.spawn(async move {
            let until = Instant::now() + SETTLING;
            let mut pause = Duration::from_millis(50);
            let mut missing_since = None;
            loop {
                let found = link.find_topics(names.iter().map(String::as_str)).await;
                match found.map(|found| found.len() < names.len()) {
                    Ok(true) => {
                        let since = *missing_since.get_or_insert_with(Instant::now);
                        if since.elapsed() >= MISSING {
                            return gone();
                        }
                    }
                    Ok(false) => missing_since = None,
                    // A cluster that does not answer says nothing of its topics.
                    Err(_) => {}
                }
                let is_enough = reason == Reason::Time && missing_since.is_none();
                if is_enough || Instant::now() >= until {
                    break;
                }
                sleep(pause).await;
                pause = (pause * 2).min(PAUSE);
            }
            is_looking.store(false, SeqCst);
        });
    }
}

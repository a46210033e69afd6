//! Clients that ask and read nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use glmsg_core::Result;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use tokio::runtime::Handle;

use super::Link;
use crate::error::from_kafka;

/// What a client has to tell is taken from it before it is asked, at most so much: logs and errors.
const TELLS: usize = 32;

/// The client that is asked where partitions end. Kept, as making one takes longer than asking it.
#[derive(Default)]
pub(super) struct Asker(Mutex<Option<Arc<BaseConsumer>>>);

impl Asker {
    fn kept(&self) -> MutexGuard<'_, Option<Arc<BaseConsumer>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Link {
    /// A client of no group.
    pub(super) fn asker(&self) -> Result<Arc<BaseConsumer>> {
        let mut kept = self.asker.kept();
        if let Some(asker) = &*kept {
            // Nobody else polls it.
            for _ in 0..TELLS {
                drop(asker.poll(Duration::ZERO));
            }
            return Ok(Arc::clone(asker));
        }
        let mut config = self.config.consumer("")?;
        config.remove("group.id");
        config.set("statistics.interval.ms", "0");
        let made: BaseConsumer = config.create().map_err(|e| from_kafka(&e, false))?;
        let made = Arc::new(made);
        *kept = Some(Arc::clone(&made));
        Ok(made)
    }

    /// The next who asks gets another.
    pub(super) fn retire_asker(&self) {
        self.asker.kept().take();
    }

    /// Asks as a client of a group that does not join it.
    pub(crate) fn as_outsider<T>(
        &self,
        group: &str,
        ask: impl FnOnce(&BaseConsumer) -> Result<T>,
    ) -> Result<T> {
        let mut config = self.config.consumer(group)?;
        // What a transaction that is still open would commit is not waited for.
        config.set("isolation.level", "read_uncommitted");
        let made: BaseConsumer = config.create().map_err(|e| from_kafka(&e, false))?;
        let answer = ask(&made);
        close_later(made);
        answer
    }
}

/// Asks again as long as it fails by what may pass, such as leaders of new partitions that do not know
/// yet that they are, for so long. Blocks.
pub(crate) fn ask_again<T>(within: Duration, mut ask: impl FnMut() -> Result<T>) -> Result<T> {
    let until = Instant::now() + within;
    let mut pause = Duration::from_millis(10);
    loop {
        match ask() {
            Err(e) if e.is_transient() && Instant::now() + pause < until => {
                std::thread::sleep(pause);
                // A broker that gets a thousand partitions ready is busy: to ask it ever so often
                // would keep it so.
                pause = (pause * 2).min(Duration::from_secs(1));
            }
            asked => return asked,
        }
    }
}

/// Leaves the group and closes the client. Blocks while the cluster does not answer.
#[allow(
    clippy::needless_pass_by_value,
    reason = "what is closed is of no more use"
)]
pub(crate) fn close<C: ConsumerContext>(consumer: BaseConsumer<C>) {
    // Dropping it does the same, and looks ten times a second whether it is done.
    if consumer.close_queue().is_ok() {
        while !consumer.closed() {
            drop(consumer.poll(Duration::from_millis(2)));
        }
    }
}

/// Closes a client of a group. Nobody waits for it.
pub(crate) fn close_later(consumer: BaseConsumer) {
    match Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(move || close(consumer))),
        Err(_) => close(consumer),
    }
}

//! Topics that could not be read. They may have been deleted, or a broker has not heard of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use crate::connection::{Link, SETTLING};

/// The longest pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Looks whether topics are gone. Brokers hear of it at different times, and the client reports
/// it once, so it is looked more than once.
#[derive(Debug, Default)]
pub(crate) struct Absence(Arc<AtomicBool>);

impl Absence {
    /// Calls `gone` if one of these is gone now or soon. Does nothing while it is being looked.
    pub(crate) fn look(
        &self,
        runtime: &Handle,
        link: &Arc<Link>,
        names: [&str; 2],
        gone: impl FnOnce() + Send + 'static,
    ) {
        if self.0.swap(true, SeqCst) {
            return;
        }
        let (is_looking, link) = (Arc::clone(&self.0), Arc::clone(link));
        let names = names.map(str::to_owned);
        runtime.spawn(async move {
            let until = Instant::now() + SETTLING;
            let mut pause = Duration::from_millis(50);
            while Instant::now() < until {
                if let Ok(found) = link.find_topics(names.iter().map(String::as_str)).await
                    && found.len() < names.len()
                {
                    gone();
                    break;
                }
                sleep(pause).await;
                pause = (pause * 2).min(PAUSE);
            }
            is_looking.store(false, SeqCst);
        });
    }
}

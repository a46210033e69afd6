//! A process that works off what a topic holds with a `Consumer` on its defaults, and tells what memory that took.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use glmsg_broker::{Consumer, HandlerError, Incoming, Ordering};
use glmsg_core::{Message, Result};
use glmsg_faults::process::Usage;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// The environment variable that holds the plan.
pub const VARIABLE: &str = "GLMSG_BACKLOG_PLAN";

/// How long handlers are slow at first, and how long each takes then.
const SLOW: (Duration, Duration) = (Duration::from_secs(5), Duration::from_millis(50));
/// So many keys the messages have.
const KEYS: u64 = 64;
/// What stands before each payload: the number of its message.
const NUMBER: usize = 8;

/// What is worked off.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    pub url: String,
    pub topic: String,
    pub group: String,
    /// Whether the order of keys is kept.
    pub is_ordered: bool,
    /// How many messages there are, with the numbers from 0.
    pub messages: u64,
}

/// What came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    /// How many messages came, each counted once.
    pub messages: u64,
    /// How many came more than once.
    pub again: u64,
    /// The most memory at a time, in bytes, and how much it was before the first message.
    pub peak: u64,
    pub before: u64,
    pub seconds: f64,
}

/// The message of that number, with a payload of so many bytes.
pub fn message(topic: &str, number: u64, size: usize) -> Message {
    let mut payload = number.to_le_bytes().to_vec();
    payload.resize(size.max(NUMBER), b'x');
    let builder = Message::builder(topic).key(format!("key-{}", number % KEYS));
    builder.payload(payload).build().expect("a valid message")
}

/// Does what the [`Plan`] in the environment says, and prints the [`Outcome`] on a line.
///
/// # Panics
/// If there is no plan.
#[allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the case reads it"
)]
pub fn main() -> ExitCode {
    let text = std::env::var(VARIABLE).expect("a plan in the environment");
    let plan: Plan = serde_json::from_str(&text).expect("a plan");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts");
    match runtime.block_on(work_off(&plan)) {
        Ok(outcome) => {
            let text = serde_json::to_string(&outcome).expect("it can be written");
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("the process ends: {error}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Debug)]
struct Seen {
    numbers: Vec<AtomicBool>,
    messages: AtomicU64,
    again: AtomicU64,
    all: Notify,
}

async fn work_off(plan: &Plan) -> Result<Outcome> {
    static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let broker = glmsg::connect(&plan.url).await?;
    let seen = Arc::new(Seen {
        numbers: (0..plan.messages).map(|_| AtomicBool::new(false)).collect(),
        messages: AtomicU64::new(0),
        again: AtomicU64::new(0),
        all: Notify::new(),
    });
    let usage = || Usage::of_this_process().expect("a process knows what it uses");
    let before = usage().resident_bytes;
    LazyLock::force(&BEGUN);
    let ordering = match plan.is_ordered {
        true => Ordering::PerKey,
        false => Ordering::None,
    };
    let consumer = Consumer::new(broker.clone(), plan.topic.as_str(), plan.group.as_str());
    let counted = Arc::clone(&seen);
    let handler = move |incoming: Incoming| {
        let seen = Arc::clone(&counted);
        async move {
            if BEGUN.elapsed() < SLOW.0 {
                tokio::time::sleep(SLOW.1).await;
            }
            seen.count(incoming.payload()).map_err(HandlerError::retry)
        }
    };
    let consumer = consumer.ordering(ordering).start(handler).await?;
    seen.all.notified().await;
    let seconds = BEGUN.elapsed().as_secs_f64();
    consumer.shutdown().await?;
    let peak = usage().peak_bytes;
    broker.close().await?;
    Ok(Outcome {
        messages: seen.messages.load(SeqCst),
        again: seen.again.load(SeqCst),
        peak,
        before,
        seconds,
    })
}

impl Seen {
    fn count(&self, payload: &[u8]) -> std::result::Result<(), &'static str> {
        let number = payload
            .first_chunk::<NUMBER>()
            .map(|n| u64::from_le_bytes(*n));
        let place = number.and_then(|number| usize::try_from(number).ok());
        let place = place.and_then(|at| self.numbers.get(at));
        let place = place.ok_or("a message without a number")?;
        if place.swap(true, SeqCst) {
            self.again.fetch_add(1, SeqCst);
        } else if self.messages.fetch_add(1, SeqCst) + 1 == self.numbers.len() as u64 {
            self.all.notify_one();
        }
        Ok(())
    }
}

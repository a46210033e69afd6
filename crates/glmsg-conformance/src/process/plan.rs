//! What a worker process is to do, as its arguments say it.

use std::path::PathBuf;
use std::time::Duration;

/// How a worker behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Handles every message.
    Handle,
    /// Holds every message until it is told to stop, then finishes it.
    Hold,
    /// Fails every message, to be tried again after the plan's delay.
    Fail,
    /// Panics on the payload `poison`, handles everything else.
    Panic,
    /// Aborts the process on the payload `poison`, handles everything else.
    Abort,
    /// Takes one message and settles it when it reads a line from its standard input.
    Stall,
    /// Publishes numbered messages one by one, due after the plan's delay.
    Publish,
    /// Appends pieces to a log by compare-and-swap.
    Append,
}

impl Role {
    const ALL: [(Self, &'static str); 8] = [
        (Self::Handle, "handle"),
        (Self::Hold, "hold"),
        (Self::Fail, "fail"),
        (Self::Panic, "panic"),
        (Self::Abort, "abort"),
        (Self::Stall, "stall"),
        (Self::Publish, "publish"),
        (Self::Append, "append"),
    ];

    fn as_str(self) -> &'static str {
        let found = Self::ALL.iter().find(|(role, _)| *role == self);
        found.expect("all roles are listed").1
    }
}

/// What a worker process is to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How it behaves.
    pub role: Role,
    /// The store to open, in the fixture's notation.
    pub url: String,
    /// The file to append to what it did, before it does the next thing.
    pub ledger: PathBuf,
    /// How many messages it handles at once.
    pub workers: usize,
    /// How many messages may wait in it.
    pub prefetch: usize,
    /// Its lease.
    pub lease: Duration,
    /// The delay of what it retries or publishes.
    pub delay: Duration,
}

impl Plan {
    /// Reads the arguments that the suite starts a worker with.
    ///
    /// # Panics
    /// If they are not the suite's: a worker is not to be started by hand.
    pub fn from_args() -> Self {
        let mut plan = Self {
            role: Role::Handle,
            url: String::new(),
            ledger: PathBuf::new(),
            workers: 1,
            prefetch: 1,
            lease: Duration::ZERO,
            delay: Duration::ZERO,
        };
        for word in std::env::args().skip(1) {
            let (key, value) = word.split_once('=').unwrap_or((&word, ""));
            let number = || value.parse::<u64>().unwrap_or_else(|_| wrong(&word));
            let count = || usize::try_from(number()).unwrap_or_else(|_| wrong(&word));
            match key {
                "role" => {
                    let found = Role::ALL.iter().find(|(_, name)| *name == value);
                    plan.role = found.unwrap_or_else(|| wrong(&word)).0;
                }
                "url" => value.clone_into(&mut plan.url),
                "ledger" => plan.ledger = value.into(),
                "workers" => plan.workers = count(),
                "prefetch" => plan.prefetch = count(),
                "lease_ms" => plan.lease = Duration::from_millis(number()),
                "delay_ms" => plan.delay = Duration::from_millis(number()),
                _ => wrong(&word),
            }
        }
        plan
    }

    pub(super) fn to_args(&self) -> [String; 7] {
        [
            format!("role={}", self.role.as_str()),
            format!("url={}", self.url),
            format!("ledger={}", self.ledger.display()),
            format!("workers={}", self.workers),
            format!("prefetch={}", self.prefetch),
            format!("lease_ms={}", self.lease.as_millis()),
            format!("delay_ms={}", self.delay.as_millis()),
        ]
    }
}

fn wrong(word: &str) -> ! {
    panic!("`{word}` is no part of a plan: this binary is started by the conformance suite")
}

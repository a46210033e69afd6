//! Redis against the model, under clocks that are moved by hand: the server's by libfaketime, the
//! client's by tokio.

use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use glmsg_broker::{Broker, Capability};
use glmsg_conformance::Fixture;
use glmsg_core::{Clock, ManualClock, MessageId, TopicName};
use glmsg_faults::server::{Kind, RedisServer, RedisSetup};
use glmsg_redis::{RedisBroker, RedisConfig};
use glmsg_tests::{BEGINNING, Redis7};
use tokio::runtime::Runtime;

use crate::clocked::Clocked;
use crate::histories::{At, Effort, agree};
use crate::step::Profile;

/// How much of the client's time passes at once: less than a server may take to answer.
const STRIDE: Duration = Duration::from_millis(500);
/// How long a thread sleeps at once that nobody can wake.
const NAP: Duration = Duration::from_millis(20);
/// How long a step may take.
const LIMIT: Duration = Duration::from_secs(60);

/// A namespace on a server whose time stands still until it is moved. It needs a runtime whose time
/// stands still as well, [`stand_still`].
struct RedisByHand {
    server: Arc<RedisServer>,
    namespace: String,
    clock: ManualClock,
}

/// A runtime whose time is moved by `tokio::time::advance` and by nothing else.
///
/// A paused runtime goes on to its next timer when all of its tasks wait, be it for a server; but
/// not while a thread works for it. So one does, until the guard is dropped.
fn stand_still() -> (Runtime, mpsc::Sender<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime starts");
    let (guard, dropped) = mpsc::channel::<()>();
    runtime.spawn_blocking(move || dropped.recv().is_err());
    (runtime, guard)
}

impl RedisByHand {
    /// A server, which has one namespace at a time: the time is its.
    async fn server(kind: Kind) -> Arc<RedisServer> {
        // It keeps nothing, as it does not go down; and looks often who has waited long enough.
        let setup = RedisSetup::default()
            .args(["--appendonly", "no", "--hz", "500"])
            .movable_clock();
        Arc::new(RedisServer::start(kind, setup).await)
    }

    /// A fresh namespace at the beginning of the tests' time.
    fn on(server: &Arc<RedisServer>) -> Self {
        let this = Self {
            server: Arc::clone(server),
            namespace: format!("t-{}", MessageId::new()),
            clock: ManualClock::new(BEGINNING),
        };
        this.show_time();
        this
    }

    fn show_time(&self) {
        // In the middle of the millisecond that the server is to see: libfaketime reckons in
        // fractions that are not exact.
        let now = self.clock.now().after(Duration::from_micros(500));
        let now = now.to_string();
        let now = now.trim_end_matches('Z').replace('T', " ");
        self.server.freeze_clock(&now);
    }
}

impl Clocked for RedisByHand {
    const MEMBERS_WEIGH: bool = true;
    const LATENESS: Duration = Duration::from_millis(501);
    const EXACT_BELOW: usize = 16;
    const ORDERS_LETTERS: bool = false;
    const TELLS_BLOCKED: bool = false;

    async fn within<T>(limit: Duration, event: impl Future<Output = T>) -> Option<T> {
        // By the machine's clock, as the runtime's stands still.
        let end = Instant::now() + limit;
        let mut event = pin!(event);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let nap = left.min(NAP);
            let napped = tokio::task::spawn_blocking(move || std::thread::sleep(nap));
            tokio::select! {
                biased;
                done = &mut event => return Some(done),
                _ = napped => {}
            }
            if left.is_zero() {
                return None;
            }
        }
    }

    /// Lets every wait end that is under way, as if it had been long enough.
    async fn rest(&self) {
        loop {
            let list = self.server.command(&["CLIENT", "LIST"]).await;
            let list = list.text().unwrap_or_default().to_owned();
            let is_blocked = |line: &&str| {
                let mut words = line.split(' ');
                words.any(|w| w.strip_prefix("flags=").is_some_and(|f| f.contains('b')))
            };
            let id = |line: &str| {
                line.strip_prefix("id=")?
                    .split(' ')
                    .next()
                    .map(str::to_owned)
            };
            let blocked: Vec<_> = list.lines().filter(is_blocked).filter_map(id).collect();
            for id in &blocked {
                self.server.command(&["CLIENT", "UNBLOCK", id]).await;
            }
            // What was answered before is here by now; the tasks that wait for it have their turn.
            for _ in 0..32 {
                tokio::task::yield_now().await;
            }
            if blocked.is_empty() {
                return;
            }
        }
    }
}

impl Fixture for RedisByHand {
    fn capability() -> Capability {
        Redis7::capability()
    }

    async fn new() -> Self {
        Self::on(&Self::server(Kind::Redis7).await)
    }

    async fn broker(&self) -> Arc<dyn Broker> {
        let url = format!("{}?namespace={}", self.server.url(), self.namespace);
        let config = RedisConfig::from_url(&url).expect("a valid URL");
        Arc::new(RedisBroker::open(config).await.expect("it opens"))
    }

    async fn pass(&self, by: Duration) {
        self.clock.advance(by);
        self.show_time();
        self.rest().await;
        let mut left = by;
        while !left.is_zero() {
            let stride = left.min(STRIDE);
            tokio::time::advance(stride).await;
            left -= stride;
            // Whoever waits longer than the server may take has its answer before.
            self.rest().await;
        }
    }

    fn has_manual_clock() -> bool {
        true
    }

    fn can_reopen() -> bool {
        true
    }

    async fn reopen(&self) -> Arc<dyn Broker> {
        self.broker().await
    }

    async fn inject_raw(&self, _topic: &TopicName, _bytes: &[u8]) -> bool {
        false
    }
}

fn agrees(kind: Kind, profile: Profile) {
    let at = At::default();
    let (done, is_done) = mpsc::channel::<()>();
    let watched = at.clone();
    let tried = std::thread::spawn(move || {
        let moving = Runtime::new().expect("a runtime starts");
        let server = moving.block_on(RedisByHand::server(kind));
        let (runtime, _guard) = stand_still();
        let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            agree(
                &runtime,
                profile,
                // Short ones, of which a failing one is soon understood.
                &Effort::short(60, 400).of(5..30),
                &watched,
                async || RedisByHand::on(&server),
            );
        }));
        drop(done);
        tried
    });
    // No timer of a runtime that stands still ends what hangs.
    let mut before = at.get();
    while is_done.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
        let now = at.get();
        assert!(now.0 > before.0, "it hangs at {}", now.1);
        before = now;
    }
    if let Err(failed) = tried.join().expect("panics are caught") {
        std::panic::resume_unwind(failed);
    }
}

/// Any step and crashes, in one priority.
///
/// Not in four: what a plain read has brought is handed out before what came back in that moment, whatever its priority.
#[test]
fn agrees_across_crashes() {
    agrees(Kind::Redis7, Profile::Crashes);
}

/// Small topics that fill, age and overflow.
#[test]
fn agrees_on_retention() {
    agrees(Kind::Redis7, Profile::SmallLane);
}

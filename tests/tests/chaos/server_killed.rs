//! F1 and F2: the server is killed every few seconds. With a log that is flushed once a second it may lose what it
//! acknowledged in the two seconds before, and then that is found out.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use glmsg_faults::check::Loss;
use glmsg_faults::server::{Fsync, Kind, RedisServer, RedisSetup};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::place::Place;
use crate::seeds;

/// Keeps the disk of a server busy, so that a flush takes its time.
struct Hog {
    stop: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Hog {
    fn start(redis: &RedisServer) -> Self {
        let (stop, path) = (Arc::new(AtomicBool::new(false)), redis.dir().join("hog"));
        let stopped = stop.clone();
        let task = tokio::task::spawn_blocking(move || {
            let block = vec![0x5a; 32 << 20];
            while !stopped.load(Ordering::Relaxed) {
                let mut file = File::create(&path).expect("a file can be made");
                file.write_all(&block).expect("it can be written");
                file.sync_all().expect("it can be flushed");
            }
        });
        Self { stop, task }
    }

    async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("it ends");
    }
}

/// How long it goes on.
const TIME: Duration = Duration::from_secs(25);
/// What may be lost: Redis puts off a write for at most two seconds while its disk is busy.
const MOST: Duration = Duration::from_secs(2);

async fn case(kind: Kind, fsync: Fsync, durability: &str, seed: u64) {
    let redis = RedisServer::start(kind, RedisSetup::default().fsync(fsync)).await;
    // Enough that a flush has something to do.
    let (pause, payload) = match fsync {
        Fsync::Always => (60, 256),
        _ => (20, 4096),
    };
    let place = Place::begin_with(&redis.url(), durability, seed, (pause, payload)).await;
    let ledger = place.scene.ledger();
    let may_lose = fsync != Fsync::Always && durability == "local";
    let hog = may_lose.then(|| Hog::start(&redis));
    let mut rng = fastrand::Rng::with_seed(seed);
    let (begun, mut kills) = (Instant::now(), 0);
    while begun.elapsed() < TIME || kills < 4 {
        tokio::time::sleep(Duration::from_millis(rng.u64(2000..4000))).await;
        ledger.fault_begin("kill");
        redis.kill9().await;
        redis.restart().await;
        // Until then, who was in the midst of something finds out what the server does not know any more.
        place.goes_on(100).await;
        ledger.fault_end("kill");
        kills += 1;
    }
    if let Some(hog) = hog {
        hog.stop().await;
    }
    place.goes_on(200).await;
    let fsync = match fsync {
        Fsync::Always => "always",
        _ => "everysec",
    };
    let fault = format!("server killed, appendfsync {fsync}");
    let ended = place.end(&fault, |it| {
        let it = it
            .published_at_least(500)
            .faults_at_least(kills)
            .max_attempts(4)
            .publish_gap(Duration::from_secs(15));
        match may_lose {
            true => it.loss(Loss::Counted).loss_within(MOST),
            false => it,
        }
    });
    let (_, told) = ended.await;
    if !may_lose {
        assert_eq!(told.lost(), 0, "nothing is found lost that is not");
    }
}

seeds!(f1_always_local, |seed| case(
    Kind::Redis7,
    Fsync::Always,
    "local",
    seed
));
seeds!(f2_everysec_local, |seed| case(
    Kind::Redis7,
    Fsync::Everysec,
    "local",
    seed
));
seeds!(f2_everysec_fsynced, |seed| case(
    Kind::Redis8,
    Fsync::Everysec,
    "fsynced",
    seed
));

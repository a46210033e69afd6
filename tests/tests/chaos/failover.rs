//! F12: the primary of a Sentinel set is killed, and a replica takes over, again and again.

use std::time::Duration;

use glmsg_faults::check::Loss;
use glmsg_faults::server::{Fsync, Kind, RedisSetup, SentinelSet, SentinelSetup};
use tokio::time::Instant;

use crate::place::Place;
use crate::seeds;

async fn case(durability: &str, seed: u64) {
    let setup = SentinelSetup {
        server: RedisSetup::default().fsync(Fsync::Everysec),
        ..SentinelSetup::default()
    };
    let down_after = setup.down_after;
    let set = SentinelSet::start(Kind::Redis7, setup).await;
    let place = Place::begin(&set.url(), durability, seed, 40).await;
    let ledger = place.scene.ledger();
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut longest = Duration::ZERO;
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(rng.u64(1500..3500))).await;
        let (server, addr) = set.current().await;
        ledger.fault_begin("primary killed");
        let killed = Instant::now();
        server.kill9().await;
        set.fails_over(addr).await;
        longest = longest.max(killed.elapsed());
        set.restart(server).await;
        set.is_whole().await;
        ledger.fault_end("primary killed");
        place.goes_on(200).await;
    }
    println!("another primary after {longest:?}, down after {down_after:?}");
    let may_lose = durability == "local";
    let ended = place.end("Sentinel: primary killed", |it| {
        it.faults_at_least(3)
            // A primary takes along what it alone had: what groups did there is not known any more.
            .loss(Loss::Counted)
            .max_attempts(8)
            .publish_gap(longest + Duration::from_secs(10))
    });
    let (report, told) = ended.await;
    if !may_lose {
        assert_eq!((report.counts.lost, told.lost()), (0, 0), "{report}");
    }
}

seeds!(f12_local, |seed| case("local", seed));
seeds!(f12_replicated, |seed| case("replicated:1", seed));

//! F13: the primary of a Sentinel set is cut off from its replicas and the Sentinels, and not from clients, which go on
//! with it until they hear of another. What it acknowledges meanwhile is lost.

use std::time::Duration;

use glmsg_faults::check::Loss;
use glmsg_faults::server::{Fsync, Kind, RedisSetup, SentinelSet, SentinelSetup};

use crate::place::Place;
use crate::seeds;

async fn case(durability: &str, min_replicas: u8, seed: u64) {
    let min_replicas = min_replicas.to_string();
    let server = RedisSetup::default().fsync(Fsync::Everysec).args([
        "--min-replicas-to-write",
        &min_replicas,
        "--min-replicas-max-lag",
        "2",
    ]);
    let setup = SentinelSetup {
        server,
        ..SentinelSetup::default()
    };
    let set = SentinelSet::start(Kind::Redis7, setup).await;
    let place = Place::begin(&set.url(), durability, seed, 40).await;
    let ledger = place.scene.ledger();
    let mut rng = fastrand::Rng::with_seed(seed);
    tokio::time::sleep(Duration::from_millis(rng.u64(2000..6000))).await;
    ledger.fault_begin("partition");
    set.partition().await;
    set.fails_over(set.first_addr()).await;
    // Clients have left the old primary, and publish again.
    place.goes_on(500).await;
    tokio::time::sleep(Duration::from_millis(rng.u64(1000..4000))).await;
    set.heal().await;
    set.is_whole().await;
    ledger.fault_end("partition");
    place.goes_on(500).await;
    let fault = format!("Sentinel: partition, min-replicas-to-write {min_replicas}");
    let may_lose = durability == "local";
    let ended = place.end(&fault, |it| {
        // A primary takes along what it alone had: what groups did there is not known any more, and what comes again
        // has all its attempts again.
        it.loss(Loss::Counted)
            .max_attempts(8)
            .publish_gap(Duration::from_secs(20))
    });
    let (report, told) = ended.await;
    let (lost, again) = (told.lost(), told.stored_again());
    if may_lose {
        assert!(lost > 0, "the partition has cost nothing: {report}");
        assert!(10 * again >= 9 * lost, "{again} of {lost} are stored again");
    } else {
        assert_eq!((report.counts.lost, lost), (0, 0), "{report}");
    }
}

seeds!(f13_local, |seed| case("local", 0, seed));
seeds!(f13_local_min_replicas, |seed| case("local", 1, seed));
seeds!(f13_replicated, |seed| case("replicated:1", 1, seed));

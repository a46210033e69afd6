//! F14: a Cluster whose slots move under load, and of which a primary is killed.

use std::time::Duration;

use glmsg_faults::check::Loss;
use glmsg_faults::server::{ClusterSet, Fsync, Kind, RedisSetup};

use crate::place::Place;
use crate::seeds;

async fn case(seed: u64) {
    let setup = RedisSetup::default().fsync(Fsync::Everysec);
    let set = ClusterSet::start(Kind::Redis7, setup).await;
    let place = Place::begin(&set.url(), "local", seed, 60).await;
    let ledger = place.scene.ledger();
    let mut rng = fastrand::Rng::with_seed(seed);
    let slot = set.slot_of("glmsg:{glmsg/orders}:meta").await;
    let registry = set.slot_of("glmsg:{glmsg}:topics").await;
    // The topic's slot, and that of the list of all topics, from one primary to the next.
    for moved in [slot, registry, slot] {
        tokio::time::sleep(Duration::from_millis(rng.u64(1000..3000))).await;
        ledger.fault_begin("slot moves");
        let keys = set.move_slot(moved).await;
        place.goes_on(100).await;
        ledger.fault_end("slot moves");
        assert!(keys > 0, "there was nothing in the slot");
    }
    set.is_whole().await;
    tokio::time::sleep(Duration::from_millis(rng.u64(1000..3000))).await;
    let owner = set.owner(slot).await;
    ledger.fault_begin("primary killed");
    owner.kill9().await;
    set.fails_over(slot, owner).await;
    place.goes_on(200).await;
    owner.restart().await;
    set.is_whole().await;
    ledger.fault_end("primary killed");
    place.goes_on(200).await;
    let ended = place.end("Cluster: slots move, primary killed", |it| {
        it.faults_at_least(4)
            .max_attempts(8)
            .loss(Loss::Counted)
            .publish_gap(Duration::from_secs(20))
    });
    ended.await;
}

seeds!(f14_cluster, case);

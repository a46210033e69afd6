//! A replica that takes over without what the primary acknowledged.

use glmsg_faults::server::{Kind, SentinelSet, SentinelSetup};
use glmsg_faults::until;

use crate::place::{PATIENCE, Place};

/// One replica, so that it is known what the next primary has.
async fn set() -> SentinelSet {
    let setup = SentinelSetup {
        replicas: 1,
        ..SentinelSetup::default()
    };
    SentinelSet::start(Kind::Redis7, setup).await
}

async fn is_replicated(set: &SentinelSet, messages: usize) {
    let key = "glmsg:{glmsg/orders}:lane1";
    until("the replica has it", PATIENCE, || async {
        let len = set.replicas()[0].command(&["XLEN", key]).await;
        len.integer() == i64::try_from(messages).ok()
    })
    .await;
}

#[tokio::test]
async fn what_the_primary_acknowledged_while_it_was_cut_off() {
    let set = set().await;
    let mut place = Place::open(&set.url()).await;
    place.publish(50).await;
    is_replicated(&set, 50).await;
    set.partition().await;
    // It does not know yet that it is cut off, and clients do not, either.
    place.publish(120).await;
    set.fails_over(set.first_addr()).await;
    assert_eq!(place.loss().await, (120, 120));
    let stored = place.stored().await;
    assert_eq!(stored.len(), 170);
    assert!(stored.values().all(|times| *times == 1));
    set.heal().await;
}

#[tokio::test]
async fn a_failover_that_loses_nothing_reports_nothing() {
    let set = set().await;
    let mut place = Place::open(&set.url()).await;
    place.publish(50).await;
    is_replicated(&set, 50).await;
    set.primary().kill9().await;
    set.fails_over(set.first_addr()).await;
    place.publish(1).await;
    crate::place::reached(&place).await;
    assert_eq!(place.stored().await.len(), 51);
    assert_eq!(place.events(), []);
}

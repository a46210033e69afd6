//! Bytes that are no message, as a damaged store or a foreign producer leaves them.

use glmsg_broker::DeadLetterSelector;
use glmsg_core::{DeadLetterReason, Original};

use crate::Fixture;
use crate::member::Member;
use crate::messages::{dead_letters, lag, message, redrive, store, topic};

const HOSTILE: [&[u8]; 5] = [
    b"",
    b"\0",
    b"not a message at all",
    &[0xff; 300],
    b"GMSG\x01\xff\xff\xff\xff\xff\xff\xff\xff",
];

/// Bytes that are no message become one dead letter each, with the bytes as they were, and
/// receiving goes on.
///
/// Promise 14
pub async fn bytes_that_are_no_message_become_one_dead_letter<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &[message("before")]).await;
    for bytes in HOSTILE {
        if !f.inject_raw(&topic(), bytes).await {
            return assert_payloads_are_not_touched(&f).await;
        }
    }
    store(&broker, &[message("behind")]).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(2).await;
    assert_eq!(&got[0].message.payload()[..], b"before");
    assert_eq!(&got[1].message.payload()[..], b"behind");
    assert_eq!(member.intake.dead_lettered, 5, "receiving reports it");
    let dead = dead_letters(&broker, "g").await;
    assert_eq!(dead.len(), 5);
    for (dead, bytes) in dead.iter().zip(HOSTILE) {
        assert_eq!(dead.reason, DeadLetterReason::Undecodable);
        assert_eq!(dead.original, Original::Bytes(bytes.to_vec().into()));
        assert_eq!(dead.attempts, 0);
    }
    member.ack_all(&got).await;
    assert_eq!(lag(&broker, "g").await.total(), 0, "nothing is left behind");
}

/// Redriving leaves undecodable bytes where they are; purging removes them.
///
/// Promise 7
pub async fn undecodable_bytes_stay_dead_letters<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &[message("behind")]).await;
    if !f.inject_raw(&topic(), HOSTILE[2]).await {
        return assert_payloads_are_not_touched(&f).await;
    }
    let mut member = Member::join(&broker, "g").await;
    let got = member.next().await;
    member.ack(&got).await;
    member.sweep(1).await;
    assert_eq!(redrive(&broker, "g", &DeadLetterSelector::All).await, 0);
    assert_eq!(dead_letters(&broker, "g").await.len(), 1, "still there");
    let name = crate::messages::group("g");
    let purged = broker
        .purge(&topic(), &name, &DeadLetterSelector::All)
        .await;
    assert_eq!(purged.expect("purging works"), 1);
}

/// Where a store holds nothing but messages, the same bytes as payloads arrive as they are.
async fn assert_payloads_are_not_touched<F: Fixture>(f: &F) {
    let broker = f.broker().await;
    let mut member = Member::join(&broker, "untouched").await;
    let payloads = HOSTILE.map(|bytes| {
        let built = message("").to_builder().id(glmsg_core::MessageId::new());
        built.payload(bytes.to_vec()).build().expect("valid")
    });
    store(&broker, &payloads).await;
    let mut got = member.take(1).await;
    while got.len() < 6 {
        let some = crate::patience::within("the payloads", member.recv(10)).await;
        got.extend(some.expect("receiving works"));
        if got.iter().filter(|d| payloads.contains(&d.message)).count() == 5 {
            return;
        }
    }
    panic!("the payloads did not arrive as they were: {got:?}");
}

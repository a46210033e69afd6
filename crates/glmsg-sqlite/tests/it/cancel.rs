//! Receives that are given up, sources that are dropped.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use glmsg_broker::{Backend, Source};

use crate::store::{
    Place, ack, group, message, messages, numbers, options, publish, receive, topic,
};

/// Polls a future a few times and drops it, finished or not.
async fn begin<F: Future>(future: F, polls: u32) {
    let mut future = pin!(future);
    for _ in 0..polls {
        let mut context = Context::from_waker(Waker::noop());
        if future.as_mut().poll(&mut context).is_ready() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receive_given_up_anywhere_loses_nothing() {
    const ALL: u32 = 400;
    let place = Place::new();
    let broker = place.open().await;
    let mut source = broker.subscribe(&options()).await.unwrap();
    publish(&broker, &messages(ALL)).await;
    let mut seen = BTreeSet::new();
    let mut round = 0;
    while seen.len() < ALL as usize {
        round += 1;
        let mut given_up = Vec::new();
        begin(source.recv(&mut given_up, 5), round % 40).await;
        let mut received = given_up;
        if round % 3 == 0 && seen.len() + received.len() < ALL as usize {
            source.recv(&mut received, 5).await.unwrap();
        }
        for number in numbers(&received) {
            assert!(seen.insert(number), "{number} came twice");
        }
        ack(&source, &received).await;
    }
    let lag = broker.lag(&topic(), &group()).await.unwrap();
    assert_eq!(lag.total(), 0);
}

#[tokio::test]
async fn a_receive_given_up_while_waiting_takes_nothing() {
    let place = Place::new();
    let broker = place.open().await;
    let mut idle = broker.subscribe(&options()).await.unwrap();
    let mut busy = broker.subscribe(&options()).await.unwrap();
    for _ in 0..20 {
        begin(idle.recv(&mut Vec::new(), 5), 1).await;
    }
    // Behind the given up ones in the writer's queue.
    assert_eq!(broker.topics().await.unwrap().len(), 1);
    publish(&broker, &messages(3)).await;
    let first = receive(&mut busy, 3).await;
    assert_eq!(numbers(&first), [0, 1, 2]);
    ack(&busy, &first).await;
    publish(&broker, &[message(9)]).await;
    assert_eq!(numbers(&receive(&mut idle, 1).await), [9]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_source_gives_back_what_it_has_not_handed_out() {
    let place = Place::new();
    let broker = place.open().await;
    publish(&broker, &messages(40)).await;
    let mut kept = broker.subscribe(&options()).await.unwrap();
    for polls in 1..20 {
        let mut dropped = broker.subscribe(&options()).await.unwrap();
        begin(dropped.recv(&mut Vec::new(), 3), polls).await;
    }
    // The clock stands still, so only what was given back can come. What was handed out into the
    // buffers above is gone with its lease.
    let leased = broker.lag(&topic(), &group()).await.unwrap().in_flight;
    let left = 40 - usize::try_from(leased).unwrap();
    let received = receive(&mut kept, left).await;
    assert!(
        received.iter().all(|r| r.attempt == 1),
        "an attempt was counted"
    );
    assert_eq!(broker.groups(&topic()).await.unwrap()[0].members, 1);
}

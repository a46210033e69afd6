//! The step `relieve`.

use super::bench::{Bench, MEMBER, message, show};
use super::on_each_server;

on_each_server! {
    what_every_group_has_finished_is_dropped
    what_somebody_has_not_finished_stays
    without_a_group_nothing_is_dropped
}

async fn what_every_group_has_finished_is_dropped(b: Bench) {
    let mut b = b.alone().await;
    let g = b.topic_and_group().await;
    let all: Vec<_> = (0..5).map(|n| message(&n.to_string())).collect();
    b.publish(&all).await;
    for delivery in b.fetch(&g, MEMBER, 4).await.deliveries {
        b.settle(&g, "a", &delivery, "'' '' '' ''").await;
    }
    b.fill().await;
    assert_eq!(show(&b.step(|s| &s.relieve, "3").await), "3");
    assert_eq!(
        show(&b.step(|s| &s.relieve, "3").await),
        "1",
        "what is left of it"
    );
    assert_eq!(show(&b.step(|s| &s.relieve, "3").await), "0");
    assert_eq!(b.number("XLEN lane1").await, 1);
    assert_eq!(b.number("SCARD ids").await, 1);
}

async fn what_somebody_has_not_finished_stays(mut b: Bench) {
    let g = b.topic_and_group().await;
    b.group("idle", "none").await;
    b.publish(&[message("a"), message("b")]).await;
    for delivery in b.fetch(&g, MEMBER, 4).await.deliveries {
        b.settle(&g, "a", &delivery, "'' '' '' ''").await;
    }
    assert_eq!(show(&b.step(|s| &s.relieve, "9").await), "0");
    assert_eq!(b.number("XLEN lane1").await, 2);
}

async fn without_a_group_nothing_is_dropped(mut b: Bench) {
    b.make(10, "reject").await;
    b.publish(&[message("a")]).await;
    assert_eq!(show(&b.step(|s| &s.relieve, "9").await), "0");
    assert_eq!(b.number("XLEN lane1").await, 1);
}

//! The step `delete`.

use super::bench::{Bench, MEMBER, message, show};
use super::on_each_server;

on_each_server! {
    a_group_is_deleted_once_with_all_that_is_its
    a_topic_is_deleted_once_with_all_that_is_its
    a_full_server_deletes
}

async fn a_group_is_deleted_once_with_all_that_is_its(mut b: Bench) {
    let (g, h) = {
        b.make(10, "reject").await;
        (b.group("g", "none").await, b.group("h", "none").await)
    };
    b.publish(&[message("a"), message("b")]).await;
    let got = b.fetch(&g, MEMBER, 9).await.deliveries;
    b.settle(&g, "n", &got[0], "'' 2 1 bad").await;
    b.settle(&g, "n", &got[1], "60000 1 0 failed").await;
    assert_eq!(show(&b.step(|s| &s.delete, "g").await), "1");
    assert_eq!(show(&b.step(|s| &s.delete, "g").await), "0", "repeated");
    let own = g.all()[12..].join(" ");
    assert_eq!(b.number(&format!("EXISTS {own}")).await, 0);
    assert_eq!(
        b.fetch(&h, MEMBER, 9).await.deliveries.len(),
        2,
        "others go on"
    );
    assert!(b.number("TTL gone").await > 0, "the mark goes by itself");
}

async fn a_topic_is_deleted_once_with_all_that_is_its(mut b: Bench) {
    let g = b.topic_and_group().await;
    b.publish(&[message("a")]).await;
    b.fetch(&g, MEMBER, 9).await;
    assert_eq!(show(&b.step(|s| &s.delete, "").await), "1");
    assert_eq!(show(&b.step(|s| &s.delete, "").await), "0", "repeated");
    b.run("DEL gone").await;
    let all = g.all().join(" ");
    assert_eq!(b.number(&format!("EXISTS {all}")).await, 0);
}

async fn a_full_server_deletes(b: Bench) {
    let mut b = b.alone().await;
    b.topic_and_group().await;
    b.publish(&[message("a")]).await;
    b.fill().await;
    assert_eq!(show(&b.step(|s| &s.delete, "g").await), "1");
    assert_eq!(show(&b.step(|s| &s.delete, "").await), "1");
    assert_eq!(b.number("EXISTS meta lane1 ids").await, 0);
}

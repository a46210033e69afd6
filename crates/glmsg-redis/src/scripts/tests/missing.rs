//! The step `missing`.

use super::bench::{Bench, MEMBER, message, show};
use super::on_each_server;

on_each_server! {
    what_is_there_is_told_from_what_was_lost
    what_was_dropped_is_not_lost
    what_was_deleted_is_not_lost
}

async fn what_is_there_is_told_from_what_was_lost(mut b: Bench) {
    b.make(10, "reject").await;
    let stored = b.publish(&[message("a"), message("b")]).await;
    b.run(&format!("XDEL lane1 {}", stored[0])).await;
    let ask = format!("1 {} * 1 {} * 2 {} *", stored[0], stored[1], stored[1]);
    for _ in 0..2 {
        let found = b.step(|s| &s.missing, &ask).await;
        assert_eq!(show(&found), "[1, 0, 1]");
    }
    b.run("DEL meta groups ids lane0 lane1 lane2 lane3 bell")
        .await;
    let found = b.step(|s| &s.missing, &ask).await;
    assert_eq!(show(&found), "[1, 1, 1]", "all, after a loss of the topic");
}

async fn what_was_dropped_is_not_lost(mut b: Bench) {
    let g = b.topic_and_group().await;
    let stored = b.publish(&[message("a"), message("b")]).await;
    for delivery in b.fetch(&g, MEMBER, 9).await.deliveries {
        b.settle(&g, "a", &delivery, "'' '' '' ''").await;
    }
    b.step(|s| &s.relieve, "1").await;
    let ask = format!("1 {} * 1 {} *", stored[0], stored[1]);
    assert_eq!(show(&b.step(|s| &s.missing, &ask).await), "[2, 0]");
}

async fn what_was_deleted_is_not_lost(mut b: Bench) {
    b.make(10, "reject").await;
    let stored = b.publish(&[message("a")]).await;
    b.step(|s| &s.delete, "").await;
    let ask = format!("1 {} *", stored[0]);
    assert_eq!(show(&b.step(|s| &s.missing, &ask).await), "[2]");
    b.step(|s| &s.ensure, "1 10 1 reject 1 ''").await;
    assert_eq!(
        show(&b.step(|s| &s.missing, &ask).await),
        "[2]",
        "nor when it is made anew"
    );
}

//! The step `fetch`.

use std::time::Duration;

use glmsg_core::Priority;

use super::bench::{Bench, MEMBER, build, builder, message, show};
use super::on_each_server;

on_each_server! {
    new_messages_are_delivered_in_order_and_held
    a_repeated_fetch_gives_nothing_twice
    what_came_back_comes_first_and_is_counted
    a_lease_that_ran_out_is_an_attempt
    an_attempt_too_many_is_a_dead_letter
    what_has_expired_is_a_dead_letter
    higher_priorities_come_first_and_the_lowest_moves
    the_order_of_a_key_is_kept
    a_lost_group_is_told_from_a_deleted_one
    what_rang_has_been_seen
    a_killed_member_leaves_no_name_on_the_bell
    a_lost_bell_is_a_loss
    a_full_server_delivers
}

async fn new_messages_are_delivered_in_order_and_held(mut b: Bench) {
    let g = b.topic_and_group().await;
    let stored = b.publish(&[message("a"), message("b"), message("c")]).await;
    let got = b.fetch(&g, MEMBER, 2).await;
    let ids: Vec<_> = got.deliveries.iter().map(|d| d.id.clone()).collect();
    assert_eq!(ids, stored[..2]);
    assert_eq!(got.attempts(), ["1", "1"]);
    assert_eq!(b.pending(&g).await, 2);
    assert_eq!(b.fetch(&g, "n@30000", 9).await.deliveries.len(), 1);
}

async fn a_repeated_fetch_gives_nothing_twice(mut b: Bench) {
    let g = b.topic_and_group().await;
    b.publish(&[message("a"), message("b")]).await;
    let lost = b.fetch(&g, MEMBER, 1).await.deliveries;
    let got = b.fetch(&g, MEMBER, 9).await.deliveries;
    assert_eq!(got.len(), 1);
    assert_ne!(got[0].id, lost[0].id);
    // What a lost answer had delivered is found among what is held, and goes back uncounted.
    assert_eq!(b.settle(&g, "r", &lost[0], "'' '' '' ''").await, "[[L]]");
    let again = b.fetch(&g, MEMBER, 9).await;
    assert_eq!(again.attempts(), ["1"]);
}

async fn what_came_back_comes_first_and_is_counted(mut b: Bench) {
    let g = b.topic_and_group().await;
    b.publish(&[message("a"), message("b")]).await;
    let got = b.fetch(&g, MEMBER, 1).await.deliveries;
    b.settle(&g, "n", &got[0], "0 1 0 failed").await;
    let again = b.fetch(&g, MEMBER, 2).await;
    assert_eq!(again.attempts(), ["2", "1"]);
    assert_eq!(again.deliveries[0].id, got[0].id);
}

async fn a_lease_that_ran_out_is_an_attempt(mut b: Bench) {
    let g = b.topic_and_group().await;
    b.publish(&[message("a")]).await;
    let got = b.fetch(&g, MEMBER, 1).await.deliveries;
    assert_eq!(
        b.fetch(&g, "n@30000", 9).await.deliveries.len(),
        0,
        "it is held"
    );
    b.settle(&g, "e", &got[0], "0 '' '' ''").await;
    let again = b.fetch(&g, "n@30000", 9).await;
    assert_eq!(again.attempts(), ["2"]);
    assert_eq!(
        b.settle(&g, "a", &got[0], "'' '' '' ''").await,
        "[[S]]",
        "too late"
    );
}

async fn an_attempt_too_many_is_a_dead_letter(mut b: Bench) {
    let g = b.topic_and_group().await;
    b.publish(&[build(builder("once").max_retries(0))]).await;
    let got = b.fetch(&g, MEMBER, 1).await.deliveries;
    b.settle(&g, "e", &got[0], "0 '' '' ''").await;
    let again = b.fetch(&g, "n@30000", 9).await;
    assert_eq!((again.deliveries.len(), &*again.dead), (0, "1"));
    assert_eq!(b.dead(&g).await, 1);
    assert_eq!(b.pending(&g).await, 0);
    let repeated = b.fetch(&g, "n@30000", 9).await;
    assert_eq!(repeated.dead, "0");
    assert_eq!(b.dead(&g).await, 1, "one letter");
}

async fn what_has_expired_is_a_dead_letter(mut b: Bench) {
    let g = b.topic_and_group().await;
    let short = build(builder("short").ttl(Duration::ZERO));
    b.publish(&[short, message("b")]).await;
    let got = b.fetch(&g, MEMBER, 9).await;
    assert_eq!((got.deliveries.len(), &*got.expired), (1, "1"));
    assert_eq!(b.dead(&g).await, 1);
    assert_eq!(b.fetch(&g, MEMBER, 9).await.expired, "0", "once");
}

async fn higher_priorities_come_first_and_the_lowest_moves(mut b: Bench) {
    b.make(1000, "reject").await;
    let g = b.group("g", "none").await;
    let of = |p: Priority| build(builder("x").priority(p));
    let low: Vec<_> = (0..5).map(|_| of(Priority::Low)).collect();
    let high: Vec<_> = (0..40).map(|_| of(Priority::Critical)).collect();
    b.publish(&low).await;
    b.publish(&high).await;
    let got = b.fetch(&g, MEMBER, 32).await.deliveries;
    let lanes: String = got.iter().map(|d| &*d.lane).collect();
    assert_eq!(lanes, format!("{0}0{0}0", "3".repeat(15)));
}

async fn the_order_of_a_key_is_kept(mut b: Bench) {
    b.make(10, "reject").await;
    let g = b.group("g", "key").await;
    let of = |key: &str| build(builder("x").key(key));
    let stored = b.publish(&[of("k"), of("k"), of("j")]).await;
    let got = b.fetch(&g, MEMBER, 9).await.deliveries;
    let ids: Vec<_> = got.iter().map(|d| d.id.clone()).collect();
    assert_eq!(
        ids,
        [stored[0].clone(), stored[2].clone()],
        "k's second waits"
    );
    b.settle(&g, "n", &got[0], "60000 1 0 failed").await;
    assert_eq!(
        b.fetch(&g, MEMBER, 9).await.deliveries.len(),
        0,
        "also for a retry"
    );
    // The retry is due now.
    let waiting = g.all()[12].clone();
    let all = super::bench::list(b.run(&format!("ZRANGE {waiting} 0 -1")).await);
    b.run(&format!("ZADD {waiting} 1 {}", show(&all[0]))).await;
    let got = b.fetch(&g, MEMBER, 9).await;
    assert_eq!(got.attempts(), ["2"]);
    b.settle(&g, "a", &got.deliveries[0], "'' '' '' ''").await;
    let got = b.fetch(&g, MEMBER, 9).await.deliveries;
    assert_eq!(got[0].id, stored[1], "now the second");
}

async fn a_lost_group_is_told_from_a_deleted_one(mut b: Bench) {
    let g = b.topic_and_group().await;
    let h = b.group("h", "none").await;
    b.step(|s| &s.delete, "g").await;
    assert_eq!(show(&b.try_fetch(&g, MEMBER, 1).await), "[GONE]");
    b.run("HDEL groups h").await;
    assert_eq!(show(&b.try_fetch(&h, MEMBER, 1).await), "[LOST]");
    // Made anew under the same name, it is another one.
    b.run("HSET groups h none|1|0000ffff").await;
    assert_eq!(show(&b.try_fetch(&h, MEMBER, 1).await), "[GONE]");
    b.run("DEL meta groups gone lane0 lane1 lane2 lane3 bell")
        .await;
    assert_eq!(show(&b.try_fetch(&h, MEMBER, 1).await), "[LOST]");
    let members = g.all()[21].clone();
    assert_eq!(
        b.number(&format!("EXISTS {members}")).await,
        0,
        "nothing is begun"
    );
}

async fn what_rang_has_been_seen(mut b: Bench) {
    let g = b.topic_and_group().await;
    let of = |p: Priority| build(builder("x").priority(p));
    let hear = format!("XREADGROUP GROUP {} {MEMBER} STREAMS bell >", g.stream_name);
    b.publish(&[of(Priority::Critical)]).await;
    assert_eq!(b.fetch(&g, MEMBER, 9).await.deliveries.len(), 1);
    assert_eq!(show(&b.run(&hear).await), "nil", "nobody need look again");
    b.publish(&[of(Priority::High)]).await;
    assert_ne!(show(&b.run(&hear).await), "nil", "a first of its lane");
    assert_eq!(b.fetch(&g, MEMBER, 9).await.deliveries.len(), 1);
    let heard = format!("XPENDING bell {}", g.stream_name);
    assert!(show(&b.run(&heard).await).starts_with("[0,"));
}

async fn a_killed_member_leaves_no_name_on_the_bell(mut b: Bench) {
    let g = b.topic_and_group().await;
    b.publish(&[build(builder("x").priority(Priority::High))])
        .await;
    let hear = format!("XREADGROUP GROUP {} dead@1 STREAMS bell >", g.stream_name);
    assert_ne!(show(&b.run(&hear).await), "nil", "it is called, and killed");
    let join = format!("XGROUP CREATECONSUMER bell {} n@30000", g.stream_name);
    b.run(&join).await;
    b.run(&format!("HSET {} n@30000 99999999999999999", g.all()[21]))
        .await;
    let consumers = format!("XINFO CONSUMERS bell {}", g.stream_name);
    assert!(show(&b.run(&consumers).await).contains("dead@1"));
    assert_eq!(b.fetch(&g, MEMBER, 9).await.deliveries.len(), 1);
    let left = show(&b.run(&consumers).await);
    assert!(!left.contains("dead@1"), "{left}");
    assert!(left.contains("n@30000"), "it waits still: {left}");
}

async fn a_lost_bell_is_a_loss(mut b: Bench) {
    let g = b.topic_and_group().await;
    b.publish(&[message("a")]).await;
    b.run("DEL bell").await;
    assert_eq!(show(&b.try_fetch(&g, MEMBER, 1).await), "[LOST]");
    assert_eq!(b.pending(&g).await, 0, "nothing is delivered");
}

async fn a_full_server_delivers(b: Bench) {
    let mut b = b.alone().await;
    let g = b.topic_and_group().await;
    let later = build(builder("later").delay(Duration::from_secs(3600)));
    let short = build(builder("short").ttl(Duration::ZERO));
    let once = build(builder("once").max_retries(0));
    b.publish(&[once, message("b"), short, later]).await;
    let got = b.fetch(&g, MEMBER, 1).await.deliveries;
    b.settle(&g, "e", &got[0], "0 '' '' ''").await;
    let due = super::bench::list(b.run("ZRANGE due 0 0").await).remove(0);
    let redis::Value::BulkString(due) = due else {
        panic!("{due:?}");
    };
    let mut now = redis::cmd("ZADD");
    now.arg(&b.topic.all()[9]).arg(1).arg(due);
    b.send(now).await;
    b.fill().await;
    let got = b.fetch(&g, "n@30000", 9).await;
    assert_eq!(
        got.attempts(),
        ["1", "1"],
        "the second, and the one that was due"
    );
    assert_eq!((&*got.expired, &*got.dead), ("1", "1"));
    assert_eq!(b.dead(&g).await, 2);
}

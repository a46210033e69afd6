//! The step `publish`.

use std::time::Duration;

use glmsg_core::{Priority, wire};

use super::bench::{Bench, MEMBER, build, builder, is_entry, list, message, show};
use super::on_each_server;

on_each_server! {
    a_message_is_stored_once
    a_topic_that_is_not_there_is_not_made
    a_full_topic_refuses
    what_every_group_has_finished_gives_way
    the_oldest_gives_way_where_the_topic_says_so
    a_bound_that_was_lowered_holds_from_then_on
    what_gave_way_is_no_longer_to_be_delivered
    a_scheduled_message_waits
    every_priority_has_its_lane_and_the_order_is_one
    what_plain_commands_have_stored_is_known
    a_full_server_refuses_and_nothing_is_begun
    a_topic_that_has_lost_a_lane_goes_on
    a_lane_that_had_nothing_rings
}

async fn a_lane_that_had_nothing_rings(mut b: Bench) {
    b.make(10, "reject").await;
    let urgent = || build(builder("urgent").priority(Priority::High));
    let mut rung = vec![show(&b.run("XREVRANGE bell + - COUNT 1").await)];
    // Who waits reads the normal lane in any case, and others once they had something.
    for message in [message("normal"), urgent(), urgent()] {
        b.publish(&[message]).await;
        rung.push(show(&b.run("XREVRANGE bell + - COUNT 1").await));
    }
    let has_rung: Vec<bool> = rung.windows(2).map(|two| two[0] != two[1]).collect();
    assert_eq!(has_rung, [false, true, false], "{rung:?}");
}

async fn a_topic_that_has_lost_a_lane_goes_on(mut b: Bench) {
    b.make(10, "reject").await;
    let g = b.group("g", "none").await;
    let urgent = |text| builder(text).priority(Priority::High);
    let soon = build(urgent("soon").delay(Duration::from_millis(1)));
    b.publish(&[message("lost"), soon]).await;
    // As an operator, or an eviction, may.
    assert_eq!(b.number("DEL lane1").await, 1);
    while b.number("EXISTS due").await == 1 {
        let answer = show(&b.step(|s| &s.topic, "").await);
        assert!(!answer.contains("ERR"), "{answer}");
    }
    let stored = b.publish(&[build(urgent("now"))]).await;
    assert!(is_entry(&stored[0]), "{stored:?}");
    assert_eq!(b.number("XLEN lane2").await, 2, "the scheduled one, too");
    let stored = b.publish(&[message("later")]).await;
    assert!(is_entry(&stored[0]), "{stored:?}");
    // Who receives finds out that its group is gone there.
    assert_eq!(show(&b.try_fetch(&g, MEMBER, 10).await), "[LOST]");
}

async fn a_message_is_stored_once(mut b: Bench) {
    b.make(10, "reject").await;
    let both = [message("a"), message("b")];
    let stored = b.publish(&both).await;
    assert!(stored.iter().all(|word| is_entry(word)), "{stored:?}");
    // As after a lost answer.
    assert_eq!(b.publish(&both).await, ["1", "1"]);
    let [a, _] = both;
    let again = b.publish(&[message("c"), a]).await;
    assert!(is_entry(&again[0]) && again[1] == "1", "{again:?}");
    assert_eq!(b.number("XLEN lane1").await, 3);
    let c = message("twice in one call");
    let both = b.publish(&[c.clone(), c]).await;
    assert!(is_entry(&both[0]) && both[1] == "1", "{both:?}");
}

async fn a_topic_that_is_not_there_is_not_made(mut b: Bench) {
    let answer = b.try_publish(&[message("a")]).await;
    assert_eq!(show(&answer), "[ABSENT]");
    assert_eq!(b.number("EXISTS meta lane1 ids due").await, 0);
}

async fn a_full_topic_refuses(mut b: Bench) {
    b.make(2, "reject").await;
    let three = [message("a"), message("b"), message("c")];
    let stored = b.publish(&three).await;
    assert!(is_entry(&stored[1]) && stored[2] == "2", "{stored:?}");
    assert_eq!(b.publish(&three).await, ["1", "1", "2"], "repeated");
    assert_eq!(b.number("XLEN lane1").await, 2);
    assert_eq!(
        b.number("SCARD ids").await,
        2,
        "what is refused is not known"
    );
}

async fn what_every_group_has_finished_gives_way(mut b: Bench) {
    b.make(2, "reject").await;
    let (g, h) = (b.group("g", "none").await, b.group("h", "none").await);
    let first = [message("a"), message("b")];
    b.publish(&first).await;
    let got = b.fetch(&g, MEMBER, 1).await.deliveries;
    b.settle(&g, "a", &got[0], "'' '' '' ''").await;
    assert_eq!(b.publish(&[message("c")]).await, ["2"], "h has not");
    let got = b.fetch(&h, MEMBER, 1).await.deliveries;
    b.settle(&h, "a", &got[0], "'' '' '' ''").await;
    let stored = b.publish(&[message("c"), message("d")]).await;
    assert!(is_entry(&stored[0]) && stored[1] == "2", "{stored:?}");
    let [a, _] = first;
    let stored = b.publish(&[a]).await;
    assert_eq!(
        stored,
        ["2"],
        "it is not known any more, and there is no room"
    );
}

async fn the_oldest_gives_way_where_the_topic_says_so(mut b: Bench) {
    b.make(2, "drop-oldest").await;
    let g = b.group("g", "none").await;
    b.publish(&[message("a"), message("b")]).await;
    b.fetch(&g, MEMBER, 2).await;
    let stored = b.publish(&[message("c")]).await;
    assert!(is_entry(&stored[0]), "{stored:?}");
    assert_eq!(b.number("XLEN lane1").await, 2);
    assert_eq!(b.pending(&g).await, 1, "the group keeps no ghost of it");
}

async fn a_bound_that_was_lowered_holds_from_then_on(mut b: Bench) {
    b.make(10, "drop-oldest").await;
    b.group("g", "none").await;
    let nine: Vec<_> = (0..9).map(|n| message(&n.to_string())).collect();
    b.publish(&nine).await;
    b.run("HSET meta len 5").await;
    assert!(is_entry(&b.publish(&[message("ten")]).await[0]));
    assert_eq!(b.number("XLEN lane1").await, 5);
    b.run("HSET meta len 3 overflow reject").await;
    let refused = b.publish(&[message("eleven")]).await;
    assert_eq!((&*refused[0], b.number("XLEN lane1").await), ("2", 5));
}

async fn what_gave_way_is_no_longer_to_be_delivered(mut b: Bench) {
    b.make(3, "drop-oldest").await;
    let (g, h) = (b.group("g", "none").await, b.group("h", "none").await);
    b.publish(&[message("a"), message("b"), message("c")]).await;
    b.fetch(&g, MEMBER, 1).await;
    for n in 0..5 {
        b.publish(&[message(&n.to_string())]).await;
        let behind = show(&b.group_step(|s| &s.lag, &h, "").await);
        assert!(behind.starts_with("[OK, 3, 0, 0, 0, "), "{behind}");
    }
    let behind = show(&b.group_step(|s| &s.lag, &g, "").await);
    assert!(behind.starts_with("[OK, 3, 0, 0, 0, "), "{behind}");
    assert_eq!(b.fetch(&h, MEMBER, 2).await.deliveries.len(), 2);
    let behind = show(&b.group_step(|s| &s.lag, &h, "").await);
    assert!(behind.starts_with("[OK, 1, 2, 0, 0, "), "{behind}");
}

async fn a_scheduled_message_waits(mut b: Bench) {
    let g = b.topic_and_group().await;
    let later = build(builder("later").delay(Duration::from_secs(3600)));
    let past = build(builder("due").deliver_at("2020-01-01T00:00:00Z".parse().unwrap()));
    let both = [later, past];
    let stored = b.publish(&both).await;
    assert_eq!(stored[0], "0", "scheduled");
    assert!(is_entry(&stored[1]), "due at once: {stored:?}");
    assert_eq!(b.publish(&both).await, ["1", "1"], "repeated");
    assert_eq!(b.number("ZCARD due").await, 1);
    assert_eq!(b.number("HLEN body").await, 1);
    assert!(b.number("XLEN bell").await > 0, "who waits is told");
    assert_eq!(b.fetch(&g, MEMBER, 9).await.deliveries.len(), 1);
    // Its time comes.
    let due = b.run("ZRANGE due 0 0").await;
    let name = list(due).remove(0);
    let redis::Value::BulkString(name) = name else {
        panic!("{name:?}");
    };
    let mut now = redis::cmd("ZADD");
    now.arg(&b.topic.all()[9]).arg(1).arg(name);
    b.send(now).await;
    assert_eq!(b.fetch(&g, MEMBER, 9).await.deliveries.len(), 1);
    assert_eq!(b.number("EXISTS due body").await, 0);
}

async fn every_priority_has_its_lane_and_the_order_is_one(mut b: Bench) {
    b.make(10, "reject").await;
    let all = Priority::ALL.map(|p| build(builder("x").priority(p)));
    let mut stored = b.publish(&all).await;
    stored.extend(b.publish(&[message("y")]).await);
    let ids: Vec<_> = stored
        .iter()
        .map(|id| crate::place::EntryId::parse(id).unwrap())
        .collect();
    assert!(ids.is_sorted(), "{stored:?}");
    for (lane, messages) in [(0, 1), (1, 2), (2, 1), (3, 1)] {
        let len = b.number(&format!("XLEN lane{lane}")).await;
        assert_eq!(len, messages, "lane {lane}");
    }
}

async fn what_plain_commands_have_stored_is_known(mut b: Bench) {
    b.make(1000, "reject").await;
    let some: Vec<_> = (0..300).map(|n| message(&n.to_string())).collect();
    for message in &some {
        let mut add = redis::cmd("XADD");
        add.arg(b.topic.lane(1)).arg("*").arg("d");
        add.arg(wire::encode(message).as_ref());
        b.send(add).await;
    }
    assert_eq!(b.number("SCARD ids").await, 0);
    let again = b
        .publish(&[some[0].clone(), some[299].clone(), message("new")])
        .await;
    assert!(again[..2] == ["1", "1"] && is_entry(&again[2]), "{again:?}");
    assert_eq!(b.number("SCARD ids").await, 301);
}

async fn a_full_server_refuses_and_nothing_is_begun(b: Bench) {
    let mut b = b.alone().await;
    b.make(10, "reject").await;
    b.fill().await;
    for message in [
        message("usual"),
        build(builder("high").priority(Priority::High)),
        build(builder("later").delay(Duration::from_secs(9))),
    ] {
        let answer = show(&b.try_publish(&[message]).await);
        assert!(answer.contains("OOM"), "{answer}");
    }
    assert_eq!(b.number("EXISTS ids due body lane2").await, 0);
    assert_eq!(b.number("XLEN lane1").await, 0);
    b.empty().await;
    assert!(is_entry(&b.publish(&[message("a")]).await[0]));
}

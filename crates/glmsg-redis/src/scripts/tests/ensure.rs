//! The step `ensure`.

use super::bench::{Bench, MEMBER, list, message, show};
use super::on_each_server;

on_each_server! {
    a_topic_is_made_once
    bounds_change_only_where_that_is_asked
    a_group_is_made_once
    a_group_that_must_be_new_is_told_that_it_is_not
    a_group_begins_where_it_is_told_to
    what_is_missing_of_a_group_is_made_again
    a_topic_after_a_deletion_is_told_from_one_after_a_loss
    order_by_key_and_frames_exclude_each_other
}

const BOUNDS: &str = "10 604800000 reject 2592000000 ''";

async fn a_topic_is_made_once(mut b: Bench) {
    let make = format!("0 {BOUNDS}");
    assert_eq!(show(&b.step(|s| &s.ensure, &make).await), "[1]");
    let created = show(&b.run("HGET meta created").await);
    assert_eq!(show(&b.step(|s| &s.ensure, &make).await), "[0]", "repeated");
    assert_eq!(show(&b.run("HGET meta created").await), created);
    assert_eq!(b.number("XLEN lane1").await, 0);
    assert_eq!(b.number("EXISTS lane1").await, 1, "it is there, empty");
}

async fn bounds_change_only_where_that_is_asked(mut b: Bench) {
    b.make(10, "reject").await;
    let other = "20 1 drop-oldest 2 ''";
    b.step(|s| &s.ensure, &format!("0 {other}")).await;
    assert_eq!(
        show(&b.run("HMGET meta len overflow").await),
        "[10, reject]"
    );
    for _ in 0..2 {
        b.step(|s| &s.ensure, &format!("1 {other}")).await;
        let now = show(&b.run("HMGET meta len age overflow letters").await);
        assert_eq!(now, "[20, 1, drop-oldest, 2]");
    }
}

async fn a_group_is_made_once(mut b: Bench) {
    let make = |incarnation: &str| format!("0 {BOUNDS} g none {incarnation} 0 0 ''");
    let made = list(b.step(|s| &s.ensure, &make("0000aaaa")).await);
    assert_eq!((show(&made[0]), show(&made[2])), ("1".into(), "1".into()));
    // Repeated, or by another at the same time: the first one counts.
    let again = list(b.step(|s| &s.ensure, &make("0000bbbb")).await);
    assert_eq!(show(&again[0]), "0");
    assert_eq!(show(&again[1]), show(&made[1]), "the same row");
    assert_eq!(show(&again[2]), "0");
    assert!(show(&made[1]).ends_with("|0000aaaa"));
    for lane in 0..4 {
        let groups = list(b.run(&format!("XINFO GROUPS lane{lane}")).await);
        assert_eq!(groups.len(), 1, "lane {lane}");
    }
    assert_eq!(list(b.run("XINFO GROUPS bell").await).len(), 1);
}

async fn a_group_that_must_be_new_is_told_that_it_is_not(mut b: Bench) {
    let make = format!("0 {BOUNDS} g none 0000aaaa 1 0 ''");
    assert_eq!(show(&list(b.step(|s| &s.ensure, &make).await)[2]), "1");
    assert_eq!(show(&list(b.step(|s| &s.ensure, &make).await)[2]), "0");
}

async fn a_group_begins_where_it_is_told_to(mut b: Bench) {
    b.make(10, "reject").await;
    let stored = b.publish(&[message("a"), message("b"), message("c")]).await;
    for (name, start, left) in [("all", "0", 3), ("rest", &stored[0], 2), ("new", "$", 0)] {
        let make = format!("0 {BOUNDS} {name} none 0000aaaa 1 {start} ''");
        let row = show(&list(b.step(|s| &s.ensure, &make).await)[1]);
        let group = crate::keys::GroupKeys::new(
            &b.topic,
            &glmsg_core::GroupName::new(name).unwrap(),
            &crate::keys::GroupRow::parse(&row).unwrap(),
        );
        let got = b.fetch(&group, MEMBER, 9).await.deliveries;
        assert_eq!(got.len(), left, "{name}");
    }
}

async fn what_is_missing_of_a_group_is_made_again(mut b: Bench) {
    let g = b.topic_and_group().await;
    b.publish(&[message("a")]).await;
    b.run(&format!("XGROUP DESTROY lane2 {}", g.stream_name))
        .await;
    b.run("DEL bell").await;
    let make = format!("0 {BOUNDS} g none 0000ffff 0 0 ''");
    let made = list(b.step(|s| &s.ensure, &make).await);
    assert_eq!(show(&made[2]), "2", "a part was made again");
    assert_eq!(show(&list(b.step(|s| &s.ensure, &make).await)[2]), "0");
    assert_eq!(b.fetch(&g, MEMBER, 9).await.deliveries.len(), 1);
}

async fn a_topic_after_a_deletion_is_told_from_one_after_a_loss(mut b: Bench) {
    let make = format!("0 {BOUNDS}");
    b.step(|s| &s.ensure, &make).await;
    b.step(|s| &s.delete, "").await;
    assert_eq!(show(&b.step(|s| &s.ensure, &make).await), "[2]", "deleted");
    b.run("DEL meta groups gone ids lane0 lane1 lane2 lane3 bell")
        .await;
    assert_eq!(show(&b.step(|s| &s.ensure, &make).await), "[1]", "lost");
}

async fn order_by_key_and_frames_exclude_each_other(mut b: Bench) {
    let framed = "1 1000 604800000 reject 2592000000 100_1000";
    assert_eq!(show(&b.step(|s| &s.ensure, framed).await), "[1]");
    let by_key = format!("0 {BOUNDS} g key 0000aaaa 0 0 ''");
    assert_eq!(show(&b.step(|s| &s.ensure, &by_key).await), "[FRAMED]");
    assert_eq!(b.number("EXISTS groups").await, 0, "it is not made");
    b.step(|s| &s.ensure, &format!("1 {BOUNDS}")).await;
    assert_eq!(list(b.step(|s| &s.ensure, &by_key).await).len(), 3);
    assert_eq!(show(&b.step(|s| &s.ensure, framed).await), "[FRAMED]");
    assert_eq!(
        show(&b.run("HGET meta =frames").await),
        "",
        "it is not changed"
    );
}

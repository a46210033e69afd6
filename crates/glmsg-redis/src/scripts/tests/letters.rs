//! The step `letters`.

use super::bench::{Bench, MEMBER, build, builder, list, message, show};
use super::on_each_server;
use crate::keys::GroupKeys;

on_each_server! {
    letters_are_listed_in_the_order_of_dying
    a_redrive_moves_each_once
    a_redriven_message_is_before_the_next_of_its_key
    a_letter_whose_message_is_gone_comes_back_all_the_same
    what_is_no_message_stays
    a_purge_deletes_each_once
    some_are_chosen_by_reason_or_id
    a_lost_group_is_told_from_a_deleted_one
    a_full_server_redrives_and_purges
}

/// A topic and a group with so many dead letters.
async fn dead(b: &mut Bench, n: usize) -> GroupKeys {
    let g = b.topic_and_group().await;
    let all: Vec<_> = (0..n).map(|n| message(&n.to_string())).collect();
    b.publish(&all).await;
    for delivery in b.fetch(&g, MEMBER, 9).await.deliveries {
        b.settle(&g, "n", &delivery, "'' 2 1 bad").await;
    }
    assert_eq!(b.dead(&g).await, i64::try_from(n).unwrap());
    g
}

/// What the step answers: where it ended, and how many it listed or moved.
async fn ask(b: &mut Bench, g: &GroupKeys, arguments: &str) -> (String, usize) {
    let mut words = list(b.group_step(|s| &s.letters, g, arguments).await);
    assert_eq!(show(&words[0]), "OK");
    let moved = match words.remove(3) {
        redis::Value::Int(moved) => usize::try_from(moved).unwrap(),
        listed => list(listed).len(),
    };
    (show(&words[1]), moved)
}

async fn a_redriven_message_is_before_the_next_of_its_key(mut b: Bench) {
    b.make(10, "reject").await;
    let g = b.group("g", "key").await;
    let of = |payload: &str| build(builder(payload).key("k"));
    let stored = b.publish(&[of("a"), of("b"), of("c")]).await;
    let got = b.fetch(&g, MEMBER, 9).await.deliveries;
    b.settle(&g, "n", &got[0], "'' 2 1 bad").await;
    assert_eq!(ask(&mut b, &g, "redrive '' '' 9 all").await.1, 1);
    for id in stored {
        let mut got = b.fetch(&g, MEMBER, 9).await.deliveries;
        assert_eq!(got.len(), 1, "one of a key at a time");
        assert_eq!(got[0].id, id);
        b.settle(&g, "a", &got.remove(0), "'' '' '' ''").await;
    }
}

async fn letters_are_listed_in_the_order_of_dying(mut b: Bench) {
    let g = dead(&mut b, 5).await;
    assert_eq!(
        ask(&mut b, &g, "list '' '' 9 all").await,
        (String::new(), 5)
    );
    let (after, listed) = ask(&mut b, &g, "list '' '' 2 all").await;
    assert_eq!((&*after, listed), ("0000000000000002", 2));
    assert_eq!(
        ask(&mut b, &g, "list '' '' 2 all").await,
        (after.clone(), 2)
    );
    let rest = format!("list {after} '' 9 all");
    assert_eq!(ask(&mut b, &g, &rest).await.1, 3);
    let upto = format!("list '' {after} 9 all");
    assert_eq!(
        ask(&mut b, &g, &upto).await.1,
        2,
        "what has died since is not asked for"
    );
}

async fn a_redrive_moves_each_once(mut b: Bench) {
    let g = dead(&mut b, 3).await;
    assert_eq!(ask(&mut b, &g, "redrive '' '' 2 all").await.1, 2);
    assert_eq!(ask(&mut b, &g, "redrive '' '' 9 all").await.1, 1);
    assert_eq!(
        ask(&mut b, &g, "redrive '' '' 9 all").await.1,
        0,
        "repeated"
    );
    assert_eq!(b.dead(&g).await, 0);
    let again = b.fetch(&g, MEMBER, 9).await;
    assert_eq!(
        again.attempts(),
        ["1", "1", "1"],
        "counted from the beginning"
    );
}

async fn a_letter_whose_message_is_gone_comes_back_all_the_same(mut b: Bench) {
    let g = dead(&mut b, 1).await;
    b.run("XTRIM lane1 MAXLEN 0").await;
    assert_eq!(ask(&mut b, &g, "redrive '' '' 9 all").await.1, 1);
    let got = b.fetch(&g, MEMBER, 9).await;
    assert_eq!(got.attempts(), ["1"]);
    assert_eq!(got.deliveries[0].lane, "5", "of the group's own stream");
    assert_eq!(
        b.settle(&g, "a", &got.deliveries[0], "'' '' '' ''").await,
        "[[A]]"
    );
    assert_eq!(
        b.number(&format!("XLEN {}", g.all()[14])).await,
        0,
        "nothing is left"
    );
}

async fn what_is_no_message_stays(mut b: Bench) {
    let g = b.topic_and_group().await;
    b.run("XADD lane1 * d nonsense").await;
    let got = b.fetch(&g, MEMBER, 1).await.deliveries.remove(0);
    b.settle(&g, "b", &got, "0123456789abcdef wrong '' ''")
        .await;
    assert_eq!(ask(&mut b, &g, "redrive '' '' 9 all").await.1, 0);
    assert_eq!(b.dead(&g).await, 1);
    assert_eq!(ask(&mut b, &g, "purge '' '' 9 all").await.1, 1);
}

async fn a_purge_deletes_each_once(mut b: Bench) {
    let g = dead(&mut b, 3).await;
    assert_eq!(ask(&mut b, &g, "purge '' '' 2 all").await.1, 2);
    assert_eq!(ask(&mut b, &g, "purge '' '' 9 all").await.1, 1);
    assert_eq!(ask(&mut b, &g, "purge '' '' 9 all").await.1, 0, "repeated");
    let left = format!("EXISTS {} {} {}", g.all()[15], g.all()[16], g.all()[17]);
    assert_eq!(b.number(&left).await, 0, "nothing is left of them");
    assert_eq!(b.fetch(&g, MEMBER, 9).await.deliveries.len(), 0);
}

async fn some_are_chosen_by_reason_or_id(mut b: Bench) {
    let g = dead(&mut b, 2).await;
    b.run("XADD lane1 * d nonsense").await;
    let got = b.fetch(&g, MEMBER, 1).await.deliveries.remove(0);
    b.settle(&g, "b", &got, "0123456789abcdef wrong '' ''")
        .await;
    assert_eq!(ask(&mut b, &g, "list '' '' 9 reason 1").await.1, 2);
    assert_eq!(ask(&mut b, &g, "list '' '' 9 reason 3").await.1, 1);
    let one = "ids 0123456789abcdef fedcba9876543210";
    assert_eq!(ask(&mut b, &g, &format!("list '' '' 9 {one}")).await.1, 1);
    assert_eq!(ask(&mut b, &g, &format!("purge '' '' 9 {one}")).await.1, 1);
    assert_eq!(ask(&mut b, &g, &format!("purge '' '' 9 {one}")).await.1, 0);
    assert_eq!(b.dead(&g).await, 2);
}

async fn a_lost_group_is_told_from_a_deleted_one(mut b: Bench) {
    let g = dead(&mut b, 1).await;
    b.step(|s| &s.delete, "g").await;
    let all = "redrive '' '' 9 all";
    assert_eq!(show(&b.group_step(|s| &s.letters, &g, all).await), "[GONE]");
    b.run("DEL gone").await;
    assert_eq!(show(&b.group_step(|s| &s.letters, &g, all).await), "[LOST]");
}

async fn a_full_server_redrives_and_purges(b: Bench) {
    let mut b = b.alone().await;
    let g = dead(&mut b, 3).await;
    b.run("XTRIM lane1 MAXLEN 2").await;
    b.fill().await;
    assert_eq!(ask(&mut b, &g, "list '' '' 9 all").await.1, 3);
    assert_eq!(ask(&mut b, &g, "redrive '' '' 2 all").await.1, 2);
    assert_eq!(ask(&mut b, &g, "purge '' '' 9 all").await.1, 1);
    assert_eq!(b.fetch(&g, MEMBER, 9).await.deliveries.len(), 2);
}

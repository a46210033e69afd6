//! The step `settle`.

use super::bench::{Bench, Delivery, MEMBER, build, builder, message, show};
use super::on_each_server;
use crate::keys::GroupKeys;

on_each_server! {
    an_ack_is_done_once
    a_nack_waits_and_is_done_once
    a_nack_for_good_is_one_dead_letter
    the_last_attempt_is_a_dead_letter
    a_release_is_no_attempt
    what_is_put_back_calls_nobody
    a_lease_is_renewed_and_cut
    what_is_no_message_is_buried
    what_has_not_expired_is_left
    whoever_is_not_the_holder_changes_nothing
    of_a_group_that_is_gone_all_is_stale
    a_full_server_settles_everything
}

const NOTHING: &str = "'' '' '' ''";

/// A topic, a group, and its one delivery.
async fn one(b: &mut Bench) -> (GroupKeys, Delivery) {
    let g = b.topic_and_group().await;
    b.publish(&[message("a")]).await;
    let got = b.fetch(&g, MEMBER, 1).await.deliveries.remove(0);
    (g, got)
}

async fn an_ack_is_done_once(mut b: Bench) {
    let (g, got) = one(&mut b).await;
    assert_eq!(b.settle(&g, "a", &got, NOTHING).await, "[[A]]");
    assert_eq!(b.settle(&g, "a", &got, NOTHING).await, "[[S]]");
    assert_eq!(b.pending(&g).await, 0);
    assert_eq!(b.number("XLEN lane1").await, 1, "it is kept for replay");
}

async fn a_nack_waits_and_is_done_once(mut b: Bench) {
    let (g, got) = one(&mut b).await;
    let bell = b.number("XLEN bell").await;
    let retried = b.settle(&g, "n", &got, "60000 1 0 failed").await;
    assert!(retried.starts_with("[[R, "), "{retried}");
    assert_eq!(b.settle(&g, "n", &got, "60000 1 0 failed").await, "[[S]]");
    assert!(b.number("XLEN bell").await > bell, "who waits is told");
    let waiting = format!("ZCARD {}", g.all()[12]);
    assert_eq!(b.number(&waiting).await, 1);
    assert_eq!(b.pending(&g).await, 1, "it is the group's");
    assert_eq!(
        b.fetch(&g, MEMBER, 9).await.deliveries.len(),
        0,
        "and not due"
    );
}

async fn a_nack_for_good_is_one_dead_letter(mut b: Bench) {
    let (g, got) = one(&mut b).await;
    assert_eq!(b.settle(&g, "n", &got, "'' 2 1 bad").await, "[[D, 1]]");
    assert_eq!(b.settle(&g, "n", &got, "'' 2 1 bad").await, "[[S]]");
    assert_eq!((b.dead(&g).await, b.pending(&g).await), (1, 0));
    let letters = "list '' '' 10 all";
    let listed = b.group_step(|s| &s.letters, &g, letters).await;
    let listed = show(&listed);
    assert!(listed.contains("bad"), "{listed}");
}

async fn the_last_attempt_is_a_dead_letter(mut b: Bench) {
    let g = b.topic_and_group().await;
    b.publish(&[build(builder("twice").max_retries(1))]).await;
    let first = b.fetch(&g, MEMBER, 1).await.deliveries.remove(0);
    let retried = b.settle(&g, "n", &first, "0 1 0 failed").await;
    assert!(retried.starts_with("[[R, "), "{retried}");
    let second = b.fetch(&g, MEMBER, 1).await.deliveries.remove(0);
    assert_eq!(second.attempt, "2");
    assert_eq!(b.settle(&g, "n", &second, "0 1 0 failed").await, "[[D, 0]]");
    assert_eq!((b.dead(&g).await, b.pending(&g).await), (1, 0));
}

async fn a_release_is_no_attempt(mut b: Bench) {
    let (g, got) = one(&mut b).await;
    assert_eq!(b.settle(&g, "r", &got, NOTHING).await, "[[L]]");
    assert_eq!(b.settle(&g, "r", &got, NOTHING).await, "[[S]]");
    assert_eq!(b.fetch(&g, MEMBER, 9).await.attempts(), ["1"]);
}

async fn what_is_put_back_calls_nobody(mut b: Bench) {
    let (g, got) = one(&mut b).await;
    let bell = "XREVRANGE bell + - COUNT 1";
    let before = show(&b.run(bell).await);
    assert_eq!(b.settle(&g, "p", &got, NOTHING).await, "[[L]]");
    assert_eq!(b.settle(&g, "p", &got, NOTHING).await, "[[S]]", "once");
    assert_eq!(show(&b.run(bell).await), before);
    let again = b.fetch(&g, MEMBER, 9).await;
    assert_eq!(again.attempts(), ["1"], "it was no attempt");
    assert_eq!(
        b.settle(&g, "r", &again.deliveries[0], NOTHING).await,
        "[[L]]"
    );
    assert_ne!(show(&b.run(bell).await), before, "a release does call");
}

async fn a_lease_is_renewed_and_cut(mut b: Bench) {
    let (g, got) = one(&mut b).await;
    for lease in ["60000", "60000", "1000", "0"] {
        let extended = b.settle(&g, "e", &got, &format!("{lease} '' '' ''")).await;
        assert!(extended.starts_with("[[E, "), "{lease}: {extended}");
    }
    // Until somebody has it, it is still the holder's.
    assert_eq!(b.settle(&g, "a", &got, NOTHING).await, "[[A]]");
}

async fn what_is_no_message_is_buried(mut b: Bench) {
    let g = b.topic_and_group().await;
    b.run("XADD lane1 * d nonsense").await;
    let got = b.fetch(&g, MEMBER, 1).await.deliveries.remove(0);
    let words = "0123456789abcdef wrong '' ''";
    assert_eq!(b.settle(&g, "b", &got, words).await, "[[D, 3]]");
    assert_eq!(b.settle(&g, "b", &got, words).await, "[[S]]");
    assert_eq!((b.dead(&g).await, b.pending(&g).await), (1, 0));
}

async fn what_has_not_expired_is_left(mut b: Bench) {
    let (g, got) = one(&mut b).await;
    assert_eq!(b.settle(&g, "x", &got, NOTHING).await, "[[V]]");
    assert_eq!(b.pending(&g).await, 1);
    b.run("XADD lane1 * d short x 1").await;
    // Plain reads do not look at it.
    let read = format!(
        "XREADGROUP GROUP {} {MEMBER} STREAMS lane1 >",
        g.stream_name
    );
    let read = show(&b.run(&read).await);
    let id = read.split(", ").nth(1).unwrap().trim_start_matches('[');
    let late = Delivery {
        id: id.to_owned(),
        ..got
    };
    assert_eq!(b.settle(&g, "x", &late, NOTHING).await, "[[D, 2]]");
    assert_eq!((b.dead(&g).await, b.pending(&g).await), (1, 1));
}

async fn whoever_is_not_the_holder_changes_nothing(mut b: Bench) {
    let (g, got) = one(&mut b).await;
    let Delivery { lane, id, .. } = &got;
    let all = ["a", "n", "r", "e", "b", "x"];
    for what in all {
        // Another attempt, another member, another message.
        for arguments in [
            format!("m {what} {lane} {id} 2 0 1 0 x"),
            format!("other {what} {lane} {id} 1 0 1 0 x"),
            format!("m {what} {lane} 1-1 1 0 1 0 x"),
            format!("m {what} 2 {id} 1 0 1 0 x"),
        ] {
            let settled = b.group_step(|s| &s.settle, &g, &arguments).await;
            assert_eq!(show(&settled), "[[S]]", "{arguments}");
        }
    }
    assert_eq!((b.pending(&g).await, b.dead(&g).await), (1, 0));
    let both = format!("m a {lane} {id} 2 '' '' '' '' a {lane} {id} 1 '' '' '' ''");
    let settled = b.group_step(|s| &s.settle, &g, &both).await;
    assert_eq!(show(&settled), "[[S], [A]]", "a stale one harms no other");
}

async fn of_a_group_that_is_gone_all_is_stale(mut b: Bench) {
    let (g, got) = one(&mut b).await;
    b.step(|s| &s.delete, "g").await;
    for what in ["a", "n", "r", "e"] {
        assert_eq!(b.settle(&g, what, &got, "0 1 0 x").await, "[[S]]", "{what}");
    }
    b.run("DEL meta groups gone lane1").await;
    assert_eq!(b.settle(&g, "a", &got, NOTHING).await, "[[S]]", "lost");
    let letters = format!("EXISTS {} {}", g.all()[12], g.all()[15]);
    assert_eq!(b.number(&letters).await, 0, "nothing is left of it");
}

async fn a_full_server_settles_everything(b: Bench) {
    let mut b = b.alone().await;
    let g = b.topic_and_group().await;
    let all: Vec<_> = (0..6).map(|n| message(&n.to_string())).collect();
    b.publish(&all).await;
    let got = b.fetch(&g, MEMBER, 9).await.deliveries;
    b.fill().await;
    let mut settled = Vec::new();
    for ((what, words), delivery) in [
        ("a", NOTHING),
        ("n", "60000 1 0 failed"),
        ("n", "'' 2 1 bad"),
        ("r", NOTHING),
        ("e", "60000 '' '' ''"),
        ("b", "0123456789abcdef wrong '' ''"),
    ]
    .into_iter()
    .zip(&got)
    {
        let outcome = b.settle(&g, what, delivery, words).await;
        settled.push(outcome.trim_start_matches('[')[..1].to_owned());
    }
    assert_eq!(settled, ["A", "R", "D", "L", "E", "D"]);
    assert_eq!((b.dead(&g).await, b.pending(&g).await), (2, 3));
}

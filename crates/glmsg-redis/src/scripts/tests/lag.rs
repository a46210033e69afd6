//! The step `lag`.

use super::bench::{Bench, MEMBER, build, builder, list, message, show};
use super::on_each_server;

on_each_server! {
    a_group_is_behind_by_what_it_has_not_acked
    a_group_by_key_reads_ahead_and_counts
    what_was_deleted_from_a_lane_does_not_hide_the_rest
    a_lost_group_is_told_from_a_deleted_one
}

async fn lag(b: &mut Bench, g: &crate::keys::GroupKeys) -> String {
    loop {
        let answer = b.group_step(|s| &s.lag, g, "").await;
        let words = list(answer);
        if show(&words[0]) == "AGAIN" {
            continue;
        }
        let words: Vec<_> = words.iter().take(5).map(show).collect();
        return words.join(" ");
    }
}

async fn a_group_is_behind_by_what_it_has_not_acked(mut b: Bench) {
    let g = b.topic_and_group().await;
    assert_eq!(lag(&mut b, &g).await, "OK 0 0 0 0");
    let all: Vec<_> = (0..5).map(|n| message(&n.to_string())).collect();
    b.publish(&all).await;
    assert_eq!(lag(&mut b, &g).await, "OK 5 0 0 0");
    let got = b.fetch(&g, MEMBER, 4).await.deliveries;
    assert_eq!(lag(&mut b, &g).await, "OK 1 4 0 0");
    b.settle(&g, "a", &got[0], "'' '' '' ''").await;
    b.settle(&g, "n", &got[1], "60000 1 0 failed").await;
    b.settle(&g, "n", &got[2], "'' 2 1 bad").await;
    assert_eq!(lag(&mut b, &g).await, "OK 1 1 1 1");
}

async fn a_group_by_key_reads_ahead_and_counts(mut b: Bench) {
    b.make(10, "reject").await;
    let g = b.group("g", "key").await;
    let of = |key: &str| build(builder("x").key(key));
    b.publish(&[of("k"), of("k"), of("j"), message("none")])
        .await;
    assert_eq!(lag(&mut b, &g).await, "OK 3 0 1 0", "k's second waits");
    b.fetch(&g, MEMBER, 9).await;
    assert_eq!(lag(&mut b, &g).await, "OK 0 3 1 0");
}

async fn what_was_deleted_from_a_lane_does_not_hide_the_rest(mut b: Bench) {
    let g = b.topic_and_group().await;
    let stored = b.publish(&[message("a"), message("b"), message("c")]).await;
    // From then on the server does not know the lag of its own.
    b.run(&format!("XDEL lane1 {}", stored[1])).await;
    assert_eq!(lag(&mut b, &g).await, "OK 2 0 0 0");
}

async fn a_lost_group_is_told_from_a_deleted_one(mut b: Bench) {
    let g = b.topic_and_group().await;
    let h = b.group("h", "none").await;
    b.run(&format!("XGROUP DESTROY lane2 {}", h.stream_name))
        .await;
    b.run("DEL lane2").await;
    assert_eq!(
        show(&b.group_step(|s| &s.lag, &h, "").await),
        "[LOST]",
        "a part"
    );
    b.step(|s| &s.delete, "g").await;
    assert_eq!(show(&b.group_step(|s| &s.lag, &g, "").await), "[GONE]");
    b.run("DEL gone").await;
    assert_eq!(show(&b.group_step(|s| &s.lag, &g, "").await), "[LOST]");
}

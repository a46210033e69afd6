//! The steps `join`, `leave` and `members`.

use glmsg_core::Priority;

use super::bench::{Bench, MEMBER, build, builder, list, message, show};
use super::on_each_server;

on_each_server! {
    a_member_comes_and_goes
    what_a_member_holds_stays_held
    who_goes_with_a_ring_leaves_it_to_others
    of_a_group_that_is_gone_nobody_is_a_member
}

async fn a_member_comes_and_goes(mut b: Bench) {
    let g = b.topic_and_group().await;
    for _ in 0..2 {
        assert_eq!(
            show(&b.group_step(|s| &s.join, &g, MEMBER).await),
            "[OK, 1]"
        );
    }
    let found = list(b.group_step(|s| &s.members, &g, "").await);
    let found = list(found[1].clone());
    assert_eq!(found.len(), 1);
    assert!(show(&found[0]).starts_with("[m@30000, "), "{found:?}");
    for _ in 0..2 {
        assert_eq!(show(&b.group_step(|s| &s.leave, &g, MEMBER).await), "1");
    }
    assert_eq!(
        show(&b.group_step(|s| &s.members, &g, "").await),
        "[OK, []]"
    );
}

async fn what_a_member_holds_stays_held(mut b: Bench) {
    let g = b.topic_and_group().await;
    b.publish(&[message("a"), message("b")]).await;
    let got = b.fetch(&g, MEMBER, 2).await.deliveries;
    let found = show(&b.group_step(|s| &s.members, &g, "").await);
    assert!(found.ends_with(", 2]]]"), "{found}");
    b.group_step(|s| &s.leave, &g, MEMBER).await;
    assert_eq!(b.pending(&g).await, 2);
    assert_eq!(b.settle(&g, "a", &got[0], "'' '' '' ''").await, "[[A]]");
    b.settle(&g, "a", &got[1], "'' '' '' ''").await;
    b.group_step(|s| &s.leave, &g, MEMBER).await;
    let consumers = format!("XINFO CONSUMERS lane1 {}", g.stream_name);
    assert_eq!(
        show(&b.run(&consumers).await),
        "[]",
        "nothing is left of it"
    );
}

async fn who_goes_with_a_ring_leaves_it_to_others(mut b: Bench) {
    let g = b.topic_and_group().await;
    let hear = |who| format!("XREADGROUP GROUP {} {who} STREAMS bell >", g.stream_name);
    b.publish(&[build(builder("x").priority(Priority::Critical))])
        .await;
    assert_ne!(show(&b.run(&hear(MEMBER)).await), "nil");
    assert_eq!(show(&b.run(&hear("n@30000")).await), "nil", "one hears it");
    b.group_step(|s| &s.leave, &g, MEMBER).await;
    assert_ne!(
        show(&b.run(&hear("n@30000")).await),
        "nil",
        "and another, where that one has gone"
    );
}

async fn of_a_group_that_is_gone_nobody_is_a_member(mut b: Bench) {
    let g = b.topic_and_group().await;
    b.step(|s| &s.delete, "g").await;
    assert_eq!(show(&b.group_step(|s| &s.join, &g, MEMBER).await), "[GONE]");
    assert_eq!(show(&b.group_step(|s| &s.members, &g, "").await), "[GONE]");
    b.run("DEL gone").await;
    assert_eq!(show(&b.group_step(|s| &s.join, &g, MEMBER).await), "[LOST]");
    assert_eq!(show(&b.group_step(|s| &s.leave, &g, MEMBER).await), "1");
    let members = format!("EXISTS {}", g.all()[21]);
    assert_eq!(b.number(&members).await, 0);
}

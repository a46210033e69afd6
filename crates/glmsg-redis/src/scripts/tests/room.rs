//! The step `room`.

use std::time::Duration;

use super::bench::{Bench, MEMBER, build, builder, message, show};
use super::on_each_server;

on_each_server! {
    a_quarter_of_what_is_free_may_be_taken
    what_is_finished_and_too_old_goes
    where_something_is_scheduled_nobody_goes_past_the_step
    a_topic_that_is_not_there_has_none
}

async fn a_quarter_of_what_is_free_may_be_taken(mut b: Bench) {
    b.make(100, "reject").await;
    assert_eq!(show(&b.step(|s| &s.room, "").await), "[OK, 25, 1, 0]");
    let some: Vec<_> = (0..60).map(|n| message(&n.to_string())).collect();
    b.publish(&some).await;
    assert_eq!(show(&b.step(|s| &s.room, "").await), "[OK, 10, 1, 0]");
    let more: Vec<_> = (0..40).map(|n| message(&n.to_string())).collect();
    b.publish(&more).await;
    assert_eq!(show(&b.step(|s| &s.room, "").await), "[OK, 0, 1, 0]");
}

async fn what_is_finished_and_too_old_goes(mut b: Bench) {
    let bounds = "1 8 0 reject 0 ''";
    b.step(|s| &s.ensure, bounds).await;
    let g = b.group("g", "none").await;
    b.publish(&[message("a"), message("b")]).await;
    let got = b.fetch(&g, MEMBER, 1).await.deliveries;
    b.settle(&g, "a", &got[0], "'' '' '' ''").await;
    // Older than nothing: at least a millisecond.
    let stored_at: i64 = got[0].id.split('-').next().unwrap().parse().unwrap();
    loop {
        let now = super::bench::list(b.run("TIME").await);
        let (s, us) = (show(&now[0]), show(&now[1]));
        let ms = s.parse::<i64>().unwrap() * 1000 + us.parse::<i64>().unwrap() / 1000;
        if ms > stored_at {
            break;
        }
    }
    assert_eq!(show(&b.step(|s| &s.room, "").await), "[OK, 1, 1, 0]");
    assert_eq!(
        b.number("XLEN lane1").await,
        1,
        "the one that nobody has acked"
    );
    assert_eq!(b.number("SCARD ids").await, 1);
}

async fn where_something_is_scheduled_nobody_goes_past_the_step(mut b: Bench) {
    b.make(100, "reject").await;
    let later = build(builder("later").delay(Duration::from_secs(3600)));
    b.publish(&[later]).await;
    assert_eq!(show(&b.step(|s| &s.room, "").await), "[OK, 0, 1, 0]");
}

async fn a_topic_that_is_not_there_has_none(mut b: Bench) {
    assert_eq!(show(&b.step(|s| &s.room, "").await), "[ABSENT]");
    assert_eq!(b.number("EXISTS meta lane1").await, 0);
}

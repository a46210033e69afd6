//! The step `topic`.

use std::time::Duration;

use super::bench::{Bench, MEMBER, build, builder, list, message, show};
use super::on_each_server;

on_each_server! {
    an_operator_sees_what_there_is
    a_topic_that_is_not_there_is_told
}

async fn an_operator_sees_what_there_is(mut b: Bench) {
    let g = b.topic_and_group().await;
    let later = build(builder("later").delay(Duration::from_secs(3600)));
    b.publish(&[message("a"), message("b"), later]).await;
    let got = b.fetch(&g, MEMBER, 1).await.deliveries;
    b.settle(&g, "n", &got[0], "'' 2 1 bad").await;
    let words = list(b.step(|s| &s.topic, "").await);
    let counts: Vec<_> = words[..4].iter().map(show).collect();
    assert_eq!(
        counts.join(" "),
        "OK 3 1 1",
        "messages, scheduled, dead letters"
    );
    assert_eq!(show(&words[4]), "[10, 604800000, reject, 2592000000, ]");
    let groups = show(&words[5]);
    assert!(groups.starts_with("[[g, none|"), "{groups}");
    assert!(groups.ends_with(", 1]]"), "one member: {groups}");
}

async fn a_topic_that_is_not_there_is_told(mut b: Bench) {
    assert_eq!(show(&b.step(|s| &s.topic, "").await), "[ABSENT]");
}

//! The step `note`.

use super::bench::{Bench, list, show};
use super::on_each_server;

on_each_server! {
    a_frame_is_noted_with_its_size
    without_frames_the_entry_goes_again
    without_a_topic_nothing_is_noted
}

/// Stores an entry and notes it, as the plain way does in one transaction.
async fn note(b: &mut Bench, size: usize) -> String {
    b.run("XADD lane1 NOMKSTREAM * f frame").await;
    let mut call = Vec::new();
    b.scripts.note.put_note(&mut call, &b.topic.framed(), size);
    // As the words it is sent in.
    let words = String::from_utf8(call).unwrap();
    let words: Vec<_> = words.split("\r\n").skip(2).step_by(2).collect();
    let line = words[..words.len()].join(" ");
    show(&b.run(line.trim_end()).await)
}

async fn a_frame_is_noted_with_its_size(mut b: Bench) {
    b.step(|s| &s.ensure, "1 1000 1 reject 1 100_1000").await;
    assert_eq!(note(&mut b, 10).await, "1");
    assert_eq!(note(&mut b, 5).await, "1");
    let rows = list(b.run("ZRANGE frames 0 -1").await);
    let rows: Vec<_> = rows.iter().map(show).collect();
    // By how many all messages outnumber their entries, and how many it holds itself.
    assert!(rows[0].ends_with("0000000000000009000a"), "{rows:?}");
    assert!(rows[1].ends_with("000000000000000d0005"), "{rows:?}");
    assert_eq!(
        list(b.run("XINFO GROUPS lane1").await).len(),
        0,
        "nothing is left of the look"
    );
}

async fn without_frames_the_entry_goes_again(mut b: Bench) {
    b.make(1000, "reject").await;
    assert_eq!(note(&mut b, 10).await, "0");
    assert_eq!(b.number("XLEN lane1").await, 0);
    assert_eq!(b.number("EXISTS frames").await, 0);
}

async fn without_a_topic_nothing_is_noted(mut b: Bench) {
    assert_eq!(note(&mut b, 10).await, "0");
    assert_eq!(b.number("EXISTS meta lane1 frames").await, 0);
}

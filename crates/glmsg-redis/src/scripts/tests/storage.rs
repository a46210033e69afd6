//! The steps over logs and values.

use redis::Value;

use super::bench::{Bench, show};
use super::on_each_server;
use crate::connection::tests::servers::unique;
use crate::keys::ShardKeys;
use crate::scripts::{Script, Scripts};

on_each_server! {
    an_append_that_is_sent_again_finds_itself
    a_put_that_is_sent_again_finds_itself
    removals_that_are_sent_again_find_themselves
    a_conflict_leaves_nothing
    a_full_server_takes_removals_alone
    what_has_expired_is_cleared_away
    keys_are_listed_piece_by_piece
}

/// A shard of its own.
struct Shelf(ShardKeys);

impl Shelf {
    fn new() -> Self {
        Self(ShardKeys::of(&unique("storage"), "k"))
    }

    /// A step over the log `k`, which expects a version.
    async fn log(
        &self,
        b: &mut Bench,
        step: fn(&Scripts) -> &Script,
        operation: u128,
        words: &[&str],
    ) -> String {
        let [known, names] = self.0.logs();
        let keys = [self.0.log("k"), known, names, self.0.operation(operation)];
        self.call(b, step, &keys, "k", words).await
    }

    async fn value(
        &self,
        b: &mut Bench,
        step: fn(&Scripts) -> &Script,
        operation: u128,
        (key, words): (&str, &[&str]),
    ) -> String {
        let mut keys: Vec<_> = self.0.values().into();
        keys.push(self.0.operation(operation));
        self.call(b, step, &keys, key, words).await
    }

    async fn call(
        &self,
        b: &mut Bench,
        step: fn(&Scripts) -> &Script,
        keys: &[String],
        key: &str,
        words: &[&str],
    ) -> String {
        let mut call = step(&b.scripts).call(keys);
        call.arg(key);
        // The version, then how long the operation is remembered.
        call.arg(words[0]).arg(60_000);
        for word in &words[1..] {
            call.arg(*word);
        }
        show(&b.send(call).await)
    }

    async fn get(&self, b: &mut Bench, key: &str) -> String {
        let mut call = b.scripts.get.call(&self.0.values());
        call.arg(key);
        show(&b.send(call).await)
    }

    async fn number(&self, b: &mut Bench, command: &str, key: &str) -> i64 {
        match b.run(&format!("{command} {key}")).await {
            Value::Int(number) => number,
            other => panic!("{command}: {other:?}"),
        }
    }
}

async fn an_append_that_is_sent_again_finds_itself(mut b: Bench) {
    let shelf = Shelf::new();
    let first: &[&str] = &["0", "one", "two"];
    let made = shelf.log(&mut b, |s| &s.append, 1, first).await;
    assert_eq!(made, "[MADE, 2]");
    // Another one came in between.
    let other = shelf.log(&mut b, |s| &s.append, 2, &["", "three"]).await;
    assert_eq!(other, "[MADE, 3]");
    for (operation, words, expected) in [
        (1, first, "[MADE, 2]"),
        (2, &["", "three"], "[MADE, 3]"),
        (3, first, "[CONFLICT, 3]"),
        (4, &["3"], "[MADE, 3]"),
        (5, &["2"], "[CONFLICT, 3]"),
    ] {
        let made = shelf.log(&mut b, |s| &s.append, operation, words).await;
        assert_eq!(made, expected, "{operation}");
    }
    let log = shelf.0.log("k");
    assert_eq!(shelf.number(&mut b, "XLEN", &log).await, 3);
    let operation = shelf.0.operation(1);
    let left = shelf.number(&mut b, "PTTL", &operation).await;
    assert!(
        (1..=60_000).contains(&left),
        "it is not remembered for ever"
    );
}

async fn a_put_that_is_sent_again_finds_itself(mut b: Bench) {
    let shelf = Shelf::new();
    let first: &[&str] = &["0", "", "one"];
    for (operation, words, expected) in [
        (1, first, "[MADE, 1]"),
        (2, &["1", "", "two"] as &[&str], "[MADE, 2]"),
        (1, first, "[MADE, 1]"),
        (2, &["1", "", "two"], "[MADE, 2]"),
        (3, first, "[CONFLICT, 2]"),
    ] {
        let made = shelf
            .value(&mut b, |s| &s.put, operation, ("k", words))
            .await;
        assert_eq!(made, expected, "{operation}");
    }
    assert_eq!(shelf.get(&mut b, "k").await, "[2, two]");
}

async fn removals_that_are_sent_again_find_themselves(mut b: Bench) {
    let shelf = Shelf::new();
    shelf.log(&mut b, |s| &s.append, 1, &["0", "one"]).await;
    shelf
        .value(&mut b, |s| &s.put, 2, ("k", &["0", "", "one"]))
        .await;
    for _ in 0..2 {
        let made = shelf.log(&mut b, |s| &s.remove, 3, &["1"]).await;
        assert_eq!(made, "[MADE, 0]");
        let made = shelf.value(&mut b, |s| &s.take, 4, ("k", &["1"])).await;
        assert_eq!(made, "[MADE, 0]");
    }
    let made = shelf.log(&mut b, |s| &s.remove, 5, &["1"]).await;
    assert_eq!(made, "[CONFLICT, 0]");
    let made = shelf.value(&mut b, |s| &s.take, 6, ("k", &["1"])).await;
    assert_eq!(made, "[CONFLICT, 0]");
    let [known, names] = shelf.0.logs();
    for key in [shelf.0.log("k"), known, names] {
        assert_eq!(shelf.number(&mut b, "EXISTS", &key).await, 0, "{key}");
    }
    let made = shelf
        .value(&mut b, |s| &s.put, 7, ("k", &["0", "", "anew"]))
        .await;
    assert_eq!(made, "[MADE, 2]", "above what it was");
}

async fn a_conflict_leaves_nothing(mut b: Bench) {
    let shelf = Shelf::new();
    let made = shelf.log(&mut b, |s| &s.append, 1, &["7", "one"]).await;
    assert_eq!(made, "[CONFLICT, 0]");
    let made = shelf
        .value(&mut b, |s| &s.put, 2, ("k", &["7", "", "one"]))
        .await;
    assert_eq!(made, "[CONFLICT, 0]");
    let keys = shelf.0.logs().into_iter().chain(shelf.0.values());
    let operations = [1, 2].map(|id| shelf.0.operation(id));
    for key in keys.chain(operations).chain([shelf.0.log("k")]) {
        assert_eq!(shelf.number(&mut b, "EXISTS", &key).await, 0, "{key}");
    }
}

async fn a_full_server_takes_removals_alone(b: Bench) {
    let (mut b, shelf) = (b.alone().await, Shelf::new());
    shelf.log(&mut b, |s| &s.append, 1, &["0", "one"]).await;
    shelf
        .value(&mut b, |s| &s.put, 2, ("k", &["0", "", "one"]))
        .await;
    b.fill().await;
    let made = shelf.log(&mut b, |s| &s.append, 3, &["1", "two"]).await;
    assert!(made.contains("OOM"), "{made}");
    let made = shelf
        .value(&mut b, |s| &s.put, 4, ("k", &["1", "", "two"]))
        .await;
    assert!(made.contains("OOM"), "{made}");
    assert_eq!(shelf.get(&mut b, "k").await, "[1, one]");
    let made = shelf.log(&mut b, |s| &s.remove, 5, &["1"]).await;
    assert_eq!(made, "[MADE, 0]");
    let made = shelf.value(&mut b, |s| &s.take, 6, ("k", &["1"])).await;
    assert_eq!(made, "[MADE, 0]");
    b.empty().await;
    let made = shelf.log(&mut b, |s| &s.append, 3, &["0", "two"]).await;
    assert_eq!(made, "[MADE, 1]", "what was refused left no trace");
}

async fn what_has_expired_is_cleared_away(mut b: Bench) {
    let shelf = Shelf::new();
    for n in 0..20 {
        let key = format!("mortal {n}");
        let words: &[&str] = &["0", "1", "bytes"];
        shelf.value(&mut b, |s| &s.put, n, (&key, words)).await;
    }
    let [known, bytes, names, expiring, _] = shelf.0.values();
    // Each put clears away more than it can leave.
    for n in 100..110 {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        shelf
            .value(&mut b, |s| &s.put, n, ("k", &["", "", "it"]))
            .await;
    }
    assert_eq!(shelf.number(&mut b, "HLEN", &known).await, 1);
    assert_eq!(shelf.number(&mut b, "HLEN", &bytes).await, 1);
    assert_eq!(shelf.number(&mut b, "ZCARD", &names).await, 1);
    assert_eq!(shelf.number(&mut b, "ZCARD", &expiring).await, 0);
}

async fn keys_are_listed_piece_by_piece(mut b: Bench) {
    let shelf = Shelf::new();
    for (n, key) in ["a", "b1", "b2", "b3", "c"].into_iter().enumerate() {
        let words: &[&str] = &["0", "", "it"];
        shelf
            .value(&mut b, |s| &s.put, n as u128, (key, words))
            .await;
    }
    for (from, most, look, expected) in [
        ("[b", 10, 10, "[[b1, b2, b3]]"),
        ("[b", 2, 10, "[[b1, b2]]"),
        ("[b", 10, 2, "[[b1, b2], b2]"),
        ("(b2", 10, 2, "[[b3]]"),
        ("(b3", 10, 10, "[[]]"),
    ] {
        let mut call = b.scripts.keys.call(&shelf.0.values());
        call.arg(from).arg("b").arg(most).arg(look);
        assert_eq!(show(&b.send(call).await), expected, "{from} {most} {look}");
    }
}

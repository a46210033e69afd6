//! Ledgers written by hand, for the tests of the checker: a line is `MS PROCESS EVENT [ID] [WORD…] [KEY=VALUE…]`.

use std::collections::BTreeMap;

use super::{Expectation, Report, check};
use crate::ledger::{Event, Settlement, What};

/// The events of such a text. The group is `g` where a line does not say `group=`.
pub(super) fn hand(text: &str) -> Vec<Event> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(line).collect()
}

/// Judges such a text as a case with the group `g`, of which nothing remains.
pub(super) fn judge(text: &str) -> Report {
    check(&hand(text), &Expectation::for_groups(["g"]))
}

fn line(line: &str) -> Event {
    let (options, words): (Vec<&str>, Vec<&str>) =
        line.split_whitespace().partition(|word| word.contains('='));
    let options: BTreeMap<&str, &str> = options
        .iter()
        .filter_map(|option| option.split_once('='))
        .collect();
    let text = |key: &str| options.get(key).map(|value| (*value).to_owned());
    let number = |key: &str| options.get(key).map(|value| value.parse::<u64>().unwrap());
    let ms = |key: &str| number(key).unwrap_or(0);
    let attempt = options
        .get("attempt")
        .map_or(1, |value| value.parse().unwrap());
    let group = text("group").unwrap_or_else(|| "g".to_owned());
    let called = ms("called") * 1_000_000;
    let word = |at: usize| {
        words
            .get(at)
            .map_or_else(String::new, |word| (*word).to_owned())
    };
    let (id, fault, reason) = (word(3), word(3), word(4));
    let result = || match words[4] {
        "accepted" => Settlement::Accepted,
        "dead" => Settlement::Dead,
        "stale" => Settlement::Stale,
        "gone" => Settlement::Gone,
        "unknown" => Settlement::Unknown,
        other => panic!("{other}"),
    };
    let what = match words[2] {
        "pub_try" => What::PubTry {
            id,
            key: text("key"),
            seq: number("seq"),
        },
        "pub_ok" => What::PubOk { id },
        "pub_dup" => What::PubDup { id },
        "pub_full" => What::PubFull { id },
        "pub_rejected" => What::PubRejected { id, reason },
        "pub_indeterminate" => What::PubIndeterminate { id },
        "recv" => What::Recv {
            id,
            group,
            attempt,
            lease_ms: ms("lease"),
            position: text("position"),
        },
        "extend" => What::Extend {
            id,
            group,
            lease_ms: ms("lease"),
        },
        "done" => What::Done { id, group },
        "ack" => What::Ack {
            id,
            group,
            called,
            result: result(),
        },
        "nack" => What::Nack {
            id,
            group,
            called,
            result: result(),
        },
        "release" => What::Release {
            id,
            group,
            called,
            result: result(),
        },
        "dead" => What::Dead { id, group, reason },
        "redrive" => What::Redrive { id, group },
        "loss_reported" => What::LossReported { count: ms("count") },
        "healthy" => What::Health { healthy: true },
        "unhealthy" => What::Health { healthy: false },
        "start" => What::Start,
        "stop" => What::Stop,
        "crash" => What::Crash,
        "shut_out" => What::ShutOut,
        "fault_begin" => What::FaultBegin { fault },
        "fault_end" => What::FaultEnd { fault },
        other => panic!("{other}"),
    };
    Event {
        at: words[0].parse::<u64>().unwrap() * 1_000_000,
        process: words[1].to_owned(),
        what,
    }
}

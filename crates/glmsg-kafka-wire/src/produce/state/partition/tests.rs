//! Sequences at the end of their numbers.

use tokio::time::Instant;

use super::*;
use crate::NewRecord;

/// Takes a batch of so many records.
fn take(partition: &mut Partition, count: i32) -> Sequence {
    let record = NewRecord {
        topic: "",
        partition: None,
        key: None,
        value: Some(b"x"),
        headers: None,
    };
    let batch = partition.begin(Instant::now());
    for _ in 0..count {
        batch.put(&record, 0);
    }
    let batch = partition.take(Some((7, 3))).unwrap();
    partition.has_passed();
    batch.sequence.unwrap()
}

#[test]
fn after_the_largest_sequence_comes_the_first() {
    assert_eq!(after(0, 1), 1);
    assert_eq!(after(i32::MAX, 1), 0);
    assert_eq!(after(i32::MAX - 1, 1), i32::MAX);
    assert_eq!(after(i32::MAX - 1, 5), 3);
    assert_eq!(after(i32::MAX, i32::MAX), i32::MAX - 1);
    let mut partition = Partition {
        identity: Some((7, 3)),
        next: i32::MAX - 2,
        ..Partition::default()
    };
    // The second one goes beyond the end.
    let firsts = [2, 4, 1].map(|count| take(&mut partition, count).first);
    assert_eq!(firsts, [i32::MAX - 2, i32::MAX, 3]);
}

#[test]
fn an_epoch_begins_with_the_sequence_0() {
    let mut partition = Partition::default();
    let sequence = |epoch, first| Sequence {
        producer: 7,
        epoch,
        first,
    };
    assert_eq!(take(&mut partition, 2), sequence(3, 0));
    assert_eq!(take(&mut partition, 2), sequence(3, 2));
    assert!(partition.begin_anew());
    assert_eq!(take(&mut partition, 2), sequence(4, 0));
    assert_eq!(take(&mut partition, 2), sequence(4, 2));
    partition.identity = Some((7, i16::MAX));
    // There is none after the last: whatever the cluster gives then.
    assert!(!partition.begin_anew());
    assert_eq!(take(&mut partition, 2), sequence(3, 0));
    // One without a number needs none.
    assert!(Partition::default().begin_anew());
}

#[test]
fn pauses_grow_up_to_a_second() {
    let (mut partition, now) = (Partition::default(), Instant::now());
    let mut pause = || {
        partition.lose_leader(now);
        partition.again_at.unwrap() - now
    };
    let pauses: Vec<_> = (0..9).map(|_| pause().as_millis()).collect();
    assert_eq!(pauses, [0, 50, 100, 200, 400, 800, 1000, 1000, 1000]);
    partition.has_passed();
    partition.lose_leader(now);
    assert_eq!(partition.again_at, Some(now));
}

//! Priorities: the urgent first, and the lowest still moves.

use std::time::Duration;

use glmsg_broker::LanePicker;
use glmsg_core::{Message, Priority};

use crate::member::Member;
use crate::messages::{build, builder, store};
use crate::{Case, Fixture};

#[doc(hidden)]
#[macro_export]
macro_rules! priority_cases {
    ($then:ident $($args:tt)*) => {
        $crate::$then! { priority ["priority.rs"] [
            urgent_messages_come_first (Priorities),
            an_urgent_latecomer_overtakes (Priorities),
            the_lowest_still_moves (Priorities),
            lanes_are_picked_as_by_the_shared_picker (Priorities),
            a_retry_keeps_its_priority (Priorities),
            priorities_are_weighed_for_each_group (Priorities),
        ] $($args)* }
    };
}

pub(crate) fn all<F: Fixture>() -> Vec<Case<F>> {
    priority_cases!(__list)
}

fn of(priority: Priority, n: usize) -> Vec<Message> {
    (0..n)
        .map(|i| build(builder(&format!("{priority} {i}")).priority(priority)))
        .collect()
}

async fn priorities_of(member: &mut Member, n: usize) -> Vec<Priority> {
    let got = member.take(n).await;
    got.iter().map(|d| d.message.priority()).collect()
}

/// Published lowest first, messages are delivered highest first.
///
/// Promise 8
pub async fn urgent_messages_come_first<F: Fixture>(f: F) {
    let broker = f.broker().await;
    for priority in Priority::ALL {
        store(&broker, &of(priority, 3)).await;
    }
    let mut member = Member::join(&broker, "g").await;
    let got = priorities_of(&mut member, 12).await;
    let mut expected: Vec<Priority> = Priority::ALL
        .into_iter()
        .rev()
        .flat_map(|p| [p; 3])
        .collect();
    assert_eq!(got, expected);
    expected.dedup();
    assert_eq!(expected.len(), 4);
}

/// An urgent message that comes last overtakes a backlog that was there first.
///
/// Promise 8
pub async fn an_urgent_latecomer_overtakes<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &of(Priority::Normal, 50)).await;
    let mut member = Member::join(&broker, "g").await;
    assert_eq!(priorities_of(&mut member, 5).await, [Priority::Normal; 5]);
    store(&broker, &of(Priority::Critical, 1)).await;
    let next = priorities_of(&mut member, 1).await;
    assert_eq!(next, [Priority::Critical], "before the 45 that wait");
}

/// Under a backlog of urgent messages, every lower priority moves as well.
///
/// Promise 8
pub async fn the_lowest_still_moves<F: Fixture>(f: F) {
    let broker = f.broker().await;
    for priority in Priority::ALL {
        store(&broker, &of(priority, 200)).await;
    }
    let mut member = Member::join(&broker, "g").await;
    let got = priorities_of(&mut member, 192).await;
    let count = |p| got.iter().filter(|g| **g == p).count();
    assert_eq!(count(Priority::Critical), 180, "fifteen of sixteen");
    for lower in [Priority::High, Priority::Normal, Priority::Low] {
        assert_eq!(count(lower), 4, "{lower}: in turn, one pick of sixteen");
    }
}

/// The sequence of priorities is exactly that of the picker all backends share.
///
/// Promise 8
pub async fn lanes_are_picked_as_by_the_shared_picker<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut left = [60, 50, 40, 30];
    for (priority, n) in Priority::ALL.into_iter().zip(left) {
        store(&broker, &of(priority, n)).await;
    }
    let mut picker = LanePicker::default();
    let expected: Vec<Priority> = std::iter::from_fn(|| {
        let picked = picker.pick(|p| left[usize::from(p.as_u8())] > 0)?;
        left[usize::from(picked.as_u8())] -= 1;
        Some(picked)
    })
    .collect();
    let mut member = Member::join(&broker, "g").await;
    let mut got = Vec::new();
    // In calls of several sizes: how much is asked for at once makes no difference.
    for size in [1, 2, 3, 5, 8, 13, 21, 34].into_iter().cycle() {
        let size = size.min(expected.len() - got.len());
        if size == 0 {
            break;
        }
        got.extend(priorities_of(&mut member, size).await);
    }
    assert_eq!(got, expected);
}

/// A retried message comes back in its own lane: before new ones of its priority, behind higher.
///
/// Promise 8
pub async fn a_retry_keeps_its_priority<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &of(Priority::Normal, 2)).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.next().await;
    member.retry(&got, Duration::ZERO, "again").await;
    store(&broker, &of(Priority::High, 2)).await;
    let next = member.take(4).await;
    let found: Vec<_> = next
        .iter()
        .map(|d| (d.message.priority(), d.attempt))
        .collect();
    let (high, normal) = (Priority::High, Priority::Normal);
    assert_eq!(found, [(high, 1), (high, 1), (normal, 2), (normal, 1)]);
}

/// What one group has received does not change the weights of another.
///
/// Promise 8
pub async fn priorities_are_weighed_for_each_group<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut first = Member::join(&broker, "first").await;
    let mut second = Member::join(&broker, "second").await;
    store(&broker, &of(Priority::High, 30)).await;
    store(&broker, &of(Priority::Low, 2)).await;
    let ahead = priorities_of(&mut first, 15).await;
    assert_eq!(ahead, [Priority::High; 15]);
    let of_second = priorities_of(&mut second, 16).await;
    let of_first = priorities_of(&mut first, 1).await;
    assert_eq!(
        of_first,
        [Priority::Low],
        "the sixteenth of the first group"
    );
    assert_eq!(
        of_second[15],
        Priority::Low,
        "the sixteenth of the second group"
    );
    assert_eq!(of_second[..15], [Priority::High; 15]);
}

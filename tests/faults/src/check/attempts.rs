//! I6: attempts are bounded, and end in exactly one dead letter.

use std::collections::BTreeMap;

use super::passage::{Call, Delivery, Passage};
use super::story::Story;
use super::{Expectation, Finding, Remains, Violation};

pub(super) fn find(story: &Story<'_>, expectation: &Expectation) -> Finding {
    let max = expectation.max_attempts?;
    let mut violations = Vec::new();
    for ((group, id), passage) in &story.passages {
        let mut wrong = |text: String| {
            violations.push(Violation::of(id, format!("{text} (group {group})")));
        };
        let mut lives: BTreeMap<usize, Vec<&Delivery<'_>>> = BTreeMap::new();
        for (life, delivery) in passage.ordered() {
            lives.entry(life).or_default().push(delivery);
        }
        let copies = copies(expectation, id);
        for deliveries in lives.values() {
            let number = how_often(deliveries, expectation.partitions.is_some());
            let highest = deliveries.iter().map(|one| one.attempt).max().unwrap_or(0);
            // A crash after the attempt was counted, and before the dead letter was made, costs one more.
            let most = max + u32::from(was_disturbed(story, deliveries));
            if number > most * copies || highest > most {
                wrong(format!(
                    "delivered {number} times up to attempt {highest}, and {most} is the most"
                ));
            }
        }
        let deaths = passage.dead.len();
        if deaths > copies as usize + passage.redrives.len() {
            let redrives = passage.redrives.len();
            wrong(format!(
                "became a dead letter {deaths} times, with {redrives} redrives"
            ));
        }
        let Some(remains) = expectation.groups.get(*group) else {
            continue;
        };
        let last = lives.values().last().map_or(&[][..], Vec::as_slice);
        if is_exhausted(last, max) && !is_dead(passage, remains, id) && !remains.holds(id) {
            wrong("used up its attempts, and is no dead letter".to_owned());
        }
        let is_acked = last.iter().any(|one| one.accepted(Call::Ack).is_some());
        if is_acked && remains.dead_letters(id) > 0 {
            wrong("acked, and a dead letter as well".to_owned());
        }
    }
    for (group, remains) in &expectation.groups {
        let mut letters: BTreeMap<&str, usize> = BTreeMap::new();
        for letter in remains.dead.iter().flatten() {
            *letters.entry(&letter.id).or_default() += 1;
            // One more for the crash that the deliveries above are forgiven.
            if letter.attempts > max + 1 {
                let text = format!(
                    "a dead letter of group {group} with {} attempts",
                    letter.attempts
                );
                violations.push(Violation::of(&letter.id, text));
            }
        }
        for (id, number) in letters {
            if number > copies(expectation, id) as usize {
                let text = format!("{number} dead letters of group {group}");
                violations.push(Violation::of(id, text));
            }
        }
    }
    Some(violations)
}

/// How often a message is stored that has attempts of its own in each place: a store that knows no ids does not see that
/// they are one message.
fn copies(expectation: &Expectation, id: &str) -> u32 {
    let times = expectation.times_stored.get(id).copied();
    let knows_no_ids = expectation.partitions.is_some();
    times.filter(|_| knows_no_ids).unwrap_or(1).max(1)
}

/// How often a message was delivered. Where partitions are, one that a crash has left in two places has its attempts in
/// each, and no more than all of them: then it is the place with the most.
fn how_often(deliveries: &[&Delivery<'_>], by_place: bool) -> u32 {
    let mut places: BTreeMap<Option<&str>, u32> = BTreeMap::new();
    for one in deliveries.iter().filter(|one| !one.released()) {
        let place = one.position.filter(|_| by_place);
        *places.entry(place).or_default() += 1;
    }
    places.into_values().max().unwrap_or(0)
}

fn was_disturbed(story: &Story<'_>, deliveries: &[&Delivery<'_>]) -> bool {
    let moments = || deliveries.iter().map(|one| one.at);
    let (from, to) = (moments().min().unwrap_or(0), moments().max().unwrap_or(0));
    let mut deliveries = deliveries.iter();
    deliveries.any(|one| one.gone_by(to) || story.disturbed(one.process, from, to))
}

/// Whether all attempts were used, and none went well.
fn is_exhausted(deliveries: &[&Delivery<'_>], max: u32) -> bool {
    let highest = deliveries.iter().filter(|one| !one.released());
    let highest = highest.map(|one| one.attempt).max().unwrap_or(0);
    highest >= max && deliveries.iter().all(|one| one.done.is_empty())
}

fn is_dead(passage: &Passage<'_>, remains: &Remains, id: &str) -> bool {
    match remains.dead {
        Some(_) => remains.dead_letters(id) > 0,
        None => passage.ended_dead() || passage.deliveries.iter().any(Delivery::died),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::hand::hand;
    use super::super::{DeadLetter, Invariant, Partitions, Report, check};
    use super::*;

    const TWO: &str = "0 p pub_try m\n1 p pub_ok m\n2 c recv m attempt=1\n3 c nack m accepted\n4 c recv m attempt=2\n";

    fn letters(attempts: &[u32]) -> Expectation {
        let dead = attempts.iter().map(|attempts| DeadLetter {
            id: "m".to_owned(),
            attempts: *attempts,
        });
        Expectation::for_groups(["g"])
            .max_attempts(2)
            .remains("g", Remains::dead(dead))
            .only([Invariant::I6])
    }

    fn judge(text: &str, expectation: &Expectation) -> Report {
        check(&hand(text), expectation)
    }

    #[test]
    fn all_attempts_and_one_dead_letter_are_right() {
        judge(&format!("{TWO}5 c nack m dead"), &letters(&[2])).assert_ok();
        judge(
            &format!("{TWO}5 c done m\n6 c ack m accepted"),
            &letters(&[]),
        )
        .assert_ok();
        let unlisted = Expectation::for_groups(["g"]).max_attempts(2);
        judge(
            &format!("{TWO}5 c nack m dead\n6 w dead m retries"),
            &unlisted,
        )
        .assert_ok();
        let redriven =
            "5 c nack m dead\n6 o redrive m\n7 c recv m attempt=1\n8 c done m\n9 c ack m accepted";
        judge(&format!("{TWO}{redriven}"), &letters(&[])).assert_ok();
    }

    #[test]
    fn an_attempt_too_many_is_found() {
        let third = format!("{TWO}5 c nack m accepted\n6 c recv m attempt=3\n7 c nack m dead");
        assert_eq!(judge(&third, &letters(&[2])).broken(), [Invariant::I6]);
        let crash = format!("{TWO}5 c crash\n6 d recv m attempt=3\n7 d nack m dead");
        judge(&crash, &letters(&[3])).assert_ok();
        let fourth = format!("{crash}\n8 d recv m attempt=4");
        assert_eq!(judge(&fourth, &letters(&[2])).broken(), [Invariant::I6]);
        assert_eq!(
            judge(&format!("{TWO}5 c nack m dead"), &letters(&[4])).broken(),
            [Invariant::I6]
        );
    }

    #[test]
    fn who_is_in_two_places_has_its_attempts_in_each() {
        let at = |time: u64, place: &str, attempt: u32| {
            format!(
                "\n{time} c recv m attempt={attempt} position={place}\n{time} c nack m accepted"
            )
        };
        let head = "0 p pub_try m\n1 p pub_ok m";
        let twice = [at(2, "1-2", 1), at(3, "0-7", 2), at(4, "1-2", 2)].concat();
        let twice = format!("{head}{twice}\n5 w dead m retries");
        let partitions = || {
            letters(&[2]).partitions(Partitions {
                commit: Duration::ZERO,
                rebalance: Duration::ZERO,
            })
        };
        judge(&twice, &partitions()).assert_ok();
        assert_eq!(judge(&twice, &letters(&[2])).broken(), [Invariant::I6]);
        let often = (2..6).map(|time| at(time, "1-2", 1)).collect::<String>();
        let often = format!("{head}{often}\n6 w dead m retries");
        assert_eq!(judge(&often, &partitions()).broken(), [Invariant::I6]);
    }

    #[test]
    fn no_dead_letter_and_two_of_them_are_found() {
        let died = format!("{TWO}5 c nack m dead");
        assert_eq!(judge(&died, &letters(&[])).broken(), [Invariant::I6]);
        assert_eq!(judge(&died, &letters(&[2, 2])).broken(), [Invariant::I6]);
        let twice = format!("{died}\n6 w dead m x\n7 v dead m x");
        assert_eq!(judge(&twice, &letters(&[2])).broken(), [Invariant::I6]);
    }

    #[test]
    fn each_copy_has_attempts_of_its_own_where_the_store_knows_no_ids() {
        let copy = "5 c nack m dead\n6 c recv m attempt=1\n7 c nack m accepted\n8 c recv m attempt=2\n9 c nack m dead";
        let stored = || letters(&[2, 2]).times_stored([("m".to_owned(), 2)]);
        let text = format!("{TWO}{copy}");
        assert_eq!(judge(&text, &stored()).broken(), [Invariant::I6]);
        let second = Duration::from_secs(1);
        let partitions = Partitions {
            commit: second,
            rebalance: second,
        };
        judge(&text, &stored().partitions(partitions)).assert_ok();
        let third = format!("{text}\n10 c recv m attempt=3");
        let report = judge(&third, &stored().partitions(partitions));
        assert_eq!(report.broken(), [Invariant::I6]);
    }

    #[test]
    fn what_was_acked_is_no_dead_letter() {
        let acked = format!("{TWO}5 c done m\n6 c ack m accepted");
        assert_eq!(judge(&acked, &letters(&[2])).broken(), [Invariant::I6]);
    }
}

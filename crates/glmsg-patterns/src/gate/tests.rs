//! Turns, shares, and being alone.

use std::sync::Arc;

use tokio::sync::oneshot::Receiver;

use super::{Gate, Permit};

fn granted(waiting: &mut Receiver<Permit>) -> Option<Permit> {
    waiting.try_recv().ok()
}

/// Works off all who wait, one permit at a time, and returns the lanes in the order of their turns.
fn order(mut waiting: Vec<(char, Receiver<Permit>)>, first: Permit) -> String {
    let mut order = String::new();
    let mut held = Some(first);
    while !waiting.is_empty() {
        drop(held.take());
        let next = waiting.iter_mut().enumerate();
        let mut next = next.filter_map(|(at, (_, w))| granted(w).map(|permit| (at, permit)));
        let (at, permit) = next.next().expect("somebody's turn");
        drop(next);
        held = Some(permit);
        order.push(waiting.remove(at).0);
    }
    order
}

#[test]
fn lanes_have_their_turns_whatever_waits_in_them() {
    let gate = Gate::new(1);
    let (long, short) = (gate.open_lane(1), gate.open_lane(1));
    let first = gate.try_enter().expect("it is free");
    let mut waiting = Vec::new();
    waiting.extend((0..6).map(|_| ('l', gate.enter(long))));
    waiting.extend((0..2).map(|_| ('s', gate.enter(short))));
    assert_eq!(order(waiting, first), "lslsllll");
}

#[test]
fn a_larger_share_is_more_turns() {
    let gate = Gate::new(1);
    let (large, small) = (gate.open_lane(3), gate.open_lane(1));
    let first = gate.try_enter().expect("it is free");
    let mut waiting = Vec::new();
    waiting.extend((0..6).map(|_| ('L', gate.enter(large))));
    waiting.extend((0..3).map(|_| ('s', gate.enter(small))));
    assert_eq!(order(waiting, first), "LLLsLLLss");
}

#[test]
fn who_no_longer_waits_costs_no_permit() {
    let gate = Gate::new(1);
    let lane = gate.open_lane(1);
    let first = gate.try_enter().expect("it is free");
    drop(gate.enter(lane));
    let granted_unseen = gate.enter(lane);
    let mut last = gate.enter(lane);
    drop(first);
    // This one was let in, and goes without having looked.
    drop(granted_unseen);
    assert!(granted(&mut last).is_some());
    assert!(gate.try_enter().is_some());
}

#[test]
fn permits_can_be_made_fewer_and_more() {
    let gate = Gate::new(3);
    let lane = gate.open_lane(1);
    let held: Vec<_> = (0..3).filter_map(|_| gate.try_enter()).collect();
    let numbers: Vec<_> = held.iter().map(Permit::number).collect();
    assert_eq!(numbers, [0, 1, 2]);
    gate.set_permits(1);
    gate.set_permits(2);
    let mut held = held.into_iter();
    drop(held.next());
    assert!(gate.try_enter().is_none(), "two are held, of two");
    drop(held.next());
    let one = gate.try_enter();
    assert_eq!(one.as_ref().map(Permit::number), Some(0));
    let mut waiting = gate.enter(lane);
    assert!(granted(&mut waiting).is_none());
    gate.set_permits(3);
    assert_eq!(granted(&mut waiting).map(|p| p.number()), Some(1));
}

#[test]
fn who_is_to_be_alone_waits_for_all_and_all_wait_for_him() {
    let gate = Gate::new(2);
    let lane = gate.open_lane(1);
    let first = gate.try_enter();
    let mut alone = gate.enter_alone();
    let mut after = gate.enter(lane);
    assert!(granted(&mut alone).is_none(), "somebody works");
    assert!(granted(&mut after).is_none() && gate.try_enter().is_none());
    drop(first);
    let only = granted(&mut alone).expect("nobody works any more");
    assert!(granted(&mut after).is_none() && gate.try_enter().is_none());
    drop(only);
    assert!(granted(&mut after).is_some());
    assert!(Arc::strong_count(&gate) > 0);
}

#[test]
fn who_gives_up_being_alone_stops_nobody() {
    let gate = Gate::new(2);
    let lane = gate.open_lane(1);
    let first = gate.try_enter();
    let alone = gate.enter_alone();
    let mut after = gate.enter(lane);
    assert!(granted(&mut after).is_none());
    drop(alone);
    gate.look_again();
    assert!(granted(&mut after).is_some());
    drop(first);
}

#[test]
fn a_closed_lane_lets_nobody_in() {
    let gate = Gate::new(1);
    let (closed, open) = (gate.open_lane(1), gate.open_lane(1));
    let first = gate.try_enter();
    let mut never = gate.enter(closed);
    let mut next = gate.enter(open);
    gate.close_lane(closed);
    drop(first);
    assert!(granted(&mut next).is_some());
    assert!(never.try_recv().is_err());
}

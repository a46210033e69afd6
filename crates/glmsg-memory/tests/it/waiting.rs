//! Waiting, waking, giving up and the end, with the time moved by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

use glmsg_broker::{Backend, HealthStatus, Received, Settled, Source};
use glmsg_core::{ErrorKind, Message, Result};

use crate::world::{LEASE, Member, SECOND, World, done, message, texts, topic};

/// Counts how often it is woken.
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// A receive that waits, and what wakes it.
fn waits(member: &mut Member, until_woken_by: impl FnOnce()) -> Result<Vec<Received>> {
    let counter = Arc::new(Counter(AtomicUsize::new(0)));
    let waker = Waker::from(counter.clone());
    let mut context = Context::from_waker(&waker);
    let mut buf = Vec::new();
    {
        let mut receive = std::pin::pin!(member.source.recv(&mut buf, 10));
        while receive.as_mut().poll(&mut context).is_pending() && counter.0.swap(0, SeqCst) > 0 {}
        until_woken_by();
        assert!(counter.0.load(SeqCst) > 0, "it is woken");
        match receive.as_mut().poll(&mut context) {
            Poll::Ready(outcome) => outcome?,
            Poll::Pending => panic!("there is something"),
        };
    }
    Ok(buf)
}

#[test]
fn a_publish_wakes_a_waiting_member() {
    let world = World::new();
    let mut a = world.join("g");
    let received = waits(&mut a, || world.store("x")).unwrap();
    assert_eq!(texts(&received), ["x"]);
}

#[test]
fn time_moved_by_hand_wakes_for_schedules_retries_and_leases() {
    let world = World::new();
    let mut a = world.join("g");
    world.publish(message("x").delay(SECOND));
    let held = waits(&mut a, || world.advance(SECOND)).unwrap();
    a.retry(&held[0], SECOND);
    let held = waits(&mut a, || world.advance(SECOND)).unwrap();
    assert_eq!(held[0].attempt, 2);
    let held = waits(&mut a, || world.advance(LEASE)).unwrap();
    assert_eq!(held[0].attempt, 3);
}

#[test]
fn what_others_give_back_wakes_a_waiting_member() {
    let world = World::new();
    let (mut a, mut b) = (world.join("g"), world.join("g"));
    world.publish(message("x").max_retries(0));
    let held = a.one();
    let held = waits(&mut b, || assert_eq!(a.release(&held), Settled::Released)).unwrap();
    b.retry(&held[0], SECOND);
    let redriven = waits(&mut a, || assert_eq!(world.redrive("g"), 1)).unwrap();
    assert_eq!(texts(&redriven), ["x"]);
}

#[test]
fn an_ack_wakes_who_waits_for_the_keys_turn() {
    let world = World::new();
    let (mut a, mut b) = (world.join_per_key("g"), world.join_per_key("g"));
    for name in ["k1", "k2"] {
        world.publish(message(name).key("k"));
    }
    let held = a.one();
    let next = waits(&mut b, || assert_eq!(a.ack(&held), Settled::Acked)).unwrap();
    assert_eq!(texts(&next), ["k2"]);
}

#[test]
fn a_receive_that_is_given_up_loses_nothing_and_passes_its_wake_up_on() {
    let world = World::new();
    let (mut a, mut b) = (world.join("g"), world.join("g"));
    let received = waits(&mut b, || {
        {
            let mut buf = Vec::new();
            let mut context = Context::from_waker(Waker::noop());
            let mut given_up = std::pin::pin!(a.source.recv(&mut buf, 10));
            assert!(given_up.as_mut().poll(&mut context).is_pending());
            world.store("x");
        }
        assert_eq!(world.lag("g").undelivered, 1);
    });
    assert_eq!(texts(&received.unwrap()), ["x"]);
    assert_eq!(a.try_recv(1).unwrap().0.len(), 0);
}

#[test]
fn who_takes_a_part_wakes_another_for_the_rest() {
    let world = World::new();
    let (mut a, mut b) = (world.join("g"), world.join("g"));
    let received = waits(&mut b, || {
        world.store("x y");
        assert_eq!(a.recv(1).len(), 1);
    });
    assert_eq!(texts(&received.unwrap()), ["y"]);
}

#[test]
fn a_receive_of_nothing_does_not_wait() {
    let world = World::new();
    let mut a = world.join("g");
    assert!(done(a.source.recv(&mut Vec::new(), 0)).is_ok());
}

#[test]
fn closing_ends_everything_with_closed() {
    let world = World::new();
    let (mut a, mut b) = (world.join("g"), world.join("g"));
    world.store("x");
    let held = a.one();
    let broker = world.broker.clone();
    let ended = waits(&mut b, || done(broker.close()).unwrap()).unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::Closed);
    done(broker.close()).unwrap();
    let x = [Message::new("t", "x").unwrap()];
    let kinds = [
        done(broker.publish(&x)).unwrap_err().kind(),
        done(broker.publish(&[])).unwrap_err().kind(),
        done(broker.topics()).unwrap_err().kind(),
        done(broker.delete_topic(&topic())).unwrap_err().kind(),
        a.try_recv(1).unwrap_err().kind(),
        done(glmsg_broker::Settler::ack(&a.settler, &[held.token]))
            .unwrap_err()
            .kind(),
        world.subscribe(&World::options("h")).err().unwrap().kind(),
    ];
    assert_eq!(kinds, [ErrorKind::Closed; 7]);
    assert_eq!(done(broker.health()).status, HealthStatus::Unhealthy);
    world.advance(SECOND);
}

#[test]
fn deleting_wakes_and_ends_a_waiting_member() {
    let world = World::new();
    let broker = &world.broker;
    let mut a = world.join("g");
    let ended = waits(&mut a, || {
        done(broker.delete_group(&topic(), &crate::world::group("g"))).unwrap();
    });
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::NotFound);
    let mut b = world.join("g");
    let ended = waits(&mut b, || done(broker.delete_topic(&topic())).unwrap());
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::NotFound);
}

//! Priorities.

use glmsg_core::{Message, Priority};

use crate::world::{SECOND, World, message};

fn fill(world: &World, count: usize, priority: Priority) {
    let batch: Vec<Message> = (0..count)
        .map(|n| {
            let name = format!("{priority}-{n}");
            message(&name).priority(priority).build().unwrap()
        })
        .collect();
    world.publish_all(&batch);
}

#[test]
fn higher_lanes_come_first() {
    let world = World::new();
    let mut a = world.join("g");
    for priority in Priority::ALL {
        fill(&world, 1, priority);
    }
    assert_eq!(a.texts(), ["critical-0", "high-0", "normal-0", "low-0"]);
}

#[test]
fn one_pick_of_sixteen_goes_to_a_lower_lane_in_turn() {
    let world = World::new();
    let mut a = world.join("g");
    for priority in Priority::ALL {
        fill(&world, 100, priority);
    }
    let picked: Vec<Priority> = a.recv(64).iter().map(|r| r.message.priority()).collect();
    for (n, priority) in picked.iter().enumerate() {
        if n % 16 != 15 {
            assert_eq!(*priority, Priority::Critical, "pick {n}");
        }
    }
    let lower = [picked[15], picked[31], picked[47]];
    assert_eq!(lower, [Priority::Normal, Priority::High, Priority::Low]);
}

#[test]
fn the_turn_is_the_groups_and_does_not_begin_anew_with_each_receive() {
    let world = World::new();
    let (mut a, mut b) = (world.join("g"), world.join("g"));
    fill(&world, 50, Priority::High);
    fill(&world, 50, Priority::Low);
    let mut lows = 0;
    for n in 0..32 {
        let member = if n % 2 == 0 { &mut a } else { &mut b };
        lows += usize::from(member.one().message.priority() == Priority::Low);
    }
    assert_eq!(lows, 2);
}

#[test]
fn an_expired_message_uses_up_a_pick_but_no_place() {
    let world = World::new();
    let mut a = world.join("g");
    for n in 0..15 {
        world.publish(
            message(&format!("e{n}"))
                .priority(Priority::High)
                .ttl(SECOND),
        );
    }
    fill(&world, 2, Priority::High);
    fill(&world, 1, Priority::Low);
    world.advance(SECOND);
    let (received, intake) = a.try_recv(1).unwrap();
    assert_eq!(intake.expired, 15);
    assert_eq!(
        received[0].message.priority(),
        Priority::Low,
        "the 16th pick"
    );
}

#[test]
fn a_returned_message_comes_before_new_ones_of_its_lane() {
    let world = World::new();
    let mut a = world.join("g");
    world.store("x");
    let held = a.one();
    world.store("y");
    fill(&world, 1, Priority::High);
    a.release(&held);
    assert_eq!(a.texts(), ["high-0", "x", "y"]);
}

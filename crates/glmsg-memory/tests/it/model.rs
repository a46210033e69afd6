//! The broker against the naive model: random steps, every answer compared.

use std::time::Duration;

use glmsg_broker::{
    Backend, DeadLetterSelector, Nack, Overflow, Position, Published, ReplayQuery, Settled,
    StartFrom, Token, TopicConfig,
};
use glmsg_core::{DeadLetterReason, Message, MessageId, Priority};

use crate::naive::{Act, Given, Naive, Outcome};
use crate::world::{Member, World, done, group, topic};

const GROUPS: [&str; 3] = ["a", "b", "c"];

/// SplitMix64: steps that a seed repeats.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.throw(sides) == 0
    }

    fn millis(&mut self, most: u64) -> Duration {
        // Coarse, so that many things fall on the same moment.
        Duration::from_millis(self.throw(most / 100) * 100)
    }
}

struct Run {
    dice: Dice,
    world: World,
    naive: Naive,
    members: Vec<(&'static str, Member, Duration)>,
    held: Vec<(&'static str, Token, Given)>,
    published: u64,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let mut bounds = TopicConfig::default()
            .max_len(5 + dice.throw(30))
            .dead_letter_age(Duration::from_secs(20));
        if dice.one_in(2) {
            bounds = bounds.overflow(Overflow::DropOldest);
        }
        if dice.one_in(2) {
            bounds = bounds.max_age(Duration::from_secs(3));
        }
        let world = World::with(bounds.clone());
        let naive = Naive::new(world.now(), bounds.clone());
        done(world.broker.create_topic(&topic(), &bounds)).unwrap();
        Self {
            dice,
            world,
            naive,
            members: Vec::new(),
            held: Vec::new(),
            published: 0,
        }
    }

    fn step(&mut self) {
        match self.dice.throw(20) {
            0..=4 => self.publish(),
            5..=8 => self.recv(),
            9..=13 => self.settle(),
            14 | 15 => {
                let by = self.dice.millis(2000);
                self.world.advance(by);
                self.naive.advance(by);
            }
            16 => self.redrive(),
            17 => self.join_or_leave(),
            _ => self.look(),
        }
    }

    fn message(&mut self) -> Message {
        let dice = &mut self.dice;
        // Some again, some out of order.
        let number = match dice.throw(8) {
            0 => self.published.saturating_sub(dice.throw(20)),
            1 => self.published + 1_000_000 - dice.throw(50),
            _ => self.published,
        };
        self.published += 1;
        let mut id = [0; 16];
        id[8..].copy_from_slice(&number.to_be_bytes());
        let mut message = Message::builder("t")
            .id(MessageId::from_bytes(id))
            .priority(Priority::ALL[usize::try_from(dice.throw(4)).unwrap()])
            .max_retries(u16::try_from(dice.throw(4)).unwrap());
        if !dice.one_in(3) {
            message = message.key(["x", "y"][usize::try_from(dice.throw(2)).unwrap()]);
        }
        if dice.one_in(4) {
            message = message.ttl(dice.millis(3000));
        }
        if dice.one_in(6) {
            message = message.delay(dice.millis(3000));
        }
        message.build().unwrap()
    }

    fn publish(&mut self) {
        let count = 1 + self.dice.throw(4);
        let batch: Vec<Message> = (0..count).map(|_| self.message()).collect();
        let outcomes = self.world.publish_all(&batch);
        let outcomes: Vec<Outcome> = outcomes
            .into_iter()
            .map(|outcome| match outcome {
                Published::Stored => Outcome::Stored,
                Published::Duplicate => Outcome::Duplicate,
                Published::Full(_) => Outcome::Full,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(outcomes, self.naive.publish(&batch));
    }

    fn member(&mut self) -> Option<usize> {
        let count = self.members.len() as u64;
        (count > 0).then(|| usize::try_from(self.dice.throw(count)).unwrap())
    }

    fn recv(&mut self) {
        let Some(n) = self.member() else { return };
        let max = usize::try_from(1 + self.dice.throw(6)).unwrap();
        let (name, member, lease) = &mut self.members[n];
        let (received, intake) = member.try_recv(max).unwrap();
        let (given, expected) = self.naive.recv(name, max, *lease);
        assert_eq!(intake, expected);
        assert_eq!(received.len(), given.len());
        for (received, given) in received.iter().zip(given) {
            assert_eq!(received.message.id(), given.id);
            assert_eq!(received.attempt, given.attempt);
            assert_eq!(received.history.len(), given.history);
            self.held.push((name, received.token, given));
        }
    }

    fn settle(&mut self) {
        let count = self.held.len() as u64;
        if count == 0 {
            return;
        }
        // Mostly recent ones, some long stale, some again.
        let back = self.dice.throw(count.min(12));
        let at = if self.dice.one_in(5) {
            self.dice.throw(count)
        } else {
            count - 1 - back
        };
        let at = usize::try_from(at).unwrap();
        let act = match self.dice.throw(10) {
            0..=3 => Act::Ack,
            4 | 5 => Act::Retry(self.dice.millis(2000)),
            6 => Act::Reject,
            7 => Act::Release,
            _ => Act::Extend(self.dice.millis(3000)),
        };
        let (name, token, given) = &self.held[at];
        let Some((_, member, _)) = self.members.iter().find(|(of, ..)| of == name) else {
            return;
        };
        let settler = &member.settler;
        let outcome = match act {
            Act::Ack => done(glmsg_broker::Settler::ack(settler, &[*token])).unwrap()[0],
            Act::Retry(delay) => member.nack(Nack::retry(*token, delay, "")),
            Act::Reject => member.nack(Nack::reject(*token, DeadLetterReason::Rejected, "")),
            Act::Release => done(glmsg_broker::Settler::release(settler, &[*token])).unwrap()[0],
            Act::Extend(lease) => {
                done(glmsg_broker::Settler::extend(settler, &[*token], lease)).unwrap()[0]
            }
        };
        let is_current = self.naive.settle(name, given, act);
        assert_eq!(outcome.is_current(), is_current, "{act:?} {outcome:?}");
        let is_final = matches!(outcome, Settled::Acked | Settled::DeadLettered(_));
        if is_final && !self.dice.one_in(10) {
            self.held.remove(at);
        }
    }

    fn redrive(&mut self) {
        let Some(n) = self.member() else { return };
        let name = self.members[n].0;
        let reason = DeadLetterReason::ALL[usize::try_from(self.dice.throw(3)).unwrap()];
        let only = DeadLetterSelector::Reason(reason);
        let broker = &self.world.broker;
        if self.dice.one_in(4) {
            let purged = done(broker.purge(&topic(), &group(name), &only)).unwrap();
            assert_eq!(purged, self.naive.purge(name, reason));
        } else if self.dice.one_in(2) {
            let redriven = done(broker.redrive(&topic(), &group(name), &only)).unwrap();
            assert_eq!(redriven, self.naive.redrive(name, Some(reason)));
        } else {
            assert_eq!(self.world.redrive(name), self.naive.redrive(name, None));
        }
    }

    fn join_or_leave(&mut self) {
        let name = GROUPS[usize::try_from(self.dice.throw(3)).unwrap()];
        self.naive.tick();
        let exists = self.members.iter().any(|(of, ..)| *of == name);
        if exists && self.dice.one_in(6) {
            done(self.world.broker.delete_group(&topic(), &group(name))).unwrap();
            assert!(self.naive.delete(name));
            self.members.retain(|(of, ..)| *of != name);
            self.held.retain(|(of, ..)| *of != name);
            return;
        }
        // The ordering follows from the name.
        let mut options = World::options(name).lease(Duration::from_secs(1 + self.dice.throw(3)));
        if name == "c" {
            options = options.ordering(glmsg_broker::Ordering::PerKey);
        }
        let mut ordinal = 1;
        if !exists {
            let kept = &self.naive.kept;
            let before = self.dice.throw(self.naive.next);
            let (start, expected) = match self.dice.throw(4) {
                0 => (StartFrom::Latest, self.naive.next),
                1 => (
                    StartFrom::After(Position::new(before.to_string())),
                    before + 1,
                ),
                2 if !kept.is_empty() => {
                    let at = usize::try_from(self.dice.throw(kept.len() as u64)).unwrap();
                    let time = kept[at].stored_at;
                    let first = kept.iter().find(|k| k.stored_at >= time).unwrap();
                    (StartFrom::Time(time), first.ordinal)
                }
                _ => (StartFrom::Earliest, 1),
            };
            options = options.start(start);
            ordinal = expected;
        }
        let member = self.world.subscribe(&options).unwrap();
        if !exists {
            self.naive.create(name, name == "c", ordinal);
        }
        self.members.push((name, member, options.lease));
    }

    fn look(&mut self) {
        let query = ReplayQuery::new(topic(), StartFrom::Earliest);
        let stored = done(self.world.broker.replay(&query)).unwrap();
        let stored: Vec<_> = stored
            .iter()
            .map(|s| (s.message.as_ref().unwrap().id(), s.stored_at))
            .collect();
        assert_eq!(stored, self.naive.ids());
        let info = done(self.world.broker.topics()).unwrap();
        assert_eq!(info[0].messages, self.naive.len());
        let Some(n) = self.member() else { return };
        let name = self.members[n].0;
        assert_eq!(self.world.lag(name), self.naive.lag(name));
        let dead: Vec<_> = self
            .world
            .dead(name)
            .iter()
            .map(|d| (d.id, d.reason, d.attempts, d.history.len()))
            .collect();
        assert_eq!(dead, self.naive.dead(name));
    }
}

#[test]
fn the_broker_does_what_the_model_says() {
    let runs = std::env::var("GLMSG_MODEL_RUNS").map_or(200, |runs| runs.parse().unwrap());
    for seed in 0..runs {
        let ended = std::panic::catch_unwind(|| {
            let mut run = Run::new(seed);
            for _ in 0..400 {
                run.step();
            }
        });
        assert!(ended.is_ok(), "seed {seed}");
    }
}

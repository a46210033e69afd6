//! Runtimes that end while something is under way: those who wait on another one are not stuck.

use std::sync::Arc;

use tokio::runtime::Runtime;

use super::script::{Act, Gate, Script};
use super::{LONG, Producer, ProducerSettings, record, send, soon, with, within};

/// Runtimes of the brokers, of those who begin, and of those who go on.
struct Three {
    first: Runtime,
    second: Runtime,
    script: Script,
    producer: Arc<Producer>,
    of_brokers: Runtime,
}

impl Three {
    fn new(settings: ProducerSettings) -> Self {
        let [of_brokers, first, second] = [(); 3].map(|()| Runtime::new().unwrap());
        let (script, producer) = of_brokers.block_on(with(settings));
        Self {
            first,
            second,
            script,
            producer: Arc::new(producer),
            of_brokers,
        }
    }

    /// Sends a value on the first runtime, and waits until it is under way.
    fn begin(&self, act: Act) -> Gate {
        let gate = self.script.world.hold(act);
        let producer = Arc::clone(&self.producer);
        self.first.spawn(async move { send(&producer, "a").await });
        self.second.block_on(self.script.world.arrived(1));
        gate
    }

    fn end(self, wanted: &[&str]) {
        assert_eq!(self.script.world.stored(0), wanted);
        drop(self.of_brokers);
    }
}

#[test]
fn who_waits_on_another_runtime_sees_to_it() {
    for stores in [true, false] {
        let three = Three::new(within(LONG));
        let gate = three.begin(Act::HangUp { stores });
        // Behind what is under way.
        let producer = Arc::clone(&three.producer);
        let waiting = three
            .second
            .spawn(async move { send(&producer, "b").await });
        let producer = &three.producer;
        three.second.block_on(soon(async {
            while producer.shared.state().topics[0].partitions[0]
                .queue
                .is_empty()
            {
                tokio::task::yield_now().await;
            }
        }));
        drop(gate);
        let (first, second) = (three.first, three.second);
        drop(first);
        second.block_on(async { waiting.await.unwrap().unwrap() });
        let first = Runtime::new().unwrap();
        Three {
            first,
            second,
            ..three
        }
        .end(&["a", "b"]);
    }
}

#[test]
fn who_comes_later_on_another_runtime_sees_to_it() {
    let three = Three::new(within(LONG));
    let gate = three.begin(Act::Store);
    let Three {
        first,
        second,
        script,
        producer,
        of_brokers,
    } = three;
    // Nobody else waits.
    drop(first);
    drop(gate);
    second.block_on(send(&producer, "b")).unwrap();
    assert_eq!(script.world.stored(0), ["a", "b"]);
    drop(of_brokers);
}

#[test]
fn who_waits_for_room_on_another_runtime_sees_to_it() {
    let three = Three::new(ProducerSettings {
        queue: 200,
        ..within(LONG)
    });
    let gate = three.begin(Act::Store);
    let large = "x".repeat(300);
    let Three {
        first,
        second,
        script,
        producer,
        of_brokers,
    } = three;
    let waiting = second.spawn({
        let (producer, large) = (Arc::clone(&producer), large.clone());
        async move { send(&producer, &large).await }
    });
    second.block_on(soon(async {
        while producer
            .shared
            .crowd
            .load(std::sync::atomic::Ordering::SeqCst)
            == 0
        {
            tokio::task::yield_now().await;
        }
    }));
    drop(first);
    drop(gate);
    second.block_on(waiting).unwrap().unwrap();
    assert_eq!(script.world.stored(0), ["a", &large]);
    drop(of_brokers);
}

#[test]
fn what_nobody_waits_for_is_seen_to_by_who_flushes_or_drops_the_producer() {
    for flushes in [true, false] {
        let Three {
            first,
            second,
            script,
            producer,
            of_brokers,
        } = Three::new(within(LONG));
        let gate = script.world.hold(Act::Store);
        first.block_on(async {
            let mut call = producer.call(1);
            call.put(0, record(0, "a")).await.unwrap();
            drop(call);
            script.world.arrived(1).await;
        });
        drop(first);
        drop(gate);
        second.block_on(async {
            if flushes {
                assert!(producer.flush(LONG).await);
            } else {
                drop(producer);
                let is_sent = |inner: &super::script::Inner| inner.sent.len() >= 2;
                script.world.until("it is sent again", is_sent).await;
            }
        });
        assert_eq!(script.world.stored(0), ["a"]);
        drop(of_brokers);
    }
}

#[test]
fn what_has_no_leader_yet_is_kept_as_a_runtime_ends() {
    let Three {
        first,
        second,
        script,
        producer,
        of_brokers,
    } = Three::new(within(LONG));
    script.world.lead(0, -1);
    let sending = Arc::clone(&producer);
    first.spawn(async move { send(&sending, "a").await });
    let is_asked = |inner: &super::script::Inner| inner.asked >= 3;
    second.block_on(script.world.until("leaders are looked for", is_asked));
    drop(first);
    script.world.lead(0, 0);
    second.block_on(send(&producer, "b")).unwrap();
    assert_eq!(script.world.stored(0), ["a", "b"]);
    drop(of_brokers);
}

#[test]
fn who_leaves_its_runtime_for_a_while_holds_up_nobody() {
    let [of_brokers, service] = [(); 2].map(|()| Runtime::new().unwrap());
    let mut visitor = tokio::runtime::Builder::new_current_thread();
    let visitor = visitor.enable_all().build().unwrap();
    let (script, producer) = of_brokers.block_on(async {
        let script = Script::new(1, &[0, 0, 0]).await;
        let producer = Producer::new(script.cluster(), within(LONG));
        (script, Arc::new(producer))
    });
    let gate = script.world.hold(Act::Store);
    let held = Arc::clone(&producer);
    let held = service.spawn(async move { held.send(record(0, "a")).await });
    visitor.block_on(script.world.arrived(1));
    // While the first is held, another task sends this.
    let sent = visitor.block_on(soon(producer.send(record(1, "b"))));
    sent.unwrap();
    // That runtime is still there, and nobody drives it.
    let sent = service.block_on(soon(producer.send(record(2, "c"))));
    sent.unwrap();
    assert_eq!(script.world.stored(0), [""; 0], "it is held");
    drop(gate);
    service.block_on(held).unwrap().unwrap();
    drop((visitor, service, of_brokers));
}

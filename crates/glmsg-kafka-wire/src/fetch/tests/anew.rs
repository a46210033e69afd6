//! Runtimes that end, and fetchers that do.

use kafka_protocol::messages::fetch_response::FetchableTopicResponse;
use kafka_protocol::messages::{FetchResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use tokio::runtime::{Builder, Runtime};

use super::script::{Script, has};
use super::{batch, records, settings, topic};
use crate::fetch::plan::Turn;
use crate::fetch::session::Session;
use crate::fetch::slot::{Place, Slot};
use crate::fetch::state::{Node, State};
use crate::fetch::{FetchSettings, Fetcher};

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn another_runtime_goes_on_where_one_has_ended() {
    // That of the broker.
    let outer = runtime();
    let mut script = outer.block_on(Script::new(&[0]));
    let fetcher = Fetcher::new(script.cluster(), settings());
    // Without a runtime nothing begins.
    let generation = fetcher.assign(topic(), 0, 0);
    assert!(fetcher.try_next().is_none());

    let first = runtime();
    first.block_on(async {
        let read = records(&fetcher);
        let answer = async { script.call().await.answer(vec![has(0, batch(0..2))]) };
        assert_eq!(tokio::join!(read, answer).0, (vec![0, 1], 2, generation));
        // Of what comes now nothing is taken.
        script.call().await.answer(vec![has(0, batch(2..4))]);
        script.call().await;
    });
    drop(first);

    let second = runtime();
    second.block_on(async {
        // It was fetched, and is not lost.
        assert_eq!(records(&fetcher).await, (vec![2, 3], 4, generation));
        let read = records(&fetcher);
        let answer = async {
            let call = script.call().await;
            assert_eq!((call.session(), call.asked()), ((0, 0), vec![(0, 4)]));
            call.answer(vec![has(0, batch(4..5))]);
        };
        assert_eq!(tokio::join!(read, answer).0, (vec![4], 5, generation));
    });
}

#[test]
fn who_waits_goes_on_when_the_runtime_of_another_ends() {
    let outer = runtime();
    let mut script = outer.block_on(Script::new(&[0]));
    let fetcher = Fetcher::new(script.cluster(), settings());
    let first = runtime();
    first.block_on(async {
        fetcher.assign(topic(), 0, 0);
        script.call().await
    });
    let second = runtime();
    second.block_on(async {
        let reading = records(&fetcher);
        let ending = async {
            // The other side waits by now, or will find out.
            tokio::task::yield_now().await;
            first.shutdown_background();
            script.call().await.answer(vec![has(0, batch(0..1))]);
        };
        assert_eq!(tokio::join!(reading, ending).0.0, [0]);
    });
}

#[tokio::test]
async fn nothing_goes_on_once_it_is_dropped() {
    let mut script = Script::new(&[0, 1]).await;
    let fetcher = Fetcher::new(script.cluster(), settings());
    fetcher.assign(topic(), 0, 0);
    fetcher.assign(topic(), 1, 0);
    let calls = [script.call_to(0).await, script.call_to(1).await];
    drop(fetcher);
    script.world.all_closed().await;
    assert!(calls.iter().all(|call| !call.is_waiting()));
}

#[tokio::test]
async fn a_partition_that_is_let_go_and_assigned_anew() {
    let mut script = Script::new(&[0]).await;
    let fetcher = Fetcher::new(script.cluster(), settings());
    fetcher.assign(topic(), 0, 0);
    let call = script.call().await;
    fetcher.unassign("orders", 0);
    call.answer(vec![has(0, batch(0..1))]);
    fetcher.assign(topic(), 0, 5);
    let mut call = script.call().await;
    while call.asked() != [(0, 5)] {
        call.answer(Vec::new());
        call = script.call().await;
    }
    assert!(fetcher.try_next().is_none());
}

#[test]
fn what_came_and_was_not_looked_at_is_fetched_again() {
    let mut state = State::default();
    let node = Node::new(0, state.begin());
    let mut slot = Slot::new(topic(), 0, 10, 1);
    slot.is_led(0);
    state.insert(slot);
    let mut session = Session::new();
    let settings = FetchSettings {
        buffer: 100,
        ..settings()
    };
    state.plan(&node, &mut session, &settings, 12).unwrap();
    let partitions = FetchableTopicResponse::default()
        .with_topic(TopicName(StrBytes::from_static_str("orders")))
        .with_partitions(vec![has(0, batch(10..20))]);
    let answer = FetchResponse::default().with_responses(vec![partitions]);
    assert_eq!(state.settle(&node, &session, answer).len(), 1);
    assert_eq!(state.slots[&1].place, Place::At(20));
    assert_eq!(state.room(settings.buffer), None);
    // The runtime ends here.
    state.begin();
    assert_eq!(state.slots[&1].place, Place::At(10));
    assert_eq!(state.room(settings.buffer), Some(100));
    // And nothing is heard of its tasks any more.
    assert_eq!(state.turn(&node, &settings), Turn::Over);
    assert!(state.plan(&node, &mut session, &settings, 12).is_none());
}

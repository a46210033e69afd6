//! Runtimes that end, and fetchers that do.

use tokio::runtime::{Builder, Runtime};

use super::script::{Script, has};
use super::{batch, records, settings, topic};
use crate::fetch::Fetcher;

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
async fn a_broker_that_leads_nothing_any_more_is_left() {
    let mut script = Script::new(&[0]).await;
    let fetcher = Fetcher::new(script.cluster(), settings());
    fetcher.assign(topic(), 0, 0);
    let call = script.call().await;
    let connection = call.connection;
    fetcher.unassign("orders", 0);
    call.answer(vec![has(0, batch(0..1))]);
    // It is connected to anew.
    fetcher.assign(topic(), 0, 5);
    let mut call = script.call().await;
    while call.asked() != [(0, 5)] {
        call.answer(Vec::new());
        call = script.call().await;
    }
    assert!(fetcher.try_next().is_none());
    let _ = connection;
}

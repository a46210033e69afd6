//! Runtimes that end while somebody waits: they are not kept from it.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::connection::tests::servers::at;
use crate::{Cluster, FetchSettings, Fetcher, NewRecord, Producer, ProducerSettings};

/// Runs this on a runtime that ends when it has gone as far as to connect.
fn ends_with<F: Future<Output = ()> + Send + 'static>(silent: &TcpListener, waits: F) {
    let (done, has_ended) = channel();
    let connected = silent.try_clone().unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.spawn(waits);
        drop(connected.accept());
        drop(runtime);
        done.send(()).unwrap();
    });
    let ended = has_ended.recv_timeout(Duration::from_secs(20));
    ended.expect("the runtime ends");
}

/// A cluster whose only broker takes connections and says nothing.
fn silent() -> (Arc<Cluster>, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (
        Cluster::new(at(vec![("127.0.0.1".to_owned(), port)])),
        listener,
    )
}

#[test]
fn who_waits_for_records_keeps_no_runtime() {
    let (cluster, listener) = silent();
    let fetcher = Arc::new(Fetcher::new(cluster, FetchSettings::default()));
    for _ in 0..200 {
        let fetcher = Arc::clone(&fetcher);
        ends_with(&listener, async move {
            fetcher.assign("flights".into(), 0, 0);
            drop(fetcher.next().await);
        });
    }
}

#[test]
fn who_waits_for_what_he_has_sent_keeps_no_runtime() {
    let (cluster, listener) = silent();
    let producer = Arc::new(Producer::new(cluster, ProducerSettings::default()));
    producer.learn("flights", &[7, -1]);
    for n in 0..200_i32 {
        let producer = Arc::clone(&producer);
        ends_with(&listener, async move {
            let record = NewRecord {
                topic: "flights",
                partition: Some(n % 2),
                key: None,
                value: Some(b"x"),
                headers: None,
            };
            drop(producer.send(record).await);
        });
    }
}

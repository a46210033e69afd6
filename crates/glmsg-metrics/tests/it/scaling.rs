//! The scaler on a real consumer.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Consumer, HandlerError, Incoming};
use glmsg_core::{ErrorKind, Message};
use glmsg_metrics::{Scaler, ScalerBuilder};

use crate::layered::{layered, memory, scraped};

#[tokio::test]
async fn a_backlog_gets_workers_and_its_end_takes_them_back() {
    let (layer, registry) = layered();
    let broker = memory(&layer);
    let message = |_| {
        Message::builder("orders")
            .payload("x")
            .build()
            .expect("valid")
    };
    let flood: Vec<Message> = (0..2000).map(message).collect();
    broker.publish(&flood).await.expect("stored");
    let consumer = Consumer::new(broker.clone(), "orders", "billing")
        .start(|_: Incoming| async {
            // What a handler waits for: its own work takes no time of the test's.
            tokio::time::sleep(Duration::from_millis(5)).await;
            Ok::<(), HandlerError>(())
        })
        .await
        .expect("it starts");
    let consumer = Arc::new(consumer);
    let (told, mut tells) = tokio::sync::mpsc::unbounded_channel();
    let scaled = consumer.clone();
    let scaler = Scaler::builder(&layer, broker, "orders", "billing")
        .bounds(1..=8)
        .target(Duration::from_millis(100))
        .interval(Duration::from_millis(100))
        .down_after(3)
        .start(move |workers| {
            scaled.set_workers(workers)?;
            let _ = told.send(workers);
            Ok(())
        })
        .expect("it starts");
    assert_eq!(tells.recv().await, Some(1));
    let limit = Duration::from_secs(60);
    let mut most = 1;
    // Up to all there may be, and, once all is done, down to one.
    loop {
        let next = tokio::time::timeout(limit, tells.recv()).await;
        let workers = next.expect("it decides within a minute").expect("it lives");
        most = most.max(workers);
        if most == 8 && workers == 1 {
            break;
        }
    }
    assert_eq!(consumer.stats().workers, 1);
    assert!(scraped(&registry).has("glmsg_workers_wanted{topic=\"orders\",group=\"billing\"}"));
    drop(scaler);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_before_anything_is_set() {
    let refused = |change: fn(ScalerBuilder) -> ScalerBuilder| {
        let (layer, _registry) = layered();
        let broker = memory(&layer);
        let builder = change(Scaler::builder(&layer, broker, "orders", "billing"));
        builder
            .start(|_| panic!("nothing is set"))
            .expect_err("refused")
            .kind()
    };
    assert_eq!(refused(|b| b.bounds(0..=3)), ErrorKind::InvalidArgument);
    assert_eq!(
        refused(|b| b.interval(Duration::ZERO)),
        ErrorKind::InvalidArgument
    );
    assert_eq!(
        refused(|b| b.target(Duration::ZERO)),
        ErrorKind::InvalidArgument
    );
}

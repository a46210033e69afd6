//! What a consumer and the metrics layer say about themselves.

use glmsg_broker::{HandlerError, HealthStatus, Incoming, Layer, MetricsLayer};

use super::{drain, eager};
use crate::Fixture;
use crate::messages::{build, builder, numbered, store};
use crate::patience::{until, within};
use crate::watch::Watch;

/// A consumer's statistics tell how many messages were handled, failed and given up.
///
/// Promise 13
pub async fn statistics_tell_what_happened<F: Fixture>(f: F) {
    let (broker, watch) = Watch::over(f.broker().await);
    store(&broker, &numbered(10)).await;
    store(&broker, &[build(builder("fails").max_retries(2))]).await;
    let handler = |incoming: Incoming| async move {
        match &incoming.payload()[..] {
            b"fails" => Err(HandlerError::retry("no")),
            _ => Ok(()),
        }
    };
    let consumer = eager(&broker).workers(3).start(handler);
    let consumer = consumer.await.expect("starts");
    watch
        .until("ten acks and three failures", |seen| {
            seen.acked == 10 && seen.nacks.len() == 3
        })
        .await;
    until("the statistics to tell", || async {
        let now = consumer.stats();
        (now.handled, now.failed, now.retried, now.dead_lettered) == (10, 3, 2, 1)
    })
    .await;
    let now = consumer.stats();
    assert_eq!((now.received, now.stale, now.expired), (13, 0, 0));
    assert_eq!(now.workers, 3);
    drain(consumer).await;
}

/// The metrics layer counts what passes through it, and changes nothing.
///
/// Promise 13
pub async fn the_metrics_layer_counts<F: Fixture>(f: F) {
    let broker = MetricsLayer::default().layer(f.broker().await);
    store(&broker, &numbered(20)).await;
    store(&broker, &[build(builder("fails").max_retries(1))]).await;
    let handler = |incoming: Incoming| async move {
        match &incoming.payload()[..] {
            b"fails" => Err(HandlerError::retry("no")),
            _ => Ok(()),
        }
    };
    let consumer = eager(&broker).start(handler).await.expect("starts");
    let metrics = broker.metrics().expect("the layer has metrics");
    until("the metrics to tell", || async {
        let now = metrics.snapshot();
        (now.published, now.acked, now.dead_lettered) == (21, 20, 1)
    })
    .await;
    drain(consumer).await;
    let now = metrics.snapshot();
    assert_eq!((now.consumed, now.retried, now.expired), (22, 1, 0));
    let health = within("a probe", broker.health()).await;
    assert_eq!(
        health.status,
        HealthStatus::Healthy,
        "it passes on the rest"
    );
}

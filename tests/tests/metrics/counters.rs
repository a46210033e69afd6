//! What Prometheus has counted, against the ledger of the handler and what the broker holds.

use glmsg::{DeadLetterQuery, DeadLetterReason};

use crate::prometheus::{Prometheus, get, promtool};
use crate::station::Station;

#[tokio::test(flavor = "multi_thread")]
async fn counters_equal_the_ledger() {
    let station = Station::open().await;
    let prometheus = Prometheus::scraping(station.server.address());
    let consumer = station.consumer().await;
    station.publish().await;
    station.done().await;
    let report = consumer.shutdown().await.unwrap();

    let (ids, calls, handled, failed) = {
        let ledger = station.ledger.lock().unwrap();
        let calls: u64 = ledger.calls.values().sum();
        (ledger.calls.len(), calls, ledger.handled, ledger.failed)
    };
    assert_eq!((ids, handled), (1000, 975));
    let query = DeadLetterQuery::new(station.topic.clone(), station.group.clone()).limit(100);
    let dead = station.broker.dead_letters(&query).await.unwrap().items;
    let with = |reason| dead.iter().filter(|letter| letter.reason == reason).count();
    let dead_by_reason = DeadLetterReason::ALL.map(|reason| (reason, with(reason)));
    assert_eq!(dead.len(), 25);

    let released = report.stats.released;
    let expected = [
        ("messages_published_total", 1000),
        ("messages_consumed_total", calls + released),
        ("message_attempts_total", calls + released),
        ("messages_released_total", released),
        ("messages_acked_total", handled),
        ("messages_failed_total", failed),
        ("messages_retried_total", failed - dead.len() as u64),
        ("messages_stale_total", 0),
        ("message_handling_seconds_count", calls),
        ("message_critical_seconds_count", handled),
        ("consumer_lag_messages", 0),
        ("dead_letters_messages", dead.len() as u64),
        ("broker_connected", 1),
        ("broker_healthy", 1),
        ("lag_poll_errors_total", 0),
    ];
    for (name, count) in expected {
        prometheus.until_is(name, count as f64);
    }
    for (reason, count) in dead_by_reason {
        let query = format!("messages_dead_lettered_total{{reason=\"{reason}\"}}");
        prometheus.until_is(&query, count as f64);
    }
    prometheus.until_is(
        "sum(messages_duplicate_total) + sum(messages_refused_total)",
        0.0,
    );
    let quantile = "histogram_quantile(0.99, sum by (le) (message_latency_seconds_bucket))";
    let latency = prometheus.until("there are latencies", || prometheus.number(quantile));
    assert!(latency > 0.0 && latency < 120.0, "{latency}");

    // As who reads them by hand, or an older Prometheus, gets them.
    promtool(
        &["check", "metrics"],
        &get(station.server.address(), "/metrics").unwrap(),
    );
    assert_eq!(
        get(station.server.address(), "/health/ready").unwrap(),
        "ready\n"
    );
    station.server.shutdown().await;
}

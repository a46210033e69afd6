//! An alert that a consumer has stopped, and its end.

use crate::prometheus::Prometheus;
use crate::station::Station;

/// Messages wait, and nothing is acked.
const RULES: &str = r#"
groups:
  - name: test
    rules:
      - alert: ConsumerStopped
        expr: |
          max by (topic, group) (consumer_undelivered_messages) > 0
          unless on (topic, group) sum by (topic, group) (rate(messages_acked_total[5s])) > 0
        for: 1s
"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_fires_when_a_consumer_stops_and_clears_when_it_resumes() {
    let station = Station::open().await;
    let consumer = station.consumer().await;
    station.publish().await;
    station.done().await;
    let prometheus = Prometheus::scraping(station.server.address(), RULES);
    prometheus.until_is("sum(messages_acked_total)", 975.0);
    assert_ne!(prometheus.alert("ConsumerStopped").unwrap(), "firing");

    consumer.shutdown().await.unwrap();
    station.publish().await;
    prometheus.until_alert("ConsumerStopped", "firing");

    let consumer = station.consumer().await;
    prometheus.until_alert("ConsumerStopped", "inactive");
    station.done().await;
    consumer.shutdown().await.unwrap();
    station.server.shutdown().await;
}

//! Alerts that fire when something is wrong, and clear when it is right again.

use crate::busy::{Busy, FULL};
use crate::prometheus::Prometheus;
use crate::station::Station;

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_fires_when_a_consumer_stops_and_clears_when_it_resumes() {
    const STOPPED: &str = "GlmsgConsumerStopped";
    let station = Station::open().await;
    let consumer = station.consumer().await;
    station.publish().await;
    station.done().await;
    let prometheus = Prometheus::scraping(station.server.address());
    prometheus.until_is("sum(messages_acked_total)", 975.0);
    assert_ne!(prometheus.alert(STOPPED, "orders").unwrap(), "firing");

    consumer.shutdown().await.unwrap();
    station.publish().await;
    prometheus.until_alert(STOPPED, "orders", "firing");

    let consumer = station.consumer().await;
    prometheus.until_alert(STOPPED, "orders", "inactive");
    station.done().await;
    consumer.shutdown().await.unwrap();
    station.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_fire_while_something_is_wrong_and_clear_when_it_is_over() {
    let mut busy = Busy::start().await;
    let prometheus = Prometheus::scraping(busy.station.server.address());
    busy.lose_payments().await;
    let of_a_busy_station = [
        ("GlmsgDeadLetters", "orders"),
        ("GlmsgPublishRefused", FULL),
        ("GlmsgConsumerStopped", FULL),
        ("GlmsgBreakerOpen", "payments"),
    ];
    for (name, of) in of_a_busy_station {
        prometheus.until_alert(name, of, "firing");
    }
    busy.calm_down();
    busy.station.take_all(FULL).await;
    for (name, of) in of_a_busy_station {
        prometheus.until_alert(name, of, "inactive");
    }

    let address = busy.station.server.address();
    let instance = address.to_string();
    let elsewhere = "127.0.0.1:0".parse().unwrap();
    busy.station.move_endpoint(elsewhere).await;
    prometheus.until_alert("GlmsgInstanceDown", &instance, "firing");
    busy.station.move_endpoint(address).await;
    prometheus.until_alert("GlmsgInstanceDown", &instance, "inactive");
}

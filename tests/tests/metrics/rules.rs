//! The rules, as Prometheus evaluates them on a real run.

use crate::busy::Busy;
use crate::prometheus::Prometheus;

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_can_be_evaluated_and_every_recorded_series_is_there() {
    let busy = Busy::start().await;
    let prometheus = Prometheus::scraping(busy.station.server.address());
    let rules = prometheus.until("every rule was evaluated", || {
        let rules = prometheus.rules()?;
        let waits = rules.iter().find(|rule| rule["health"] == "unknown");
        waits.map_or(Ok(rules.clone()), |rule| Err(rule.to_string()))
    });
    let wrong: Vec<_> = rules.iter().filter(|rule| rule["health"] != "ok").collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let of = |kind: &'static str| rules.iter().filter(move |rule| rule["type"] == kind);
    assert!(of("recording").count() >= 7, "{rules:#?}");
    assert!(of("alerting").count() >= 15, "{rules:#?}");
    for rule in of("recording") {
        let name = rule["name"].as_str().expect("a name");
        prometheus.until_has_data("a recorded series", name);
    }
}

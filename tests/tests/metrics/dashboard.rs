//! The dashboard's queries.

use serde_json::Value;

use crate::busy::Busy;
use crate::kit;
use crate::prometheus::Prometheus;

/// What has happened at a busy station, so that a panel without data is the dashboard's fault.
const HAPPENED: &[&str] = &[
    "messages_published_total",
    "messages_duplicate_total",
    "messages_refused_total{reason=\"full\"}",
    "messages_consumed_total",
    "messages_redelivered_total",
    "messages_acked_total",
    "messages_failed_total",
    "messages_retried_total",
    "messages_released_total",
    "messages_dead_lettered_total{reason=\"max-retries\"}",
    "messages_dead_lettered_total{reason=\"rejected\"}",
    "message_attempts_total",
    "consumer_lag_messages",
    "consumer_oldest_age_seconds",
    "dead_letters_messages",
    "circuit_breaker_state{breaker=\"payments\"}",
    "broker_connected",
    "broker_healthy",
    "glmsg_workers",
    "glmsg_workers_wanted",
];

fn dashboard() -> Value {
    serde_json::from_str(&kit::text("grafana/dashboard.json")).expect("JSON")
}

/// Every query, with the title of its panel, as Grafana asks it when everything is chosen.
fn queries(dashboard: &Value) -> Vec<(String, String)> {
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    let of_a_panel = |panel: &Value| -> Vec<(String, String)> {
        let title = panel["title"].as_str().expect("a title").to_owned();
        let targets = panel["targets"].as_array().into_iter().flatten();
        let queries = targets.map(|target| target["expr"].as_str().expect("a query"));
        queries
            .map(|query| (title.clone(), chosen(query)))
            .collect()
    };
    panels.flat_map(of_a_panel).collect()
}

/// A query without variables.
fn chosen(query: &str) -> String {
    let query = query.replace("$__rate_interval", "10s");
    let query = query.replace("$topic", ".*").replace("$group", ".*");
    assert!(
        !query.contains('$'),
        "a variable that is not known: {query}"
    );
    query
}

/// What the choices of the variables are asked for by: the label, and a query with a series for each choice.
fn choices(dashboard: &Value) -> Vec<(String, String)> {
    let variables = &dashboard["templating"]["list"];
    let variables = variables.as_array().expect("variables").iter();
    let asked = variables.filter(|variable| variable["type"] == "query");
    let choice = |variable: &Value| {
        let query = variable["query"]["query"].as_str().expect("a query");
        let inner = query.strip_prefix("label_values(");
        let inner = inner.and_then(|query| query.strip_suffix(')'));
        let parts = inner.and_then(|query| query.rsplit_once(", "));
        let (series, label) = parts.expect("label_values");
        let query = format!("count by ({label}) ({})", chosen(series));
        (label.to_owned(), query)
    };
    asked.map(choice).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_of_the_dashboard_returns_data_of_a_real_run() {
    let busy = Busy::start().await;
    busy.lose_payments().await;
    let prometheus = Prometheus::scraping(busy.station.server.address());
    for series in HAPPENED {
        let query = format!("sum({series}) > 0");
        prometheus.until_has_data("it has happened", &query);
    }
    let dashboard = dashboard();
    let queries = queries(&dashboard);
    assert!(queries.len() >= 30, "{queries:#?}");
    for (panel, query) in &queries {
        prometheus.until_has_data(panel, query);
    }
    let choices = choices(&dashboard);
    assert_eq!(choices.len(), 2);
    for (label, query) in &choices {
        prometheus.until_has_data(label, query);
    }
}

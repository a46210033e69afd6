//! The dashboard's queries, asked of a real Prometheus.

use serde_json::Value;

use crate::prometheus::Prometheus;
use crate::{endpoint, kit};

fn dashboard() -> Value {
    serde_json::from_str(&kit::text("deploy/grafana/dashboard.json")).expect("JSON")
}

/// Every query, with the title of its panel, as Grafana asks it when everything is chosen.
fn queries() -> Vec<(String, String)> {
    let dashboard = dashboard();
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

/// A query without variables. The span of rates is for a scrape each second.
fn chosen(query: &str) -> String {
    let query = query.replace("$__rate_interval", "10s");
    let query = query.replace("$topic", ".*").replace("$group", ".*");
    assert!(
        !query.contains('$'),
        "a variable that is not known: {query}"
    );
    query
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_of_the_dashboard_returns_data() {
    let prometheus = Prometheus::start(endpoint::start()).await;
    let queries = queries();
    assert!(queries.len() >= 30, "{queries:#?}");
    for (panel, query) in &queries {
        prometheus.has_data(panel, query).await;
    }
    // The choices of the variables.
    let dashboard = dashboard();
    let variables = dashboard["templating"]["list"]
        .as_array()
        .expect("variables");
    let mut chosen_from = 0;
    for variable in variables.iter().filter(|v| v["type"] == "query") {
        let query = variable["query"]["query"].as_str().expect("a query");
        let inner = query
            .strip_prefix("label_values(")
            .and_then(|q| q.strip_suffix(')'));
        let (series, label) = inner
            .and_then(|q| q.rsplit_once(", "))
            .expect("label_values");
        prometheus
            .has_data(label, &format!("count by ({label}) ({})", chosen(series)))
            .await;
        chosen_from += 1;
    }
    assert_eq!(chosen_from, 2);
}

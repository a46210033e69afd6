//! The guide's table of metrics, against the code.

use glmsg_metrics::{METRICS, MetricKind};

#[test]
fn the_guide_has_every_metric_as_it_is() {
    let guide = include_str!("../../../../docs/guides/metrics.md");
    let rows: Vec<&str> = guide
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    let expected = METRICS.iter().map(|info| {
        let kind = match info.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        let labels: Vec<String> = info
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        let labels = labels.join(", ");
        format!("| `{}` | {kind} | {labels} | {} |", info.name, info.help)
    });
    let expected: Vec<String> = expected.collect();
    assert!(
        rows == expected,
        "docs/guides/metrics.md is to have these lines:\n{}",
        expected.join("\n")
    );
}

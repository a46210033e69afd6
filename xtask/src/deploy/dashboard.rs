//! The form of the dashboard: what Grafana takes without a word and shows wrong, or not at all.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::failure::{Failure, Outcome};
use crate::violation::{self, Violation};

const PATH: &str = "deploy/grafana/dashboard.json";

/// The variables that every query can rely on.
const VARIABLES: &[&str] = &["datasource", "topic", "group"];

/// How many columns a dashboard has.
const COLUMNS: u64 = 24;

pub(super) fn check() -> Outcome {
    let text = std::fs::read_to_string(PATH)
        .map_err(|error| Failure::failed(format!("cannot read {PATH}: {error}")))?;
    let dashboard: Value =
        serde_json::from_str(&text).map_err(|error| Failure::failed(format!("{PATH}: {error}")))?;
    violation::report(violations(&dashboard), PATH)
}

fn violations(dashboard: &Value) -> Vec<Violation> {
    let mut wrongs = head(dashboard);
    let panels = list(dashboard, "panels");
    let mut ids = BTreeSet::new();
    let mut taken: Vec<(&Value, [u64; 4])> = Vec::new();
    for panel in panels {
        let title = name(panel);
        if !ids.insert(panel["id"].as_u64()) || panel["id"].is_null() {
            wrongs.push(format!("{title}: its id is missing or taken"));
        }
        match place(panel) {
            Some(place) if place[0] + place[2] <= COLUMNS => {
                let over = taken.iter().find(|(_, other)| overlap(place, *other));
                if let Some((other, _)) = over {
                    wrongs.push(format!("{title}: it lies over {}", name(other)));
                }
                taken.push((panel, place));
            }
            _ => wrongs.push(format!("{title}: it has no place in {COLUMNS} columns")),
        }
        if panel["type"] != "row" {
            wrongs.extend(of_a_panel(panel));
        }
    }
    let violation =
        |wrong| Violation::new(PATH, 1, wrong, "mend it, or export it from Grafana anew");
    wrongs.into_iter().map(violation).collect()
}

fn head(dashboard: &Value) -> Vec<String> {
    let mut wrongs = Vec::new();
    for key in ["uid", "title", "schemaVersion", "panels"] {
        if dashboard[key].is_null() {
            wrongs.push(format!("it has no `{key}`"));
        }
    }
    // With an id it would replace whatever dashboard has it.
    if !dashboard["id"].is_null() {
        wrongs.push("its `id` is that of one Grafana".to_owned());
    }
    let variables = list(&dashboard["templating"], "list");
    for wanted in VARIABLES {
        if !variables.iter().any(|found| found["name"] == *wanted) {
            wrongs.push(format!("it has no variable `{wanted}`"));
        }
    }
    wrongs
}

fn of_a_panel(panel: &Value) -> Vec<String> {
    let mut wrongs = Vec::new();
    let title = name(panel);
    let mut broken = |wrong: &str| wrongs.push(format!("{title}: {wrong}"));
    if panel["datasource"]["uid"] != "${datasource}" {
        broken("it does not ask the chosen data source");
    }
    if panel["description"].as_str().is_none_or(str::is_empty) {
        broken("it does not say what it shows");
    }
    if panel["fieldConfig"]["defaults"]["unit"].is_null() {
        broken("it has no unit");
    }
    let targets = list(panel, "targets");
    if targets.is_empty() {
        broken("it has no query");
    }
    let mut letters = BTreeSet::new();
    for target in targets {
        if target["expr"].as_str().is_none_or(str::is_empty) {
            broken("it has an empty query");
        }
        if !letters.insert(target["refId"].as_str()) {
            broken("two of its queries have the same letter");
        }
    }
    wrongs
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn name(panel: &Value) -> &str {
    panel["title"].as_str().unwrap_or("a panel without a title")
}

/// Column, line, width and height.
fn place(panel: &Value) -> Option<[u64; 4]> {
    let at = |key: &str| panel["gridPos"][key].as_u64();
    Some([at("x")?, at("y")?, at("w")?, at("h")?])
}

fn overlap([x, y, w, h]: [u64; 4], [x2, y2, w2, h2]: [u64; 4]) -> bool {
    x < x2 + w2 && x2 < x + w && y < y2 + h2 && y2 < y + h
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn panel(id: u64, x: u64) -> Value {
        json!({
            "id": id, "type": "timeseries", "title": format!("panel {id}"), "description": "it shows",
            "datasource": {"type": "prometheus", "uid": "${datasource}"},
            "gridPos": {"x": x, "y": 1, "w": 12, "h": 8},
            "fieldConfig": {"defaults": {"unit": "s"}},
            "targets": [{"refId": "A", "expr": "up"}],
        })
    }

    fn dashboard(panels: &[Value]) -> Value {
        let variables: Vec<_> = VARIABLES.iter().map(|name| json!({"name": name})).collect();
        json!({
            "uid": "u", "title": "t", "schemaVersion": 39, "id": null,
            "templating": {"list": variables}, "panels": panels,
        })
    }

    fn wrongs(panels: &[Value]) -> Vec<String> {
        let found = violations(&dashboard(panels)).into_iter();
        found.map(|violation| violation.wrong).collect()
    }

    #[test]
    fn panels_side_by_side_pass() {
        assert_eq!(wrongs(&[panel(1, 0), panel(2, 12)]), Vec::<String>::new());
    }

    #[test]
    fn what_grafana_would_show_wrong_is_named() {
        assert_eq!(
            wrongs(&[panel(1, 0), panel(2, 6)]),
            ["panel 2: it lies over panel 1"]
        );
        assert_eq!(
            wrongs(&[panel(1, 13)]),
            ["panel 1: it has no place in 24 columns"]
        );
        assert_eq!(wrongs(&[panel(1, 0), panel(1, 12)]).len(), 1);
        for key in ["targets", "datasource", "description", "fieldConfig"] {
            let mut broken = panel(1, 0);
            broken[key] = Value::Null;
            assert_eq!(wrongs(&[broken]).len(), 1, "{key}");
        }
        let found = violations(&json!({"id": 7}));
        assert_eq!(found.len(), 5 + VARIABLES.len());
    }
}

//! Spans in the collector's file: OTLP in JSON, one request a line.

use serde_json::Value;

/// A span as the collector has it.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) service: String,
    value: Value,
}

impl Span {
    pub(crate) fn text(&self, field: &str) -> &str {
        self.value[field].as_str().unwrap_or_default()
    }

    pub(crate) fn name(&self) -> &str {
        self.text("name")
    }

    /// 4 is a producer's, 5 a consumer's.
    pub(crate) fn kind(&self) -> Option<u64> {
        self.value["kind"].as_u64()
    }

    pub(crate) fn attribute(&self, key: &str) -> Option<&str> {
        attribute(&self.value["attributes"], key)
    }

    pub(crate) fn is_child_of(&self, parent: &Self) -> bool {
        self.text("parentSpanId") == parent.text("spanId")
            && self.text("traceId") == parent.text("traceId")
    }

    pub(crate) fn links_to(&self, other: &Self) -> bool {
        list(&self.value["links"]).any(|link| {
            link["spanId"] == other.value["spanId"] && link["traceId"] == other.value["traceId"]
        })
    }
}

/// Lines that are not complete yet are left out.
pub(crate) fn spans(text: &str) -> Vec<Span> {
    let requests = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let mut spans = Vec::new();
    for request in requests.collect::<Vec<Value>>() {
        for resource in list(&request["resourceSpans"]) {
            let service = attribute(&resource["resource"]["attributes"], "service.name");
            for scope in list(&resource["scopeSpans"]) {
                spans.extend(list(&scope["spans"]).map(|span| Span {
                    service: service.unwrap_or_default().to_owned(),
                    value: span.clone(),
                }));
            }
        }
    }
    spans
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn attribute<'a>(attributes: &'a Value, key: &str) -> Option<&'a str> {
    let found = list(attributes).find(|attribute| attribute["key"] == key)?;
    found["value"]["stringValue"].as_str()
}

//! What Prometheus scrapes in these tests: this file is the one place that says what that is.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};

const TG: &str = r#"topic="orders",group="workers""#;
const T: &str = r#"topic="orders""#;

/// The counters, with their labels and by how much each grows from scrape to scrape.
const COUNTERS: &[(&str, &str, u32)] = &[
    ("messages_published_total", T, 60),
    ("messages_duplicate_total", T, 1),
    (
        "messages_refused_total",
        r#"topic="orders",reason="full""#,
        1,
    ),
    ("messages_consumed_total", TG, 62),
    ("messages_redelivered_total", TG, 3),
    ("messages_acked_total", TG, 58),
    ("messages_failed_total", TG, 4),
    ("messages_retried_total", TG, 3),
    ("messages_released_total", TG, 1),
    ("messages_stale_total", TG, 1),
    (
        "messages_dead_lettered_total",
        r#"topic="orders",group="workers",reason="max-retries""#,
        1,
    ),
    ("message_attempts_total", TG, 62),
    ("lag_poll_errors_total", "", 1),
];

/// The histograms; each scrape finds ten observations of 0.05 s more.
const HISTOGRAMS: &[(&str, &str)] = &[
    ("message_latency_seconds", TG),
    ("message_publish_seconds", T),
    ("message_handling_seconds", TG),
    ("message_dwell_seconds", TG),
    ("message_critical_seconds", TG),
];

/// The gauges.
const GAUGES: &[(&str, &str, f64)] = &[
    ("consumer_lag_messages", TG, 12.0),
    ("consumer_undelivered_messages", TG, 7.0),
    ("consumer_in_flight_messages", TG, 3.0),
    ("consumer_delayed_messages", TG, 2.0),
    ("dead_letters_messages", TG, 4.0),
    ("consumer_oldest_age_seconds", TG, 1.5),
    ("circuit_breaker_state", r#"breaker="payments""#, 0.0),
    ("broker_connected", "", 1.0),
    ("broker_healthy", "", 1.0),
    ("glmsg_workers", TG, 2.0),
    ("glmsg_workers_wanted", TG, 4.0),
    ("glmsg_build_info", r#"version="0.1.0""#, 1.0),
];

/// Serves the metrics from now on.
pub(crate) fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for (scrape, stream) in (1..).zip(listener.incoming()) {
            let mut stream = stream.unwrap();
            // The request is not looked at: there is one answer.
            let _ = stream.read(&mut [0; 4096]);
            let body = exposition(scrape);
            let head = "HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n\r\n";
            // A scraper that is stopped goes in the middle of an answer.
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    addr
}

fn exposition(scrape: u32) -> String {
    let mut text = String::new();
    for (name, labels, step) in COUNTERS {
        let value = step * scrape;
        writeln!(text, "# TYPE {name} counter\n{name}{{{labels}}} {value}").unwrap();
    }
    for (name, labels, value) in GAUGES {
        writeln!(text, "# TYPE {name} gauge\n{name}{{{labels}}} {value}").unwrap();
    }
    for (name, labels) in HISTOGRAMS {
        let count = 10 * scrape;
        writeln!(text, "# TYPE {name} histogram").unwrap();
        for (le, count) in [("0.01", 0), ("0.1", count), ("+Inf", count)] {
            writeln!(text, "{name}_bucket{{{labels},le=\"{le}\"}} {count}").unwrap();
        }
        let sum = f64::from(count) * 0.05;
        writeln!(
            text,
            "{name}_sum{{{labels}}} {sum}\n{name}_count{{{labels}}} {count}"
        )
        .unwrap();
    }
    text
}

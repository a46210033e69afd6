//! The files of `deploy/` that an operator has, in the haste of a test.

use std::net::SocketAddr;
use std::path::Path;

/// What is in a file of `deploy/`.
pub(crate) fn text(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    let text = std::fs::read_to_string(path.join(name));
    text.unwrap_or_else(|error| panic!("deploy/{name}: {error}"))
}

/// The configuration with one target, which is scraped five times a second.
pub(crate) fn config(target: SocketAddr) -> String {
    let config = text("prometheus/prometheus.yml");
    let (head, _) = config
        .split_once("    dns_sd_configs:\n")
        .expect("how it finds targets");
    let quick = head.replace("interval: 15s", "interval: 200ms");
    assert_ne!(quick, head, "the intervals");
    format!("{quick}    static_configs:\n      - targets: ['{target}']\n")
}

/// The rules with a second in place of every minute: nobody waits ten minutes for an alert in a test. All spans of time in
/// them are ranges (`[5m]`), offsets (`offset 5m`) and how long an alert waits (`for: 5m`).
pub(crate) fn rules() -> String {
    let before = ["[", "offset ", "for: "];
    let mut rules = text("prometheus/rules.yml");
    for span in [1, 2, 5, 10, 15] {
        for before in before {
            let (slow, quick) = (format!("{before}{span}m"), format!("{before}{span}s"));
            rules = rules.replace(&slow, &quick);
        }
    }
    for before in before {
        for rest in rules.split(before).skip(1) {
            let rest = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
            assert!(
                !rest.starts_with('m'),
                "a span that is not known: {before}…{rest}"
            );
        }
    }
    rules
}

//! What a key does to a program is shown by tests of the command line; here each names its own.

use std::collections::BTreeSet;

use glmsg_config::keys;

/// A key, and the test that a changed value changes what is seen of `glmsg`.
const PROOFS: &[(&str, &str, &str)] = &[
    (
        "metrics_enabled",
        "observing",
        "it_listens_at_the_address_of_the_file_and_not_unless_enabled",
    ),
    (
        "metrics.listen",
        "observing",
        "it_listens_at_the_address_of_the_file_and_not_unless_enabled",
    ),
    (
        "prometheus_port",
        "observing",
        "a_consumer_serves_where_the_file_says",
    ),
    (
        "health_check_interval_seconds",
        "observing",
        "health_is_looked_at_as_often_as_the_file_says",
    ),
    (
        "log_level",
        "logging",
        "the_file_sets_the_level_and_an_option_wins",
    ),
    (
        "log_messages",
        "logging",
        "each_message_is_logged_without_its_payload_where_the_file_says_so",
    ),
    (
        "log.format",
        "logging",
        "the_file_sets_the_form_of_the_lines",
    ),
    (
        "tracing.endpoint",
        "spans",
        "spans_go_where_the_file_says_by_the_name_that_it_says",
    ),
    (
        "tracing.service_name",
        "spans",
        "spans_go_where_the_file_says_by_the_name_that_it_says",
    ),
    (
        "tracing.sample_ratio",
        "spans",
        "no_span_goes_where_none_is_sampled",
    ),
];

#[test]
fn each_key_of_what_observes_has_a_test_of_the_command_line() {
    let observes = |name: &&str| {
        let begins = ["metrics", "prometheus", "health", "log", "tracing"];
        begins.iter().any(|begin| name.starts_with(begin))
    };
    let known: BTreeSet<&str> = keys().map(|key| key.name()).filter(observes).collect();
    let proved: BTreeSet<&str> = PROOFS.iter().map(|(key, ..)| *key).collect();
    assert_eq!(known, proved);
    for (key, file, test) in PROOFS {
        let path = format!(
            "{}/../glmsg-cli/tests/it/{file}.rs",
            env!("CARGO_MANIFEST_DIR")
        );
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.contains(&format!("#[test]\n    fn {test}()"))
                || text.contains(&format!("#[test]\nfn {test}()")),
            "{key}: there is no {test} in {path}"
        );
    }
}

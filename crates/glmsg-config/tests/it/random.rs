//! No text ends the program.

use glmsg_config::{Format, SettingsBuilder, keys};
use proptest::prelude::*;

fn one_line(format: Format, text: &str) {
    let built = SettingsBuilder::new()
        .text("x", format, text)
        .and_then(SettingsBuilder::build);
    if let Err(error) = built {
        let line = error.to_string();
        assert_eq!(line.lines().count(), 1, "{text:?}: {line:?}");
    }
}

fn formats() -> impl Strategy<Value = Format> {
    prop_oneof![Just(Format::Yaml), Just(Format::Toml), Just(Format::Json)]
}

/// Lines that look like settings, with values of all kinds.
fn settings() -> impl Strategy<Value = String> {
    let names: Vec<&str> = keys().map(|key| key.short_name()).collect();
    let sections =
        prop::sample::select(vec!["", "redis:", "kafka:", "topic:", "[redis]", "{", "- "]);
    let line = (sections, prop::sample::select(names), ".{0,12}");
    prop::collection::vec(line, 0..8).prop_map(|lines| {
        let lines = lines
            .iter()
            .map(|(section, name, value)| format!("{section}\n  {name}: {value}\n"));
        lines.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_text_panics(format in formats(), text in "[\\PC\n\t\"'{}\\[\\]:,&*!#|>%@-]{0,200}") {
        one_line(format, &text);
    }

    #[test]
    fn nothing_like_settings_panics(format in formats(), text in settings()) {
        one_line(format, &text);
    }

    #[test]
    fn no_variable_panics(name in "GLMSG_[A-Za-z_]{0,20}", value in ".{0,20}") {
        let _ = SettingsBuilder::new()
            .variables([(name, value)])
            .and_then(SettingsBuilder::build);
    }
}

#[test]
fn deep_nesting_costs_nothing() {
    for (format, text) in [
        (Format::Yaml, "[".repeat(100_000)),
        (Format::Yaml, "{a: ".repeat(20_000)),
        (Format::Json, "[".repeat(100_000)),
        (Format::Json, "{\"a\":".repeat(100_000)),
        (Format::Toml, format!("a = {}", "[".repeat(100_000))),
    ] {
        one_line(format, &text);
        let read = SettingsBuilder::new().text("x", format, &text);
        assert!(read.is_err());
    }
}

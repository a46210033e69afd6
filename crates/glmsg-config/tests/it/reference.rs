//! The pages that are made of the list of keys.

use std::collections::BTreeSet;

use glmsg_config::{Form, Format, SettingsBuilder, json_schema, keys, reference};

#[test]
fn the_reference_page_is_what_the_code_says() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/reference/configuration.md"
    );
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        page == reference(),
        "docs/reference/configuration.md is not what the code says; \
         run: cargo run -p glmsg-cli -- config reference > docs/reference/configuration.md"
    );
}

#[test]
fn the_schema_is_json_and_has_every_key() {
    let schema: serde_json::Value = serde_json::from_str(&json_schema()).unwrap();
    for key in keys() {
        let place = match key.section() {
            Some(section) => &schema["properties"][section]["properties"][key.short_name()],
            None => &schema["properties"][key.short_name()],
        };
        assert!(place["description"].is_string(), "{}", key.name());
        assert_eq!(place["default"].is_null(), key.default_text().is_none());
    }
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn names_are_given_once_and_defaults_are_of_the_form_of_their_key() {
    let mut seen = BTreeSet::new();
    for key in keys() {
        assert!(seen.insert(key.name()), "{} is there twice", key.name());
        assert!(key.doc().ends_with('.'), "{}", key.doc());
        if let Some(default) = key.default_text() {
            // By a file, so that the default is what one can write down.
            let value = match key.form() {
                Form::Flag | Form::Whole { .. } | Form::Number { .. } | Form::Only(..) => {
                    default.to_owned()
                }
                _ => format!("'{default}'"),
            };
            let text = match key.section() {
                Some(section) => format!("{section}:\n  {}: {value}\n", key.short_name()),
                None => format!("{}: {value}\n", key.name()),
            };
            let read = SettingsBuilder::new().text("x.yaml", Format::Yaml, &text);
            assert!(read.is_ok(), "{}: {:?}", key.name(), read.err());
        }
        if let Some(target) = key.stands_for() {
            assert!(keys().any(|key| key.name() == target), "{target}");
        }
    }
}

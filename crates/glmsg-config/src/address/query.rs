//! What stands behind the question mark.

use std::fmt;

use super::percent::encode;
use crate::given::Given;

/// Settings of an address.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(&'static str, String)>);

impl Query {
    pub(super) fn push(&mut self, name: &'static str, value: impl fmt::Display) {
        self.0.push((name, encode(&value.to_string(), ":/,")));
    }

    /// Takes over what was given for these keys, under the names that addresses have for them.
    pub(super) fn take(&mut self, given: &Given, names: &[(&str, &'static str)]) {
        for (key, name) in names {
            if let Some(text) = given.text(key) {
                self.push(name, text);
            } else if let Some(number) = given.whole(key) {
                self.push(name, number);
            }
        }
    }

    pub(super) fn write_to(&self, url: &mut String) {
        for (name, value) in &self.0 {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(name);
            url.push('=');
            url.push_str(value);
        }
    }
}

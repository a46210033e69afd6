//! Files of `KEY=VALUE` lines: `services.env`, which tests read, and the record that each server leaves of itself.

use std::collections::BTreeMap;
use std::path::Path;

use crate::failure::{Failure, Outcome};

/// Keys and values in the order of the keys. A line that is no `KEY=VALUE` is passed over.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Environment {
    values: BTreeMap<String, String>,
}

impl Environment {
    /// Reads a file; one that is not there is empty.
    pub(super) fn load(path: &Path) -> Outcome<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Failure::failed(format!(
                "cannot read {}: {error}",
                path.display()
            ))),
        }
    }

    fn parse(text: &str) -> Self {
        let pairs = text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .filter_map(|line| line.split_once('='))
            .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()));
        Self {
            values: pairs.collect(),
        }
    }

    fn render(&self) -> String {
        let lines = self.values.iter();
        lines
            .map(|(key, value)| format!("{key}={value}\n"))
            .collect()
    }

    /// Writes the file in one piece: a test that reads meanwhile sees the old one or the new one.
    pub(super) fn store(&self, path: &Path) -> Outcome {
        let part = path.with_extension("part");
        let written =
            std::fs::write(&part, self.render()).and_then(|()| std::fs::rename(&part, path));
        written
            .map_err(|error| Failure::failed(format!("cannot write {}: {error}", path.display())))
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// The value as a number.
    pub(super) fn number<N: std::str::FromStr>(&self, key: &str) -> Option<N> {
        self.get(key)?.parse().ok()
    }

    pub(super) fn set(&mut self, key: &str, value: impl Into<String>) {
        self.values.insert(key.to_owned(), value.into());
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.values.remove(key);
    }
}

/// What a variable of this process says about a key: it goes before the file, here as in the tests.
pub(super) fn given(key: &str) -> Option<String> {
    std::env::var(format!("GLMSG_{key}"))
        .ok()
        .filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut environment = Environment::default();
        environment.set("TLS_URL", "rediss://127.0.0.1:12000");
        environment.set("CLUSTER_URL", "redis+cluster://127.0.0.1:1,127.0.0.1:2?a=b");
        let text = environment.render();
        assert_eq!(
            text,
            "CLUSTER_URL=redis+cluster://127.0.0.1:1,127.0.0.1:2?a=b\nTLS_URL=rediss://127.0.0.1:12000\n"
        );
        assert_eq!(Environment::parse(&text), environment);
        environment.remove("TLS_URL");
        assert_eq!(environment.get("TLS_URL"), None);
    }

    #[test]
    fn other_lines_are_passed_over() {
        let parsed = Environment::parse("# PID=1\n\nnothing\n PID = 7 \nPORT=x\n");
        assert_eq!(parsed.number("PID"), Some(7_u32));
        assert_eq!(parsed.number::<u16>("PORT"), None);
        assert_eq!(parsed.render(), "PID=7\nPORT=x\n");
    }

    #[test]
    fn a_file_that_is_not_there_is_empty() {
        let nowhere = Path::new("a-file-that-is-nowhere.env");
        assert_eq!(Environment::load(nowhere).unwrap(), Environment::default());
    }
}

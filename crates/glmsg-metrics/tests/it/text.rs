//! Reading the text format, strictly: what is not as it must be is a panic that names the line.

use std::collections::{BTreeMap, BTreeSet};

/// The samples of a scrape, by name with labels as written.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    values: BTreeMap<String, f64>,
    /// The kinds by name.
    pub(crate) kinds: BTreeMap<String, String>,
    helps: BTreeSet<String>,
}

impl Samples {
    pub(crate) fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has no end");
        let mut samples = Self::default();
        for line in text.lines() {
            samples.line(line);
        }
        let kinds: BTreeSet<String> = samples.kinds.keys().cloned().collect();
        assert_eq!(kinds, samples.helps, "each metric has a kind and a help");
        samples
    }

    fn line(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a help says something");
            assert!(
                !help.is_empty() && self.helps.insert(name.to_owned()),
                "{line}"
            );
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type is named");
            let twice = self.kinds.insert(name.to_owned(), kind.to_owned());
            assert_eq!(twice, None, "{line}");
        } else if !line.starts_with('#') {
            let (key, value) = line.rsplit_once(' ').expect("a sample has a value");
            let value = value
                .parse()
                .unwrap_or_else(|_| panic!("no number: {line}"));
            let name = key.split('{').next().unwrap_or_default();
            let parts = ["_bucket", "_sum", "_count"];
            let stem = parts.iter().find_map(|part| name.strip_suffix(part));
            let known = |name: &str| self.kinds.contains_key(name);
            assert!(
                known(name) || stem.is_some_and(known),
                "before its type: {line}"
            );
            if let Some((_, labels)) = key.split_once('{') {
                assert!(labels.ends_with('}') && !labels.contains(",}"), "{line}");
            }
            let twice = self.values.insert(key.to_owned(), value);
            assert_eq!(twice, None, "{line}");
        }
    }

    /// The value of a sample, by name with labels as written.
    #[track_caller]
    pub(crate) fn get(&self, key: &str) -> f64 {
        let found = self.values.get(key).copied();
        found.unwrap_or_else(|| panic!("no {key} in {:#?}", self.values))
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// The sum of all samples of a name.
    pub(crate) fn sum(&self, name: &str) -> f64 {
        let of = |key: &str| key == name || key.starts_with(&format!("{name}{{"));
        let each = self.values.iter().filter(|(key, _)| of(key));
        each.map(|(_, value)| value).sum()
    }

    /// How many samples a name has.
    pub(crate) fn count(&self, name: &str) -> usize {
        let begin = format!("{name}{{");
        self.values
            .keys()
            .filter(|key| key.starts_with(&begin))
            .count()
    }
}

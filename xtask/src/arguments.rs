//! The command line of one command, taken apart by hand: three kinds of words need no library.

use crate::failure::{Failure, Outcome};

/// What a command accepts. Anything else on its line is a usage error.
#[derive(Debug, Default)]
pub(crate) struct Grammar {
    /// Words that are there or not, such as `--long`.
    pub(crate) switches: &'static [&'static str],
    /// Words followed by a value, such as `--backend sqlite` or `--backend=sqlite`.
    pub(crate) options: &'static [&'static str],
    /// What the one free word means, if the command takes one.
    pub(crate) name: Option<&'static str>,
    /// Whether everything after `--` is handed on to another program.
    pub(crate) passes_rest: bool,
}

/// A parsed command line.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    switches: Vec<String>,
    options: Vec<(String, String)>,
    /// The free word.
    pub(crate) name: Option<String>,
    /// What followed `--`.
    pub(crate) rest: Vec<String>,
}

impl Arguments {
    pub(crate) fn parse(words: &[String], grammar: &Grammar) -> Outcome<Self> {
        let mut parsed = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let (key, inline) = match word.split_once('=') {
                Some((key, value)) if key.starts_with("--") => (key, Some(value.to_owned())),
                _ => (word.as_str(), None),
            };
            if word == "--" && grammar.passes_rest {
                parsed.rest = words.by_ref().cloned().collect();
            } else if grammar.switches.contains(&word.as_str()) {
                parsed.switches.push(word.clone());
            } else if grammar.options.contains(&key) {
                let value = inline
                    .or_else(|| words.next().cloned())
                    .ok_or_else(|| Failure::usage(format!("`{key}` needs a value")))?;
                parsed.options.push((key.to_owned(), value));
            } else if word.starts_with('-') || grammar.name.is_none() || parsed.name.is_some() {
                return Err(Failure::usage(format!(
                    "`{word}` was not expected; see --help"
                )));
            } else {
                parsed.name = Some(word.clone());
            }
        }
        Ok(parsed)
    }

    pub(crate) fn has(&self, switch: &str) -> bool {
        self.switches.iter().any(|given| given == switch)
    }

    /// The value of an option; the last one wins, as in every other tool.
    pub(crate) fn value(&self, option: &str) -> Option<&str> {
        let given = self.options.iter().rev().find(|(key, _)| key == option);
        given.map(|(_, value)| value.as_str())
    }
}

/// Whether help was asked for. What follows `--` belongs to another program, its `--help` too.
pub(crate) fn ask_for_help(words: &[String]) -> bool {
    words
        .iter()
        .take_while(|word| *word != "--")
        .any(|word| word == "--help" || word == "-h")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRAMMAR: Grammar = Grammar {
        switches: &["--long"],
        options: &["--backend"],
        name: Some("NAME"),
        passes_rest: true,
    };

    fn parse(line: &str) -> Outcome<Arguments> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Arguments::parse(&words, &GRAMMAR)
    }

    #[test]
    fn each_kind_of_word_is_told_apart() {
        let parsed = parse("--long publish --backend sqlite -- --size 256").unwrap();
        assert!(parsed.has("--long"));
        assert_eq!(parsed.value("--backend"), Some("sqlite"));
        assert_eq!(parsed.name.as_deref(), Some("publish"));
        assert_eq!(parsed.rest, ["--size", "256"]);
        assert_eq!(
            parse("--backend=a --backend b").unwrap().value("--backend"),
            Some("b")
        );
    }

    #[test]
    fn what_is_not_in_the_grammar_is_a_usage_error() {
        for line in ["--lnog", "one two", "--backend", "--long=yes"] {
            assert!(matches!(parse(line), Err(Failure::Usage(_))), "{line}");
        }
        let words = ["free".to_owned()];
        assert!(Arguments::parse(&words, &Grammar::default()).is_err());
    }

    #[test]
    fn help_after_the_dashes_is_not_ours() {
        let ours = ["--long".to_owned(), "-h".to_owned()];
        let theirs = ["--".to_owned(), "--help".to_owned()];
        assert!(ask_for_help(&ours));
        assert!(!ask_for_help(&theirs));
    }
}

//! Whether errors are to be JSON, of a command line of which nothing else may be understood.

use std::ffi::{OsStr, OsString};

use glmsg::tracing::LogFormat;

use crate::remark;

/// What a command line says of the form of errors, as far as it can be told.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    json: bool,
    log_format: Option<OsString>,
    config: Option<OsString>,
}

/// Has errors told as the words, the settings or the environment want them, though the words make no
/// sense together.
pub(crate) fn follow(words: impl Iterator<Item = OsString>) {
    let said = said(words);
    if said.json {
        remark::errors_as_json();
    }
    let is_json = match &said.log_format {
        Some(format) => is_json(format),
        None => by_settings(said.config),
    };
    if is_json {
        remark::as_json();
    }
}

/// Whether this is the name of the form.
pub(crate) fn is_json(format: impl AsRef<OsStr>) -> bool {
    let format = format.as_ref().to_str().map(str::parse::<LogFormat>);
    matches!(format, Some(Ok(LogFormat::Json)))
}

fn said(words: impl Iterator<Item = OsString>) -> Said {
    let mut said = Said::default();
    let mut words = words.take_while(|word| word != "--").peekable();
    while let Some(word) = words.next() {
        let (name, value) = match word.to_str().and_then(|word| word.split_once('=')) {
            Some((name, value)) => (OsString::from(name), Some(OsString::from(value))),
            None => (word, None),
        };
        match name.to_str() {
            Some("--json") => said.json = true,
            Some("--log-format") => said.log_format = value.or_else(|| words.next_if(is_value)),
            Some("--config") => said.config = value.or_else(|| words.next_if(is_value)),
            _ => {}
        }
    }
    said
}

/// Whether a word may be the value of the option before it.
fn is_value(word: &OsString) -> bool {
    !word.to_str().is_some_and(|word| word.starts_with('-'))
}

/// Whether the words themselves want errors as JSON.
pub(crate) fn is_said(words: impl Iterator<Item = OsString>) -> bool {
    let said = said(words);
    said.json || said.log_format.is_some_and(is_json)
}

/// What a file and the environment say; nothing, where they make no sense either.
#[cfg(feature = "config")]
fn by_settings(config: Option<OsString>) -> bool {
    let config = config.or_else(|| std::env::var_os("GLMSG_CONFIG"));
    let config = config.filter(|path| !path.is_empty());
    let settings = glmsg::config::Settings::load(config.as_deref().map(std::path::Path::new));
    settings.is_ok_and(|settings| settings.log().format == glmsg::config::LogFormat::Json)
}

#[cfg(not(feature = "config"))]
fn by_settings(_config: Option<OsString>) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &str) -> Said {
        said(words.split_whitespace().map(OsString::from))
    }

    #[test]
    fn the_form_is_found_among_words_that_make_no_sense() {
        assert_eq!(of("lag --frob"), Said::default());
        assert!(of("lag --frob --json").json);
        assert!(!of("consume t --exec x -- --json").json);
        assert!(of("--log-format --json lag").json);
        for words in ["--log-format json x", "x --log-format=json --log-format"] {
            let format = of(words).log_format;
            assert_eq!(format.is_some_and(is_json), words.ends_with('x'), "{words}");
        }
        assert!(is_json("json"));
        assert!(!is_json("text"));
        assert_eq!(of("--config=a.yaml lag").config, Some("a.yaml".into()));
    }
}

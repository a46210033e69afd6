//! What a file says, whatever its format: names and values, each with its line.

mod format;
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "toml")]
mod toml;
#[cfg(feature = "yaml")]
mod yaml;

use glmsg_core::{Error, ErrorKind};

pub use format::Format;

/// How deep values may lie in each other. A file has sections with keys, some of which are lists.
const MAX_DEPTH: usize = 4;

/// What a value is, as far as its format knows.
#[derive(Debug)]
pub(crate) enum Content {
    /// Nothing: as if the key were not there.
    Null,
    /// Without quotes: a flag or a number, or in YAML a text.
    Plain(String),
    /// A text in quotes.
    Quoted(String),
    /// A text from where there are no types: the environment, or a program.
    Word(String),
    /// Several.
    List(Vec<Content>),
    /// Names with values.
    Map(Vec<Entry>),
}

/// A name and its value.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) content: Content,
}

/// Why a text cannot be read.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) line: Option<usize>,
    pub(crate) what: String,
    pub(crate) remedy: Option<&'static str>,
}

impl Unreadable {
    fn new(line: usize, what: impl Into<String>) -> Self {
        Self {
            line: Some(line),
            what: what.into(),
            remedy: None,
        }
    }

    fn remedy(mut self, remedy: &'static str) -> Self {
        self.remedy = Some(remedy);
        self
    }

    fn too_deep(line: usize) -> Self {
        Self::new(line, "there are values in values in values")
            .remedy("a file has sections, and sections have keys")
    }

    /// As the error that a user sees.
    pub(crate) fn into_error(self, path: &str) -> Error {
        let at = match self.line {
            Some(line) => format!("{path}:{line}"),
            None => path.to_owned(),
        };
        let error = Error::new(ErrorKind::ConfigInvalid, self.what)
            .operation("config")
            .with("at", at);
        match self.remedy {
            Some(remedy) => error.remedy(remedy),
            None => error,
        }
    }
}

/// Reads a text of a format. An empty one says nothing, and that is no mistake.
pub(crate) fn read(format: Format, text: &str) -> Result<Vec<Entry>, Unreadable> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(at) = text.find('\0') {
        return Err(Unreadable::new(line_at(text, at), "there is a zero byte")
            .remedy("save the file as text"));
    }
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    match format {
        #[cfg(feature = "yaml")]
        Format::Yaml => yaml::read(text),
        #[cfg(feature = "toml")]
        Format::Toml => toml::read(text),
        #[cfg(feature = "json")]
        Format::Json => json::read(text),
        #[cfg(not(all(feature = "yaml", feature = "toml", feature = "json")))]
        _ => Err(Unreadable {
            line: None,
            what: format!("this build of glmsg reads no {format}"),
            remedy: Some(format.feature_remedy()),
        }),
    }
}

/// The line, from 1, of a byte.
fn line_at(text: &str, at: usize) -> usize {
    let before = text.as_bytes().iter().take(at);
    1 + before.filter(|byte| **byte == b'\n').count()
}

/// What is there twice: of two values for one key, one would be lost in silence.
pub(crate) fn doubled(entries: &[Entry]) -> Vec<Unreadable> {
    let mut found = Vec::new();
    find_doubled(entries, "", &mut found);
    found
}

fn find_doubled(entries: &[Entry], section: &str, found: &mut Vec<Unreadable>) {
    for (n, entry) in entries.iter().enumerate() {
        let name = &entry.name;
        if let Some(first) = entries[..n].iter().find(|other| other.name == *name) {
            let name = crate::fault::excerpt(name);
            let what = format!(
                "{section}{name} is there twice, first in line {}",
                first.line
            );
            found.push(Unreadable::new(entry.line, what).remedy("keep one of them"));
        }
        if let Content::Map(inner) = &entry.content {
            find_doubled(inner, &format!("{}.", crate::fault::excerpt(name)), found);
        }
    }
}

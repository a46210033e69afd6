//! What a key takes.

/// What a key takes.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Form {
    /// `true` or `false`.
    Flag,
    /// A whole number in a range.
    Whole {
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
    /// A number in a range, with a fraction or without.
    Number {
        /// The least.
        least: f64,
        /// The most.
        most: f64,
    },
    /// Any text.
    Text,
    /// The path of a file.
    Path,
    /// A text that is never shown.
    Secret,
    /// One of these words, in capitals or not.
    Word(&'static [&'static str]),
    /// A list of texts, or one text with commas.
    List,
    /// Nothing but this, as glmsg knows no other way: the value, and why.
    Only(&'static str, &'static str),
}

impl Form {
    /// What is expected, as an error says it.
    pub(crate) fn expected(self) -> String {
        match self {
            Self::Flag => "true or false".to_owned(),
            Self::Whole { least, most } => format!("a whole number from {least} to {most}"),
            Self::Number { least, most } => format!("a number from {least} to {most}"),
            Self::Text | Self::Secret => "a text".to_owned(),
            Self::Path => "the path of a file".to_owned(),
            Self::Word(words) => format!("one of {}", words.join(", ")),
            Self::List => "a list of texts, or a text with commas".to_owned(),
            Self::Only(value, _) => format!("{value} and nothing else"),
        }
    }
}

//! Where a value comes from.

use std::fmt;
use std::sync::Arc;

/// Where a value comes from. A later one of these wins over an earlier one.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Origin {
    /// Nobody has said anything.
    #[default]
    Default,
    /// A file.
    File {
        /// Its path, as it was given.
        path: Arc<str>,
        /// The line, from 1.
        line: usize,
    },
    /// A variable of the environment.
    Variable(String),
    /// The program itself, such as an option of its command line; what it calls it.
    Code(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{path}:{line}"),
            Self::Variable(name) => f.write_str(name),
            Self::Code(name) => f.write_str(name),
        }
    }
}

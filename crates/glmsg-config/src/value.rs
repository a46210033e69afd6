//! A value of a key.

use std::fmt;

use crate::Secret;

/// A value of a key, of the form that the key takes. `Display` is how a file would say it, with
/// secrets as `***`.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Whole(u64),
    /// A number with a fraction.
    Number(f64),
    /// A text, a word or a path.
    Text(String),
    /// What is not to be seen.
    Secret(Secret),
    /// Several texts.
    List(Vec<String>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(value) => write!(f, "{value}"),
            Self::Whole(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value:?}"),
            Self::Text(value) => f.write_str(value),
            Self::Secret(value) => write!(f, "{value}"),
            Self::List(values) => f.write_str(&values.join(",")),
        }
    }
}

//! Validated names of topics, groups and consumers.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::{Error, ErrorKind, Result};

/// The longest name, in bytes.
pub const MAX_NAME: usize = 200;
/// The longest segment between two dots, in bytes.
pub const MAX_SEGMENT: usize = 64;

/// A short, printable piece of hostile text for an error message.
pub(crate) fn excerpt(text: &str) -> String {
    const SHOWN: usize = 48;
    let mut out: String = text
        .chars()
        .take(SHOWN)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        out.push('…');
    }
    out
}

fn check(what: &'static str, name: &str) -> Result<()> {
    let fail = |why: String| {
        Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("invalid {what} name: {why}"),
        )
        .with("got", format!("\"{}\"", excerpt(name)))
        .remedy("use segments of letters, digits, '_' and '-' joined by single dots"))
    };
    if name.is_empty() {
        return fail("it is empty".into());
    }
    if name.len() > MAX_NAME {
        return fail(format!("{} bytes, the limit is {MAX_NAME}", name.len()));
    }
    for segment in name.split('.') {
        if segment.is_empty() {
            return fail("a segment is empty".into());
        }
        if segment.len() > MAX_SEGMENT {
            return fail(format!(
                "a segment has {} bytes, the limit is {MAX_SEGMENT}",
                segment.len()
            ));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if let Some(c) = segment.chars().find(|c| !allowed(*c)) {
            return fail(format!("{c:?} is not allowed"));
        }
    }
    // Backends keep their own topics under these prefixes.
    if name.starts_with("gm.") || name == "gm" || name.starts_with("__") {
        return fail("the prefixes \"gm.\" and \"__\" are reserved".into());
    }
    Ok(())
}

macro_rules! name_type {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Checks and takes `name`.
            ///
            /// # Errors
            /// `InvalidArgument` that names the first thing wrong: empty, too long, an empty
            /// segment, a character outside `A-Z a-z 0-9 _ -`, or a reserved prefix.
            pub fn new(name: impl AsRef<str>) -> Result<Self> {
                let name = name.as_ref();
                check($what, name)?;
                Ok(Self(name.into()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl FromStr for $type {
            type Err = Error;
            fn from_str(name: &str) -> Result<Self> {
                Self::new(name)
            }
        }

        impl TryFrom<&str> for $type {
            type Error = Error;
            fn try_from(name: &str) -> Result<Self> {
                Self::new(name)
            }
        }

        impl TryFrom<String> for $type {
            type Error = Error;
            fn try_from(name: String) -> Result<Self> {
                Self::new(name)
            }
        }

        impl TryFrom<&$type> for $type {
            type Error = Error;
            fn try_from(name: &$type) -> Result<Self> {
                Ok(name.clone())
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

name_type! {
    /// The name of a topic: segments of `A-Z a-z 0-9 _ -` (1 to 64 bytes each) joined by single
    /// dots, 200 bytes at most. It can become a key, a file-system-free table value, a Kafka topic
    /// or a metric label without escaping. Cloning is cheap.
    ///
    /// ```
    /// use glmsg_core::TopicName;
    /// assert!(TopicName::new("agent.tasks").is_ok());
    /// assert!(TopicName::new("../etc/passwd").is_err());
    /// ```
    TopicName, "topic"
}

name_type! {
    /// The name of a consumer group, by the same rules as [`TopicName`]. Cloning is cheap.
    GroupName, "group"
}

name_type! {
    /// The name of one member of a group, by the same rules as [`TopicName`]. Cloning is cheap.
    MemberName, "member"
}

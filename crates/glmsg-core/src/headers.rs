//! Bounded message headers.

use std::fmt;

use crate::limits::{MAX_HEADER_NAME, MAX_HEADER_VALUE, MAX_HEADERS};
use crate::name::excerpt;
use crate::{Error, ErrorKind, Result};

/// Text values by name, sorted by name: at most 64, names of 1 to 128 visible ASCII characters,
/// values of at most 4096 bytes of UTF-8 without control characters. Names are case-sensitive and
/// unique.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers(Vec<(Box<str>, Box<str>)>);

impl Headers {
    /// No headers. Allocates nothing.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Sets `name` to `value`, replacing an earlier value.
    ///
    /// # Errors
    /// `InvalidArgument` for a name or value with a character that is not allowed, `TooLarge` for
    /// one that is too long or one header too many.
    pub fn insert(&mut self, name: &str, value: &str) -> Result<()> {
        check_name(name)?;
        check_value(name, value)?;
        match self.0.binary_search_by(|(n, _)| (**n).cmp(name)) {
            Ok(at) => self.0[at].1 = value.into(),
            Err(_) if self.0.len() >= MAX_HEADERS => {
                return Err(too_large(format!("more than {MAX_HEADERS} headers"), name));
            }
            Err(at) => self.0.insert(at, (name.into(), value.into())),
        }
        Ok(())
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(n, _)| (**n).cmp(name)).ok()?;
        Some(&self.0[at].1)
    }

    /// Takes `name` out; `true` if it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let found = self.0.binary_search_by(|(n, _)| (**n).cmp(name));
        found.map(|at| self.0.remove(at)).is_ok()
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + DoubleEndedIterator {
        self.0.iter().map(|(n, v)| (&**n, &**v))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// `true` if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

fn too_large(why: String, name: &str) -> Error {
    Error::new(ErrorKind::TooLarge, why).with("header", excerpt(name))
}

fn check_name(name: &str) -> Result<()> {
    if name.len() > MAX_HEADER_NAME {
        return Err(too_large(
            format!("a header name is longer than {MAX_HEADER_NAME} bytes"),
            name,
        ));
    }
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "a header name must be visible ASCII without spaces",
        )
        .with("header", format!("\"{}\"", excerpt(name))));
    }
    Ok(())
}

fn check_value(name: &str, value: &str) -> Result<()> {
    if value.len() > MAX_HEADER_VALUE {
        return Err(too_large(
            format!("a header value is longer than {MAX_HEADER_VALUE} bytes"),
            name,
        ));
    }
    if value.chars().any(char::is_control) {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "a header value must not hold control characters",
        )
        .with("header", excerpt(name)));
    }
    Ok(())
}

//! Bounded message headers.

use std::fmt;

use crate::limits::{MAX_HEADER_NAME, MAX_HEADER_VALUE, MAX_HEADERS};
use crate::name::excerpt;
use crate::{Error, ErrorKind, Result};

/// Text values by name, sorted by name: at most 64, names of 1 to 128 visible ASCII characters,
/// values of at most 4096 bytes of UTF-8 without control characters. Names are case-sensitive and
/// unique.
// Each is one text, as a message pays for every allocation.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers(Vec<Box<str>>);

/// Stands between a name and its value, which hold no control character.
const BETWEEN: char = '\0';

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
        match self.find(name) {
            Ok(at) => self.0[at] = joined(name, value),
            Err(_) if self.0.len() >= MAX_HEADERS => {
                return Err(too_large(format!("more than {MAX_HEADERS} headers"), name));
            }
            Err(at) => {
                if self.0.is_empty() {
                    // Most messages that have one have no other.
                    self.0.reserve_exact(1);
                }
                self.0.insert(at, joined(name, value));
            }
        }
        Ok(())
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self.find(name).ok()?;
        Some(split(&self.0[at]).1)
    }

    /// Where `name` is, or else would be.
    fn find(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|header| split(header).0.cmp(name))
    }

    /// Takes `name` out; `true` if it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        self.find(name).map(|at| self.0.remove(at)).is_ok()
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + DoubleEndedIterator {
        self.0.iter().map(|header| split(header))
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

fn joined(name: &str, value: &str) -> Box<str> {
    let mut text = String::with_capacity(name.len() + 1 + value.len());
    text.push_str(name);
    text.push(BETWEEN);
    text.push_str(value);
    text.into()
}

fn split(header: &str) -> (&str, &str) {
    header.split_once(BETWEEN).unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn they_are_a_sorted_map() {
        let (mut headers, mut model) = (Headers::new(), BTreeMap::new());
        // Names that begin with others, and values that are empty, grow and shrink.
        let names = ["b", "ab", "a", "abc", "c", "B", "b-"];
        let values = ["", "x", "länger", "y", ""];
        for (n, value) in values.into_iter().cycle().take(40).enumerate() {
            let name = names[n * 5 % names.len()];
            if n % 4 == 3 {
                assert_eq!(headers.remove(name), model.remove(name).is_some());
            } else {
                headers.insert(name, value).unwrap();
                model.insert(name, value);
            }
            assert!(headers.iter().eq(model.iter().map(|(n, v)| (*n, *v))));
            assert_eq!(headers.len(), model.len());
            for name in names {
                assert_eq!(headers.get(name), model.get(name).copied());
            }
        }
    }

    #[test]
    fn nothing_stands_between_a_name_and_its_value_but_what_neither_may_hold() {
        let mut headers = Headers::new();
        let between = BETWEEN.to_string();
        assert!(headers.insert(&between, "x").is_err());
        assert!(headers.insert("x", &between).is_err());
    }
}

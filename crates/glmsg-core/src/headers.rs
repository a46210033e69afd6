//! Bounded message headers.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;

use crate::limits::{MAX_HEADER_NAME, MAX_HEADER_VALUE, MAX_HEADERS};
use crate::name::excerpt;
use crate::{Error, ErrorKind, Result};

/// Text values by name, sorted by name: at most 64, names of 1 to 128 visible ASCII characters,
/// values of at most 4096 bytes of UTF-8 without control characters. Names are case-sensitive and
/// unique.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers {
    /// Names and values in turn, each with [`END`] behind it: one allocation for all of them.
    text: String,
    len: usize,
}

/// Ends names and values, which hold no control character.
const END: char = '\0';

impl Headers {
    /// No headers. Allocates nothing.
    pub const fn new() -> Self {
        Self {
            text: String::new(),
            len: 0,
        }
    }

    /// Sets `name` to `value`, replacing an earlier value.
    ///
    /// # Errors
    /// `InvalidArgument` for a name or value with a character that is not allowed, `TooLarge` for
    /// one that is too long or one header too many.
    pub fn insert(&mut self, name: &str, value: &str) -> Result<()> {
        check_name(name)?;
        check_value(name, value)?;
        let (at, before) = self.find(name);
        if before.is_none() && self.len >= MAX_HEADERS {
            return Err(too_large(format!("more than {MAX_HEADERS} headers"), name));
        }
        match before {
            Some(before) => self.text.replace_range(before, value),
            None => {
                let rest = self.text.split_off(at);
                self.push(name, value, rest.len());
                self.text.push_str(&rest);
            }
        }
        Ok(())
    }

    /// As [`insert`](Self::insert), for a name that is above all others.
    pub(crate) fn append(&mut self, name: &str, value: &str) -> Result<()> {
        check_name(name)?;
        check_value(name, value)?;
        if self.len >= MAX_HEADERS {
            return Err(too_large(format!("more than {MAX_HEADERS} headers"), name));
        }
        self.push(name, value, 0);
        Ok(())
    }

    fn push(&mut self, name: &str, value: &str, more: usize) {
        let room = name.len() + value.len() + 2 + more;
        match self.text.is_empty() {
            true => self.text.reserve_exact(room),
            false => self.text.reserve(room),
        }
        for part in [name, value] {
            self.text.push_str(part);
            self.text.push(END);
        }
        self.len += 1;
    }

    /// Where `name` begins or would, and where its value stands.
    fn find(&self, name: &str) -> (usize, Option<Range<usize>>) {
        let mut at = 0;
        for (other, value) in self.iter() {
            let from = at + other.len() + 1;
            match other.cmp(name) {
                Ordering::Less => at = from + value.len() + 1,
                Ordering::Equal => return (at, Some(from..from + value.len())),
                Ordering::Greater => break,
            }
        }
        (at, None)
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.find(name);
        value.map(|value| &self.text[value])
    }

    /// Takes `name` out; `true` if it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let (from, Some(value)) = self.find(name) else {
            return false;
        };
        self.text.replace_range(from..=value.end, "");
        self.len -= 1;
        true
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        Iter {
            rest: &self.text,
            len: self.len,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// `true` if there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

struct Iter<'a> {
    rest: &'a str,
    len: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = self.rest.split_once(END)?;
        let (value, rest) = rest.split_once(END)?;
        (self.rest, self.len) = (rest, self.len - 1);
        Some((name, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len, Some(self.len))
    }
}

impl ExactSizeIterator for Iter<'_> {}

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
        // Names that are the beginning of others, and values that are empty, grow and shrink.
        let names = ["b", "ab", "a", "abc", "c", "B", "b-"];
        for (n, value) in ["", "x", "längere", "y", ""]
            .iter()
            .cycle()
            .take(40)
            .enumerate()
        {
            let name = names[n * 5 % names.len()];
            if n % 4 == 3 {
                assert_eq!(headers.remove(name), model.remove(name).is_some());
            } else {
                headers.insert(name, value).unwrap();
                model.insert(name, *value);
            }
            assert!(
                headers.iter().eq(model.iter().map(|(n, v)| (*n, *v))),
                "{headers:?}"
            );
            assert_eq!(
                (headers.len(), headers.is_empty()),
                (model.len(), model.is_empty())
            );
            assert_eq!(headers.iter().len(), model.len());
            for name in names {
                assert_eq!(headers.get(name), model.get(name).copied());
            }
        }
    }

    #[test]
    fn equal_is_what_holds_the_same() {
        let (mut one, mut two) = (Headers::new(), Headers::new());
        one.insert("a", "1").unwrap();
        one.insert("b", "2").unwrap();
        two.insert("b", "3").unwrap();
        two.insert("a", "1").unwrap();
        assert_ne!(one, two);
        two.insert("b", "2").unwrap();
        assert_eq!(one, two);
    }
}

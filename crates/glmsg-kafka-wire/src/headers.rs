//! NewHeaders of a record, in the form they have on the wire.

use crate::varint;

/// NewHeaders of a record to send, written as they are put.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewHeaders {
    count: i32,
    bytes: Vec<u8>,
}

impl NewHeaders {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// None yet, with room for so many bytes of names and values.
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            count: 0,
            bytes: Vec::with_capacity(bytes),
        }
    }

    /// Adds one. Names may repeat.
    pub fn put(&mut self, name: &str, value: Option<&[u8]>) {
        self.count += 1;
        varint::put_bytes(&mut self.bytes, Some(name.as_bytes()));
        varint::put_bytes(&mut self.bytes, value);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        usize::try_from(self.count).unwrap_or(0)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Names and values, in the order they were put.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> + Clone {
        let mut rest = &*self.bytes;
        std::iter::from_fn(move || {
            let name = varint::take_bytes(&mut rest)??;
            let value = varint::take_bytes(&mut rest)?;
            Some((std::str::from_utf8(name).ok()?, value))
        })
    }

    pub(crate) fn count(&self) -> i32 {
        self.count
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_is_there_in_its_order() {
        let mut headers = NewHeaders::with_capacity(16);
        assert!(headers.is_empty());
        let long = vec![7; 300];
        headers.put("a", Some(b"1"));
        headers.put("", None);
        headers.put("a", Some(&long));
        headers.put("ä", Some(b""));
        let all: Vec<_> = headers.iter().collect();
        let wanted: [(&str, Option<&[u8]>); 4] = [
            ("a", Some(b"1")),
            ("", None),
            ("a", Some(&long)),
            ("ä", Some(b"")),
        ];
        assert_eq!(all, wanted);
        assert_eq!(headers.len(), 4);
    }
}

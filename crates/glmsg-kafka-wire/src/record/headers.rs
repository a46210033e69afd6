//! The headers of a record.

use super::cursor::{Cursor, Fault};

/// The headers of a record, each with its name and its value. One whose name is not UTF-8 is left
/// out. A clone is as cheap as a copy, and begins where this one is.
#[derive(Debug, Clone, Copy)]
pub struct Headers<'a> {
    left: Cursor<'a>,
    count: u32,
}

impl<'a> Headers<'a> {
    /// Those that fill the rest of a record. All of them are looked at once, so that what comes
    /// later cannot fail.
    pub(super) fn read(mut record: Cursor<'a>) -> Result<Self, Fault> {
        let count = record.varint()?;
        let count = u32::try_from(count).map_err(|_| "its number of headers is negative")?;
        let left = record;
        for _ in 0..count {
            entry(&mut record)?;
        }
        match record.is_empty() {
            true => Ok(Self { left, count }),
            false => Err("there is more in it than its length says"),
        }
    }

    /// How many there are, those with a name that is not UTF-8 as well.
    pub const fn count_all(&self) -> u32 {
        self.count
    }

    /// The value of the first one of this name; None within for one without a value.
    pub fn find(&self, name: &str) -> Option<Option<&'a [u8]>> {
        let mut all = *self;
        all.find_map(|(found, value)| (found == name).then_some(value))
    }
}

fn entry<'a>(cursor: &mut Cursor<'a>) -> Result<(&'a [u8], Option<&'a [u8]>), Fault> {
    let name = cursor.optional()?.ok_or("a header has no name")?;
    Ok((name, cursor.optional()?))
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a str, Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        while self.count > 0 {
            self.count -= 1;
            let (name, value) = entry(&mut self.left).ok()?;
            if let Ok(name) = std::str::from_utf8(name) {
                return Some((name, value));
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, usize::try_from(self.count).ok())
    }
}

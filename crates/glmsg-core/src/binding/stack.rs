//! Text of a bounded length, made without an allocation.

use std::fmt::{self, Write};

/// Room for `N` bytes of text.
pub(super) struct Stack<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Stack<N> {
    pub(super) const fn new() -> Self {
        Self {
            bytes: [0; N],
            len: 0,
        }
    }

    /// The text of `what`, in place of an earlier one.
    pub(super) fn of(&mut self, what: fmt::Arguments<'_>) -> &str {
        self.len = 0;
        let written = self.write_fmt(what);
        debug_assert!(written.is_ok(), "what is written here has a bounded length");
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl<const N: usize> Write for Stack<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        let room = self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

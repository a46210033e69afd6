//! What is sent on a connection of its own: one buffer, made where it is needed.

use std::fmt;

use super::reply::Answers;
use crate::digits::Digits;

/// One command, and those that go before it.
#[derive(Debug)]
pub(crate) struct Request {
    bytes: Vec<u8>,
    /// Where the command begins.
    at: usize,
    first: Option<First>,
}

/// How many commands go first, and who is told of the answers.
pub(crate) struct First {
    pub(crate) commands: usize,
    pub(crate) tell: Box<dyn FnOnce(Answers) + Send>,
}

impl fmt::Debug for First {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("First")
            .field("commands", &self.commands)
            .finish_non_exhaustive()
    }
}

impl Request {
    /// A command of these words.
    pub(crate) fn new(words: &[&[u8]]) -> Self {
        Self::behind((Vec::new(), None), words)
    }

    /// A command behind others that are there as bytes.
    pub(crate) fn behind((mut bytes, first): (Vec<u8>, Option<First>), words: &[&[u8]]) -> Self {
        let at = bytes.len();
        put_command(&mut bytes, words);
        Self { bytes, at, first }
    }

    /// A command as redis-rs has it.
    #[cfg(test)]
    pub(crate) fn of(command: &redis::Cmd) -> Self {
        Self {
            bytes: command.get_packed_command(),
            at: 0,
            first: None,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn take_first(&mut self) -> Option<First> {
        self.first.take()
    }

    /// The command alone, with what it needs where its slot is on its way.
    pub(super) fn asking(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_command(&mut bytes, &[b"ASKING"]);
        bytes.extend_from_slice(&self.bytes[self.at..]);
        bytes
    }
}

/// Appends a command.
pub(crate) fn put_command(bytes: &mut Vec<u8>, words: &[&[u8]]) {
    let len: usize = words.iter().map(|word| word.len() + 16).sum();
    bytes.reserve(16 + len);
    put_head(bytes, b'*', words.len());
    for word in words {
        put_word(bytes, word);
    }
}

/// Appends a word of a command.
pub(crate) fn put_word(bytes: &mut Vec<u8>, word: &[u8]) {
    put_head(bytes, b'$', word.len());
    bytes.extend_from_slice(word);
    bytes.extend_from_slice(b"\r\n");
}

/// Appends how many words a command has, or how long a word is.
pub(crate) fn put_head(bytes: &mut Vec<u8>, kind: u8, number: usize) {
    bytes.push(kind);
    bytes.extend_from_slice(Digits::of(number as u64).as_bytes());
    bytes.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_slot_is_on_its_way_the_command_goes_alone() {
        let mut acks = Vec::new();
        put_command(&mut acks, &[b"XACK", b"l", b"g", b"5-1"]);
        let first = First {
            commands: 1,
            tell: Box::new(drop),
        };
        let request = Request::behind((acks, Some(first)), &[b"XREAD", b"l"]);
        let alone = b"*1\r\n$6\r\nASKING\r\n*2\r\n$5\r\nXREAD\r\n$1\r\nl\r\n";
        assert_eq!(request.asking(), alone);
        assert!(request.bytes().starts_with(b"*4\r\n$4\r\nXACK\r\n"));
        assert!(request.bytes().ends_with(&alone[17..]));
    }

    #[test]
    fn commands_are_as_redis_has_them() {
        let long = "x".repeat(1234);
        for words in [&["PING"][..], &["SET", "", &long], &["X"; 123]] {
            let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
            let mut theirs = redis::Cmd::new();
            for word in &words {
                theirs.arg(*word);
            }
            assert_eq!(Request::new(&words).bytes(), theirs.get_packed_command());
        }
    }
}

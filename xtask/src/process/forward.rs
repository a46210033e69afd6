//! What a program prints, passed on as it comes and searched for secrets on the way.

use std::io::{ErrorKind, Read, Write};

use super::successes::Successes;
use crate::secrets::{self, Scanner};

/// Passes everything on until the end; with `successes`, without what that leaves out. All of it is searched.
pub(super) fn forward(from: impl Read, to: impl Write, successes: Option<Successes>) {
    pass(from, to, successes, secrets::found);
}

fn pass(
    mut from: impl Read,
    mut to: impl Write,
    mut successes: Option<Successes>,
    mut found: impl FnMut(Vec<String>),
) {
    let mut scanner = Scanner::default();
    let mut buffer = vec![0; 1 << 16];
    // A reader who went away does not stop the program: what it prints is still searched.
    let mut show = |bytes: &[u8]| {
        let _ = to.write_all(bytes).and_then(|()| to.flush());
    };
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        let bytes = &buffer[..count];
        found(scanner.feed(bytes));
        match &mut successes {
            Some(successes) => show(&successes.feed(bytes)),
            None => show(bytes),
        }
    }
    found(scanner.end());
    if let Some(successes) = &mut successes {
        show(&successes.end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::MARK;

    fn passed(text: &[u8], successes: Option<Successes>) -> (Vec<u8>, Vec<String>) {
        let (mut shown, mut found) = (Vec::new(), Vec::new());
        pass(text, &mut shown, successes, |lines| found.extend(lines));
        (shown, found)
    }

    #[test]
    fn everything_is_passed_on_unchanged_and_searched() {
        let text = format!(
            "\u{1b}[32mgreen\u{1b}[0m\r\n{}{MARK}\n\0 end",
            ".".repeat(1 << 17)
        );
        let (shown, found) = passed(text.as_bytes(), None);
        assert_eq!(shown, text.as_bytes());
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn what_is_left_out_is_searched_too() {
        let text = format!("running 1 test\nsuccesses:\n{MARK}\ntest result: ok.\n");
        let (shown, found) = passed(text.as_bytes(), Some(Successes::default()));
        assert_eq!(shown, b"running 1 test\ntest result: ok.\n");
        assert_eq!(found, ["***"]);
    }
}

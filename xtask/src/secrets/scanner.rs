//! The search for the mark, in a stream that comes in pieces.

use super::MARK;

/// Where a line without an end is cut.
const LONGEST: usize = 1 << 20;

/// How much of a line is shown, in characters.
const SHOWN: usize = 160;

/// Finds the mark line by line, however the stream was cut.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    /// The line that has not ended yet.
    line: Vec<u8>,
}

impl Scanner {
    /// Takes the next bytes; returns the lines with a mark that end here, masked.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                found.extend(self.end());
            } else if self.line.len() > LONGEST {
                // A mark may lie across the cut.
                let longest = forms().iter().map(String::len).max().unwrap_or(0);
                let rest = self.line.split_off(self.line.len() - longest);
                let seen = self.end();
                if seen.is_empty() {
                    self.line = rest;
                }
                found.extend(seen);
            }
        }
        found
    }

    /// The stream has ended, or the line.
    pub(crate) fn end(&mut self) -> Vec<String> {
        let line = std::mem::take(&mut self.line);
        masked(&String::from_utf8_lossy(&line))
            .into_iter()
            .collect()
    }
}

/// The mark as it is, and as bytes are printed: by `{:?}`, and in hexadecimal.
fn forms() -> [String; 3] {
    let bytes: Vec<String> = MARK.bytes().map(|byte| byte.to_string()).collect();
    let digits = MARK.bytes().map(|byte| format!("{byte:02x}")).collect();
    [MARK.to_owned(), bytes.join(", "), digits]
}

/// What can be shown of a line if it has the mark.
fn masked(line: &str) -> Option<String> {
    let forms = forms();
    if !forms.iter().any(|form| line.contains(form)) {
        return None;
    }
    let mut shown = line.trim().to_owned();
    for form in &forms {
        shown = shown.replace(form, "***");
    }
    // The place of the mark is what a reader looks for.
    let at = shown.find("***").unwrap_or(0);
    let before = shown[..at].chars().count();
    let skipped = before.saturating_sub(SHOWN / 2);
    Some(shown.chars().skip(skipped).take(SHOWN).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_however_the_stream_is_cut() {
        for form in forms() {
            let text = format!("first\nat {form} here\nlast");
            for cut in 0..text.len() {
                let (one, two) = text.as_bytes().split_at(cut);
                let mut scanner = Scanner::default();
                let mut found = scanner.feed(one);
                found.extend(scanner.feed(two));
                found.extend(scanner.end());
                assert_eq!(found, ["at *** here"], "cut at {cut}");
            }
            let mut scanner = Scanner::default();
            let bytes = text.bytes().flat_map(|byte| scanner.feed(&[byte]));
            assert_eq!(bytes.collect::<Vec<_>>(), ["at *** here"]);
        }
    }

    #[test]
    fn a_line_that_does_not_end_is_searched() {
        let mut scanner = Scanner::default();
        assert!(scanner.feed(b"no end").is_empty());
        assert!(scanner.feed(MARK.as_bytes()).is_empty());
        assert_eq!(scanner.end(), ["no end***"]);
        assert!(scanner.end().is_empty());
        // One that is too long to keep, with the mark across the cut.
        let (one, two) = MARK.split_at(3);
        let mut long = vec![b'.'; LONGEST];
        long.extend_from_slice(one.as_bytes());
        assert!(scanner.feed(&long).is_empty());
        assert!(scanner.line.len() < LONGEST);
        assert!(scanner.feed(two.as_bytes()).is_empty());
        assert_eq!(scanner.end().len(), 1);
    }

    #[test]
    fn what_has_no_mark_is_not_found() {
        let mut scanner = Scanner::default();
        let half = &MARK[..5];
        let text = format!("{half}\n{}\n\u{e9}\n", &MARK[5..]);
        assert!(scanner.feed(text.as_bytes()).is_empty());
        assert!(scanner.feed(b"\xff\n").is_empty());
        assert!(scanner.end().is_empty());
    }

    #[test]
    fn a_long_line_is_shown_around_its_mark() {
        let line = format!("{}{MARK}{}", "a".repeat(1000), "b".repeat(1000));
        let shown = masked(&line).unwrap();
        assert_eq!(shown.len(), SHOWN);
        assert!(shown.contains("a***b"), "{shown}");
    }
}

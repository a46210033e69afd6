//! A stream read line by line, however it is cut.

/// Who looks at each line of a stream, and says whether it is shown.
pub(super) trait Reader: Send {
    /// A line without its end.
    fn line(&mut self, line: &str) -> bool;
}

/// The line that has not ended yet.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<u8>);

impl Lines {
    /// Takes the next bytes; returns the lines to show that end here, as they came.
    pub(super) fn feed(&mut self, bytes: &[u8], reader: &mut dyn Reader) -> Vec<u8> {
        let mut shown = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.0.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                shown.extend(self.end(reader));
            }
        }
        shown
    }

    /// The stream has ended, or the line.
    pub(super) fn end(&mut self, reader: &mut dyn Reader) -> Vec<u8> {
        let line = std::mem::take(&mut self.0);
        let is_shown = reader.line(String::from_utf8_lossy(&line).trim_end());
        if is_shown { line } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default)]
    struct Kept(Vec<String>);

    impl Reader for Kept {
        fn line(&mut self, line: &str) -> bool {
            self.0.push(line.to_owned());
            !line.starts_with('#')
        }
    }

    #[test]
    fn what_is_shown_is_unchanged_wherever_the_stream_is_cut() {
        let text = b"one\r\n#two\n\xff three";
        for cut in 0..text.len() {
            let (first, second) = text.split_at(cut);
            let (mut lines, mut kept) = (Lines::default(), Kept::default());
            let mut shown = lines.feed(first, &mut kept);
            shown.extend(lines.feed(second, &mut kept));
            assert!(!shown.ends_with(b"three"), "the line has not ended");
            shown.extend(lines.end(&mut kept));
            assert_eq!(shown, b"one\r\n\xff three");
            assert_eq!(kept.0, ["one", "#two", "\u{fffd} three"]);
        }
    }
}

//! Tables for people: aligned columns, nothing else.

use std::fmt::Write;

/// Where a column's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Rows under a header.
#[derive(Debug)]
pub(crate) struct Table {
    header: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(header: &[(&'static str, Align)]) -> Self {
        Self {
            header: header.to_vec(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        // Names and reasons come from outside: no line break or terminal code gets through.
        let clean = |cell: String| cell.replace(|c: char| c.is_control(), " ");
        self.rows.push(cells.into_iter().map(clean).collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as text; the header in bold where `colour` allows it.
    pub(crate) fn render(&self, colour: bool) -> String {
        let widths: Vec<usize> = (0..self.header.len())
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
                widest.max(self.header[column].0.chars().count())
            })
            .collect();
        let mut text = String::new();
        let header = self.line(&widths, &mut self.header.iter().map(|(name, _)| *name));
        if colour {
            let _ = writeln!(text, "\x1b[1m{header}\x1b[0m");
        } else {
            let _ = writeln!(text, "{header}");
        }
        for row in &self.rows {
            let line = self.line(&widths, &mut row.iter().map(String::as_str));
            let _ = writeln!(text, "{line}");
        }
        text
    }

    fn line(&self, widths: &[usize], cells: &mut dyn Iterator<Item = &str>) -> String {
        let mut line = String::new();
        for ((cell, width), (_, align)) in cells.zip(widths).zip(&self.header) {
            if !line.is_empty() {
                line.push_str("  ");
            }
            let fill = " ".repeat(width.saturating_sub(cell.chars().count()));
            match align {
                Align::Left => {
                    line.push_str(cell);
                    line.push_str(&fill);
                }
                Align::Right => {
                    line.push_str(&fill);
                    line.push_str(cell);
                }
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// A number with its thousands apart: `14 476 934`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A number of things: `1 message`, `2 messages`.
pub(crate) fn counted(number: u64, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_hostile_text_is_tame() {
        let mut table = Table::new(&[("topic", Align::Left), ("lag", Align::Right)]);
        table.row(["flights".to_owned(), "7".to_owned()]);
        table.row(["a\x1b[2Jb".to_owned(), "12345".to_owned()]);
        assert_eq!(
            table.render(false),
            "topic      lag\nflights      7\na [2Jb   12345\n"
        );
        assert!(table.render(true).starts_with("\x1b[1mtopic"));
    }

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1 000"),
            (14_476_934, "14 476 934"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}

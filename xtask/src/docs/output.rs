//! What a page shows of a command's output, held against what the command printed.

/// The first line of `shown` that `printed` has not, in their order. What differs in every run may differ: ids, times,
/// durations, and how wide the columns are. A line `…` stands for any lines.
pub(super) fn first_missing<'a>(shown: &'a str, printed: &str) -> Option<&'a str> {
    let printed: Vec<String> = printed.lines().map(normal).collect();
    let mut rest = printed.iter();
    let mut shown = shown.lines().filter(|line| !line.trim().is_empty());
    shown.find(|line| line.trim() != "…" && !rest.any(|found| *found == normal(line)))
}

/// A line without what differs in every run.
fn normal(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().map(kind).collect();
    words.join(" ")
}

/// The word itself, or what it is one of.
fn kind(word: &str) -> &str {
    let bare = word.trim_matches(['"', ',', '(', ')', '{', '}', ':', '[', ']', '.']);
    let is_id = bare.len() == 36 && bare.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let is_time = bare.len() >= 19
        && bare
            .chars()
            .all(|c| c.is_ascii_digit() || "-:.TZ".contains(c));
    let digits = bare.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let is_duration = digits.len() < bare.len()
        && ["ms", "s", "m", "h", "d"].contains(&&bare[digits.len()..])
        && digits.parse::<f64>().is_ok();
    match () {
        () if is_id => "ID",
        () if is_time => "TIME",
        () if is_duration => "DURATION",
        () => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_in_every_run_may_differ() {
        let shown =
            "TOPIC  AGE\njobs  12s\n019abcde-0000-7000-8000-000000000000 2026-11-27T12:00:00Z\n";
        let printed = "TOPIC      AGE\nmore\njobs 1s\n01900000-0000-7000-8000-000000000001 2027-01-01T00:00:00Z\n";
        assert_eq!(first_missing(shown, printed), None);
    }

    #[test]
    fn another_word_number_or_order_is_found() {
        assert_eq!(first_missing("stored 2", "stored 3"), Some("stored 2"));
        assert_eq!(first_missing("a\nb", "b\na"), Some("b"));
        assert_eq!(first_missing("a\n…\nc", "a\nb\nc"), None);
        assert_eq!(first_missing("…\nd", "a\nb"), Some("d"));
    }
}

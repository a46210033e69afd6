//! What somebody may have meant.

/// The candidate that is closest to what was written, if one is close enough to be meant.
pub(crate) fn nearest<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let written = written.to_lowercase();
    let ranked = candidates.into_iter().map(|known| {
        let away = distance(&known.to_lowercase(), &written);
        (away, known)
    });
    let (away, known) = ranked.min_by_key(|(away, _)| *away)?;
    (away <= 1 + known.len() / 4).then_some(known)
}

/// How many letters must be put in, taken out, changed or swapped with the next to make one of the
/// other. Only the first 64 of each count, so that a hostile name costs nothing.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(64).collect();
    let b: Vec<char> = b.chars().take(64).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let changed = last[j] + usize::from(from != to);
            let mut least = changed.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *from == b[j - 1] && a[i - 1] == *to {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_something_else_is_not() {
        let known = ["redis.host", "redis.port", "log_level"];
        assert_eq!(nearest("redis.hots", known), Some("redis.host"));
        assert_eq!(nearest("Redis.Port", known), Some("redis.port"));
        assert_eq!(nearest("loglevel", known), Some("log_level"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("x", []), None);
    }
}

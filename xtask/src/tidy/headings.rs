//! The headings of a page as places that a link can name, by the rule of the forges and of mdBook.

/// The place of each heading: its words in small letters, with `-` between them; a second one of the same words ends in `-1`.
pub(super) fn places(page: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut in_code = false;
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        let words = line.trim_start_matches('#').strip_prefix(' ');
        let Some(words) = words.filter(|_| line.starts_with('#') && !in_code) else {
            continue;
        };
        let place = place(words.trim());
        let same = found
            .iter()
            .filter(|earlier| is_numbered(earlier, &place))
            .count();
        found.push(match same {
            0 => place,
            count => format!("{place}-{count}"),
        });
    }
    found
}

/// The words alone: of a link its text, without quotes and dots.
fn place(words: &str) -> String {
    let mut text = String::new();
    let mut rest = words;
    while let Some((before, after)) = rest.split_once("](") {
        text.push_str(before);
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    let kept = text.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
        _ => None,
    });
    kept.flat_map(char::to_lowercase).collect()
}

fn is_numbered(earlier: &str, place: &str) -> bool {
    earlier.strip_prefix(place).is_some_and(|rest| {
        let number = rest.strip_prefix('-').unwrap_or(rest);
        number.chars().all(|c| c.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_is_a_place() {
        let page = "# The `dlq` command: twice\n## [One](two.md) more\n```sh\n# no heading\n```\n#no\n## One more\n";
        assert_eq!(
            places(page),
            ["the-dlq-command-twice", "one-more", "one-more-1"]
        );
    }
}

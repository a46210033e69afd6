//! Patterns over topic names: what is allowed, and what matches.

use std::time::{Duration, Instant};

use glmsg_core::{ErrorKind, TopicName, TopicPattern};
use proptest::prelude::*;

fn matches(pattern: &str, topic: &str) -> bool {
    let pattern = TopicPattern::new(pattern).unwrap();
    pattern.matches(&TopicName::new(topic).unwrap())
}

#[test]
fn what_matches() {
    for (pattern, yes, no) in [
        (
            "a.b",
            &["a.b"][..],
            &["a", "a.b.c", "a.c", "a.bb", "A.b"][..],
        ),
        ("*", &["a", "bcd"], &["a.b"]),
        ("a.*", &["a.b", "a.a"], &["a", "a.b.c", "b.a"]),
        ("*.b.*", &["a.b.c", "b.b.b"], &["a.b", "b.c", "a.c.b"]),
        ("**", &["a", "a.b", "a.b.c"], &[]),
        (">", &["a", "a.b", "a.b.c"], &[]),
        ("a.**", &["a", "a.b", "a.b.c"], &["b", "ab", "b.a"]),
        ("a.>", &["a", "a.b", "a.b.c"], &["b", "ab", "b.a"]),
        ("**.z", &["z", "a.z", "z.z", "a.b.z"], &["a", "z.a", "az"]),
        ("a.**.z", &["a.z", "a.b.z", "a.z.z"], &["a", "z", "a.z.b"]),
        ("**.a.**", &["a", "b.a", "a.b", "b.a.b"], &["b", "aa"]),
        ("**.**", &["a", "a.b"], &[]),
        ("*.**", &["a", "a.b", "a.b.c"], &[]),
        ("**.*.*", &["a.b", "a.b.c"], &["a"]),
        (
            "**.a.b.**.a.c",
            &["a.b.a.c", "a.a.b.a.b.a.c"],
            &["a.b.c", "a.c"],
        ),
    ] {
        for topic in yes {
            assert!(matches(pattern, topic), "{pattern} {topic}");
        }
        for topic in no {
            assert!(!matches(pattern, topic), "{pattern} {topic}");
        }
    }
}

#[test]
fn what_is_refused_says_where() {
    let long = "x.".repeat(100) + "x";
    let long_segment = format!("a.{}", "x".repeat(65));
    for (pattern, where_and_what) in [
        ("", "it is empty"),
        ("a..b", "segment 2 is empty"),
        (".a", "segment 1 is empty"),
        ("a.", "segment 2 is empty"),
        ("a.b*", "segment 2 has '*' beside"),
        ("a.***", "segment 2 has '*' beside"),
        ("a.>b", "segment 2 has '>' beside"),
        (">.a", "segment 1 is `>`, which stands at the end only"),
        ("a.>.b", "segment 2 is `>`, which stands at the end only"),
        ("a.b c", "segment 2 has ' ' at character 2"),
        ("a.b.ü", "segment 3 has 'ü' at character 1"),
        ("a.[bc]", "segment 2 has '[' at character 1"),
        ("a\n", "segment 1 has '\\n' at character 2"),
        ("gm.*", "reserved"),
        ("__a.*", "reserved"),
        (&long, "201 bytes, the limit is 200"),
        (&long_segment, "segment 2 has 65 bytes, the limit is 64"),
    ] {
        let error = TopicPattern::new(pattern).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{pattern:?}");
        let text = error.to_string();
        assert!(text.contains(where_and_what), "{pattern:?}: {text}");
        assert!(!text.chars().any(char::is_control), "{text}");
        assert!(text.len() < 400, "{text}");
    }
}

#[test]
fn a_pattern_without_a_wildcard_is_a_topic() {
    let topic = TopicName::new("orders.eu").unwrap();
    assert_eq!(
        TopicPattern::new("orders.eu").unwrap().topic(),
        Some(topic.clone())
    );
    assert_eq!(TopicPattern::from(topic.clone()).topic(), Some(topic));
    for wild in ["orders.*", "**", "orders.>", "*"] {
        assert_eq!(TopicPattern::new(wild).unwrap().topic(), None, "{wild}");
    }
}

/// The longest pattern and the longest name of the kind that makes matchers by trial and error
/// take for ever.
#[test]
fn a_hostile_pattern_is_matched_at_once() {
    let pattern = TopicPattern::new("**.a.".repeat(39) + "**.z").unwrap();
    let topic = TopicName::new("a.".repeat(99) + "a").unwrap();
    let start = Instant::now();
    for _ in 0..1000 {
        assert!(!pattern.matches(&topic));
    }
    // By trial and error one match takes longer than the universe; this is a thousand.
    assert!(start.elapsed() < Duration::from_secs(10));
    let longest = TopicPattern::new("*.".repeat(99) + "*").unwrap();
    assert!(longest.matches(&topic), "100 segments");
}

/// What a pattern means, as plainly as it can be said.
fn plainly(pattern: &[&str], topic: &[&str]) -> bool {
    match (pattern, topic) {
        ([], topic) => topic.is_empty(),
        (["**" | ">", rest @ ..], topic) => {
            (0..=topic.len()).any(|skipped| plainly(rest, &topic[skipped..]))
        }
        (["*", rest @ ..], [_, topic @ ..]) => plainly(rest, topic),
        ([letter, rest @ ..], [first, topic @ ..]) => letter == first && plainly(rest, topic),
        _ => false,
    }
}

proptest! {
    #[test]
    fn matching_is_what_it_plainly_means(
        pattern in "(a|b|\\*|\\*\\*)(\\.(a|b|\\*|\\*\\*)){0,5}(\\.>)?",
        topic in "[ab](\\.[ab]){0,6}",
    ) {
        let parts: Vec<_> = pattern.split('.').collect();
        let segments: Vec<_> = topic.split('.').collect();
        let plain = plainly(&parts, &segments);
        prop_assert_eq!(matches(&pattern, &topic), plain, "{} {}", pattern, topic);
    }

    #[test]
    fn any_text_is_a_pattern_or_an_error(text in "\\PC{0,210}") {
        match TopicPattern::new(&text) {
            Ok(pattern) => prop_assert_eq!(pattern.as_str(), text),
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::InvalidArgument),
        }
    }
}

//! The listings of `docs/guides/testing.md`, as tests, word for word.

#[path = "guide/by_hand.rs"]
mod by_hand;
#[path = "guide/paused_time.rs"]
mod paused_time;

#[test]
fn the_guide_shows_what_is_tested() {
    let guide = include_str!("../../../docs/guides/testing.md");
    let listings = [
        include_str!("guide/paused_time.rs"),
        include_str!("guide/by_hand.rs"),
    ];
    for listing in listings {
        let (_, code) = listing
            .split_once("\n\n")
            .expect("a heading, then the listing");
        assert!(
            guide.contains(code),
            "docs/guides/testing.md has other code than:\n{code}"
        );
    }
    assert_eq!(guide.matches("```rust").count(), listings.len());
}

//! The guide's listings are the files that are compiled here.

use std::collections::BTreeMap;
use std::path::Path;

/// The listings of the guide: each follows a line that ends with its file's name in code and a
/// colon.
fn listings() -> BTreeMap<String, String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guides/write-a-backend.md");
    let text = std::fs::read_to_string(page).expect("the guide");
    let mut listings = BTreeMap::new();
    let mut name = None;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            let body: Vec<&str> = lines.by_ref().take_while(|l| *l != "```").collect();
            if let Some(name) = name.take() {
                listings.insert(name, body.join("\n") + "\n");
            }
        } else if let Some(rest) = line.strip_suffix("`:") {
            name = rest.rsplit('`').next().map(str::to_owned);
        } else if !line.is_empty() {
            name = None;
        }
    }
    listings
}

#[test]
fn every_listing_is_what_is_compiled() {
    let listings = listings();
    let files = [
        ("src/store.rs", "store.rs"),
        ("src/backend.rs", "backend.rs"),
        ("src/source.rs", "source.rs"),
        ("src/settler.rs", "settler.rs"),
        ("tests/suite.rs", "suite.rs"),
    ];
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guide");
    for (listing, file) in files {
        let compiled = std::fs::read_to_string(here.join(file)).expect("the compiled copy");
        let found = listings.get(listing).unwrap_or_else(|| {
            panic!(
                "the guide has no listing `{listing}`; it has {:?}",
                listings.keys()
            )
        });
        assert!(
            *found == compiled,
            "the guide's `{listing}` is not tests/tests/guide/{file}: copy the file into the guide"
        );
    }
}

#[test]
fn the_head_of_the_library_is_the_guides() {
    let listings = listings();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guide/main.rs");
    let main = std::fs::read_to_string(here).expect("the head");
    let lib = &listings["src/lib.rs"];
    for line in lib
        .lines()
        .filter(|l| !l.starts_with("//!") && !l.is_empty())
    {
        assert!(main.contains(line), "main.rs does not stand for `{line}`");
    }
}

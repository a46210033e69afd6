//! The links of the built book: each leads to a page and a place on it, or to a file of the repository.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::failure::{Failure, Outcome};
use crate::tidy::{self, resolve};
use crate::violation::{self, Violation};

/// Where the source of the book is, from the top of the repository. A link out of the book is a link out of this.
const SOURCE: &str = "docs";

/// Where the book keeps copies of files that its pages link to and that are no pages. They are read as text.
const COPIES: &str = "repository";

/// Checks every link of the book, after it has brought into the book what lies outside of it.
pub(super) fn check(book: &Path) -> Outcome {
    let mut violations = Vec::new();
    let pages = read(book, "")?;
    let ids: BTreeMap<&str, BTreeSet<&str>> = pages
        .iter()
        .map(|(path, html)| (path.as_str(), attributes(html, "id").collect()))
        .collect();
    for (path, html) in &pages {
        let mut changed = html.clone();
        for link in attributes(html, "href").chain(attributes(html, "src")) {
            match look(book, path, link, &ids)? {
                Found::There => {}
                Found::At(target) => {
                    let up = "../".repeat(path.matches('/').count());
                    let mended = format!("\"{up}{target}\"");
                    changed = changed.replace(&format!("\"{link}\""), &mended);
                }
                Found::Nothing(remedy) => violations.push(Violation::new(
                    &format!("book/{path}"),
                    1,
                    format!("the link `{link}` leads nowhere"),
                    remedy,
                )),
            }
        }
        if changed != *html {
            write(&book.join(path), changed.as_bytes())?;
        }
    }
    violations.extend(left_out(book)?);
    violation::report(
        violations,
        &format!("links of {} pages of the book", pages.len()),
    )
}

enum Found {
    There,
    /// It is somewhere else in the book.
    At(String),
    Nothing(&'static str),
}

fn look(
    book: &Path,
    page: &str,
    link: &str,
    ids: &BTreeMap<&str, BTreeSet<&str>>,
) -> Outcome<Found> {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    if path.contains(':') {
        return Ok(Found::There);
    }
    let at = format!("{SOURCE}/{page}");
    let target = if path.is_empty() {
        Some(at)
    } else {
        resolve(&at, path)
    };
    let Some(target) = target else {
        return Ok(Found::Nothing("link to a file of the repository"));
    };
    if let Some(inside) = target.strip_prefix(&format!("{SOURCE}/")) {
        return Ok(within(book, inside, anchor, ids));
    }
    // mdBook takes every page for one of its own.
    let page = target
        .strip_suffix(".html")
        .map(|stem| format!("{stem}.md"));
    let candidates = [
        Some(target.clone()),
        page,
        Some(format!("{target}/README.md")),
    ];
    let mut candidates = candidates.into_iter().flatten();
    let Some(file) = candidates.find(|file| Path::new(file).is_file()) else {
        return Ok(Found::Nothing("link to a file of the repository"));
    };
    let bytes =
        std::fs::read(&file).map_err(|error| Failure::failed(format!("{file}: {error}")))?;
    write(&book.join(COPIES).join(format!("{file}.txt")), &bytes)?;
    Ok(Found::At(format!("{COPIES}/{file}.txt")))
}

/// What a link within the book leads to. mdBook makes `index.html` of a `README.md`, and leaves the links to it.
fn within(book: &Path, target: &str, anchor: &str, ids: &BTreeMap<&str, BTreeSet<&str>>) -> Found {
    let renamed = target
        .strip_suffix("README.html")
        .map(|directory| format!("{directory}index.html"));
    let page = renamed.as_deref().unwrap_or(target);
    let is_there = match ids.get(page) {
        Some(ids) => anchor.is_empty() || ids.contains(anchor),
        None => book.join(page).is_file(),
    };
    match (is_there, &renamed) {
        (true, None) => Found::There,
        (true, Some(page)) if anchor.is_empty() => Found::At(page.clone()),
        (true, Some(page)) => Found::At(format!("{page}#{anchor}")),
        (false, _) => Found::Nothing("mend it, or put the page into docs/SUMMARY.md"),
    }
}

/// The written pages that are not in the book.
fn left_out(book: &Path) -> Outcome<Vec<Violation>> {
    let pages = tidy::pages_below(SOURCE)?;
    let summary = format!("{SOURCE}/SUMMARY.md");
    let left = pages.into_iter().filter(|page| {
        let inside = page
            .strip_prefix(SOURCE)
            .unwrap_or(page)
            .trim_start_matches('/');
        let built = inside
            .replace("README.md", "index.md")
            .replace(".md", ".html");
        *page != summary && !book.join(built).is_file()
    });
    let violations = left.map(|page| {
        Violation::new(
            &page,
            1,
            "the page is not in the book",
            "put it into docs/SUMMARY.md",
        )
    });
    Ok(violations.collect())
}

/// The pages of the book by their paths. The one for paths that are not there is shown at any path, so its links are not.
fn read(directory: &Path, prefix: &str) -> Outcome<Vec<(String, String)>> {
    let broken =
        |error: std::io::Error| Failure::failed(format!("{}: {error}", directory.display()));
    let mut pages = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(broken)? {
        let entry = entry.map_err(broken)?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().map_err(broken)?.is_dir() {
            pages.extend(read(&entry.path(), &format!("{path}/"))?);
        } else if path.ends_with(".html") && path != "404.html" {
            pages.push((path, std::fs::read_to_string(entry.path()).map_err(broken)?));
        }
    }
    Ok(pages)
}

fn write(path: &Path, bytes: &[u8]) -> Outcome {
    let directory = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory)
        .and_then(|()| std::fs::write(path, bytes))
        .map_err(|error| Failure::failed(format!("cannot write {}: {error}", path.display())))
}

/// The values of an attribute, as mdBook writes it. Code that shows HTML has no quotes in it, as they are escaped.
fn attributes<'a>(html: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let start = format!(" {name}=\"");
    let length = start.len();
    let starts: Vec<usize> = html
        .match_indices(&start)
        .map(|(at, _)| at + length)
        .collect();
    starts
        .into_iter()
        .filter_map(|at| html[at..].split('"').next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(link: &str) -> Found {
        let nowhere = Path::new("a-directory-that-is-nowhere");
        let there: BTreeSet<&str> = ["keys"].into();
        let ids = BTreeMap::from([
            ("backends/redis.html", there),
            ("index.html", BTreeSet::new()),
        ]);
        look(nowhere, "backends/redis.html", link, &ids).unwrap()
    }

    #[test]
    fn links_to_pages_and_places_are_found() {
        for link in [
            "#keys",
            "redis.html#keys",
            "../index.html",
            "https://example.org/a",
        ] {
            assert!(matches!(found(link), Found::There), "{link}");
        }
    }

    #[test]
    fn a_page_that_has_another_name_in_the_book_is_found_there() {
        let Found::At(there) = found("../README.html") else {
            panic!("it is the index")
        };
        assert_eq!(there, "index.html");
    }

    #[test]
    fn links_to_nothing_are_told() {
        for link in [
            "#none",
            "gone.html",
            "../index.html#none",
            "../../../outside",
            "../../gone.rs",
        ] {
            assert!(matches!(found(link), Found::Nothing(_)), "{link}");
        }
    }

    #[test]
    fn attributes_are_read_with_their_values() {
        let html = "<a href=\"a.html\" id=\"one\">x</a><h2 id=\"two\">";
        assert_eq!(attributes(html, "id").collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(attributes(html, "href").collect::<Vec<_>>(), ["a.html"]);
    }
}

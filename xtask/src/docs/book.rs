//! The book of `docs/`, made by mdBook.

use std::path::PathBuf;
use std::time::Duration;

use crate::failure::{Failure, Outcome};
use crate::process::Process;
use crate::{services, workspace};

/// It takes a second.
const LIMIT: Duration = Duration::from_secs(60);

/// Builds it anew, and says where it is. What mdBook warns of is a failure.
pub(super) fn build() -> Outcome<PathBuf> {
    let program = services::mdbook()?;
    let book = workspace::target_directory()?.join("book");
    let printed = Process::new(&program)
        .args(["build", "docs", "--dest-dir", &book.to_string_lossy()])
        .printed(LIMIT)?;
    println!("{}", printed.text.trim_end());
    let warning = printed.text.lines().find(|line| is_warning(line));
    match warning {
        None if printed.has_succeeded => Ok(book),
        None => Err(Failure::failed("mdBook failed: what it prints says why")),
        Some(warning) => Err(Failure::failed(format!("mdBook warns: {}", warning.trim()))),
    }
}

fn is_warning(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words.any(|word| matches!(word.trim_matches(['[', ']', ':']), "WARN" | "ERROR"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_found_and_news_is_none() {
        assert!(is_warning(" WARN unclosed HTML tag `<T>` found"));
        assert!(is_warning("2026-11-27 [ERROR] (mdbook): no"));
        assert!(!is_warning(" INFO Book building has started"));
    }
}

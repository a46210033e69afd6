//! The program that runs Java: that of the machine, or that of its distribution.

use std::path::{Path, PathBuf};

use super::{debian, program};
use crate::failure::{Failure, Outcome};
use crate::process::Process;

/// The oldest release that Kafka 4 runs on.
const OLDEST: u32 = 17;

/// The program on the path, installed if there is none that will do.
pub(super) fn program() -> Outcome<PathBuf> {
    let found = || program::on_path("java").filter(|path| check(path).is_ok());
    if let Some(path) = found() {
        return Ok(path);
    }
    let installed = debian::install("default-jre-headless");
    let path = installed.is_ok().then(found).flatten();
    path.ok_or_else(|| {
        Failure::failed(format!(
            "none here is of release {OLDEST} or newer: install one, on Debian with `apt-get install default-jre-headless`"
        ))
    })
}

/// Runs it to see that Kafka will run on it.
pub(super) fn check(path: &Path) -> Outcome {
    let said = Process::new(&path.display().to_string())
        .args(["--version"])
        .stdout()?;
    if release(&said).is_some_and(|release| release >= OLDEST) {
        return Ok(());
    }
    let said = said.lines().next().unwrap_or_default();
    Err(Failure::failed(format!(
        "{} is no Java {OLDEST} or newer: it says `{said}`",
        path.display()
    )))
}

/// The release in what `--version` prints: the word after the product's name, which vendors choose.
fn release(said: &str) -> Option<u32> {
    let version = said.split_whitespace().nth(1)?;
    version.split(['.', '-', '+']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_read_whoever_made_it() {
        assert_eq!(release("openjdk 17.0.15 2025-04-15\nOpenJDK"), Some(17));
        assert_eq!(release("java 21 2023-09-19 LTS\n"), Some(21));
        assert_eq!(release("openjdk 26-ea 2026-03-17\n"), Some(26));
        assert_eq!(release("cargo\n"), None);
        assert_eq!(release(""), None);
    }

    #[test]
    fn a_program_that_is_another_one_is_refused() {
        let cargo = program::on_path("cargo").unwrap();
        let failure = check(&cargo).unwrap_err().to_string();
        assert!(failure.contains("is no Java 17 or newer"), "{failure}");
    }
}

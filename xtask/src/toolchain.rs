//! What the workspace needs besides Rust to be built: SQLite and librdkafka are built from source.

use crate::failure::{Failure, Outcome};
use crate::process::Process;
use crate::services::install;

/// What a build asks for: a command that succeeds where it is there, what it is, and the Debian package that has it.
const NEEDED: &[(&str, &str, &str)] = &[
    ("cc --version", "a C compiler", "gcc"),
    ("g++ --version", "a C++ compiler", "g++"),
    ("make --version", "make", "make"),
];

/// How OpenSSL's headers are found on Linux.
const OPENSSL: &[(&str, &str, &str)] = &[
    ("pkg-config --version", "pkg-config", "pkg-config"),
    (
        "pkg-config --exists openssl",
        "OpenSSL's headers",
        "libssl-dev",
    ),
];

/// Makes sure that all of it is there before a build of minutes fails for the lack of it. What is missing is installed where
/// that can be done.
pub(crate) fn require() -> Outcome {
    let missing = missing(is_there);
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|(_, _, package)| *package).collect();
    let packages = packages.join(" ");
    if install(&packages).is_ok() && missing.iter().all(|(probe, ..)| is_there(probe)) {
        return Ok(());
    }
    Err(Failure::failed(lacking(&missing)))
}

fn missing(is_there: impl Fn(&str) -> bool) -> Vec<(&'static str, &'static str, &'static str)> {
    // A user who says where OpenSSL is has it there.
    let openssl = match std::env::var_os("OPENSSL_DIR") {
        None if cfg!(target_os = "linux") => OPENSSL,
        _ => &[],
    };
    let all = NEEDED.iter().chain(openssl).copied();
    all.filter(|(probe, ..)| !is_there(probe)).collect()
}

fn is_there(probe: &str) -> bool {
    let mut words = probe.split_whitespace();
    words
        .next()
        .is_some_and(|program| Process::new(program).args(words).succeeds())
}

/// One line: what is missing, and what to do.
fn lacking(missing: &[(&str, &str, &str)]) -> String {
    let of = |part: fn(&(&str, &str, &str)) -> String, between: &str| {
        missing.iter().map(part).collect::<Vec<_>>().join(between)
    };
    let what = of(|(_, what, _)| (*what).to_owned(), ", ");
    let packages = of(|(.., package)| (*package).to_owned(), " ");
    format!(
        "the bundled SQLite and librdkafka cannot be built without {what}: install it, on Debian with `apt-get install {packages}`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_in_one_line_with_its_packages() {
        let missing = missing(|probe| !probe.starts_with("g++") && !probe.starts_with("make"));
        let said = lacking(&missing);
        assert!(said.contains("a C++ compiler, make"), "{said}");
        assert!(said.ends_with("`apt-get install g++ make`"), "{said}");
        assert_eq!(said.lines().count(), 1);
    }

    #[test]
    fn a_program_that_is_nowhere_is_not_there() {
        assert!(is_there("cargo --version"));
        assert!(!is_there("a-program-that-is-nowhere --version"));
    }
}

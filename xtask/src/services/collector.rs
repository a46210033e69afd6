//! The OpenTelemetry Collector, built from its Go modules: nobody publishes it as a package of another kind.

use std::path::{Path, PathBuf};

use super::place::{self, Place};
use crate::failure::{Failure, Outcome};
use crate::process::Process;

/// The release, by which its modules are named. It is in the name of the directory: another release is built anew.
const RELEASE: &str = "0.161.0";

/// Its source: a main function with the two parts that tests need, and what it depends on, by checksum.
const SOURCE: &[(&str, &str)] = &[
    ("main.go", include_str!("collector/main.go")),
    ("go.mod", include_str!("collector/go.mod")),
    ("go.sum", include_str!("collector/go.sum")),
];

/// The program, built if it is not there yet. That takes minutes, once.
pub(super) fn program(place: &Place) -> Outcome<PathBuf> {
    let directory = place.programs(&format!("collector-{RELEASE}"));
    let program = directory.join("collector");
    if program.is_file() {
        return Ok(program);
    }
    require_go()?;
    let part = place.programs(&format!("collector-{RELEASE}.part"));
    place::remove_directory(&part)?;
    place::create_directory(&part)?;
    for (name, text) in SOURCE {
        write(&part.join(name), text)?;
    }
    Process::new("go")
        .words("build -trimpath -ldflags=-s -o collector .")
        .env("CGO_ENABLED", "0")
        // A toolchain is the machine's, and nothing to be downloaded on the way.
        .env("GOTOOLCHAIN", "local")
        .within(&part)
        .run()
        .map_err(|failure| {
            Failure::failed(format!(
                "{failure}: it takes the Go release that go.mod names, and a module proxy to reach"
            ))
        })?;
    // In one piece: a directory that is there is complete.
    std::fs::rename(&part, &directory)
        .map_err(|error| Failure::failed(format!("cannot rename {}: {error}", part.display())))?;
    Ok(program)
}

fn write(path: &Path, text: &str) -> Outcome {
    std::fs::write(path, text)
        .map_err(|error| Failure::failed(format!("cannot write {}: {error}", path.display())))
}

fn require_go() -> Outcome {
    if Process::new("go").args(["version"]).succeeds() {
        return Ok(());
    }
    let wanted = wanted().unwrap_or_default();
    Err(Failure::failed(format!(
        "Go is missing: install release {wanted} or newer"
    )))
}

/// The release of Go that the source asks for.
fn wanted() -> Option<&'static str> {
    let (_, module) = SOURCE.iter().find(|(name, _)| *name == "go.mod")?;
    module.lines().find_map(|line| line.strip_prefix("go "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_of_the_release() {
        let (_, module) = SOURCE[1];
        let exporter = format!("exporter/fileexporter v{RELEASE}");
        assert!(module.contains(&exporter), "{module}");
        assert!(wanted().is_some());
    }
}

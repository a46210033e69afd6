//! The program of the image, built as the Dockerfile builds it: static, so that it runs where nothing else is.

use std::path::Path;

use crate::failure::{Failure, Outcome};
use crate::process::Process;
use crate::workspace;

const DOCKERFILE: &str = "deploy/docker/Dockerfile";

/// Builds it and looks at it. It is not run in a container, which not every machine has.
pub(super) fn check() -> Outcome {
    let text = std::fs::read_to_string(DOCKERFILE)
        .map_err(|error| Failure::failed(format!("cannot read {DOCKERFILE}: {error}")))?;
    let flags = flags(&text)?;
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    Process::cargo("build --release --locked --package glmsg-cli --bin glmsg --target")
        .args([target.as_str()])
        .env("RUSTFLAGS", flags)
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        .run()?;
    let built = workspace::target_directory()?
        .join(&target)
        .join("release/glmsg");
    require_static(&built)?;
    Process::new(&built.display().to_string())
        .args(["--version"])
        .run()
}

/// What the Dockerfile tells the compiler.
fn flags(dockerfile: &str) -> Outcome<&str> {
    let rest = dockerfile.split_once("RUSTFLAGS=\"");
    let found = rest.and_then(|(_, rest)| rest.split('"').next());
    found.ok_or_else(|| Failure::failed(format!("{DOCKERFILE} sets no RUSTFLAGS")))
}

/// A program that asks for a loader cannot be started from an empty root.
fn require_static(program: &Path) -> Outcome {
    let bytes = std::fs::read(program)
        .map_err(|error| Failure::failed(format!("cannot read {}: {error}", program.display())))?;
    let loader = b"/ld-linux";
    if bytes.windows(loader.len()).any(|part| part == loader) {
        let program = program.display();
        return Err(Failure::failed(format!("{program} asks for a loader")));
    }
    println!("{}: static, {} MB", program.display(), bytes.len() >> 20);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_are_those_of_the_dockerfile() {
        let text = "ENV A=1 \\\n    RUSTFLAGS=\"-C target-feature=+crt-static\"\n";
        assert_eq!(flags(text).unwrap(), "-C target-feature=+crt-static");
        assert!(flags("FROM scratch").is_err());
    }

    #[test]
    fn this_very_program_is_not_static() {
        let own = std::env::current_exe().unwrap();
        assert!(require_static(&own).is_err());
    }
}

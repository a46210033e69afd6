//! Programs from Debian packages, unpacked and not installed where that will do: it needs no root and starts no system
//! service.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::place::{self, Place};
use crate::failure::{Failure, Outcome};
use crate::process::Process;

/// Redis 7 and its tools, with the libraries that a machine need not have.
pub(super) const REDIS: Package = Package {
    directory: "redis7",
    names: "redis-server redis-tools libatomic1 libjemalloc2 liblzf1",
    library: "libjemalloc.so.2",
};

/// The library that lies about the time.
pub(super) const FAKETIME: Package = Package {
    directory: "faketime",
    names: "libfaketime",
    library: "libfaketimeMT.so.1",
};

/// A client of Kafka, with the libraries that a machine need not have. Debian 12 has it with librdkafka 2.0, which Kafka 4
/// does not let in with SCRAM (confluentinc/librdkafka#4895).
pub(super) const KCAT: Package = Package {
    directory: "kcat",
    names: "kcat librdkafka1 libyajl2 libsasl2-2 liblz4-1",
    library: "librdkafka.so.1",
};

/// Prometheus and `promtool`, which need no library but the system's.
pub(super) const PROMETHEUS: Package = Package {
    directory: "prometheus",
    names: "prometheus",
    library: "",
};

/// Debian packages that are unpacked together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Package {
    directory: &'static str,
    names: &'static str,
    /// One of its libraries: they lie in one directory, whose name depends on the machine.
    library: &'static str,
}

/// Installs packages on this machine, for what cannot be had unpacked alone. That needs root.
pub(crate) fn install(names: &str) -> Outcome {
    Process::new("apt-get").words("--quiet update").run()?;
    Process::new("apt-get")
        .words("--quiet --yes install --no-install-recommends")
        .words(names)
        .run()
}

/// A program of the package, behind a script that lets it find the libraries beside it.
pub(super) fn program(place: &Place, package: Package, name: &str) -> Outcome<PathBuf> {
    let tree = unpack(place, package)?;
    let found = require(&tree, &format!("bin/{name}"))?;
    let script = tree.with_file_name(name);
    let written = std::fs::write(&script, wrapper(&tree, package, &found))
        .and_then(|()| std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)));
    written
        .map_err(|error| Failure::failed(format!("cannot write {}: {error}", script.display())))?;
    Ok(script)
}

/// A file of the package.
pub(super) fn file(place: &Place, package: Package, name: &str) -> Outcome<PathBuf> {
    require(&unpack(place, package)?, name)
}

/// Downloads and unpacks, unless that is done; returns the top of what was unpacked.
fn unpack(place: &Place, package: Package) -> Outcome<PathBuf> {
    let directory = place.programs(package.directory);
    let tree = directory.join("tree");
    if tree.is_dir() {
        return Ok(tree);
    }
    let part = place.programs(&format!("{}.part", package.directory));
    place::remove_directory(&part)?;
    place::create_directory(&part)?;
    download(package, &part)?;
    let tree_part = part.join("tree").display().to_string();
    for archive in archives(&part)? {
        Process::new("dpkg")
            .args(["--extract", &archive, &tree_part])
            .within(&part)
            .run()?;
    }
    place::remove_directory(&directory)?;
    std::fs::rename(&part, &directory)
        .map_err(|error| Failure::failed(format!("cannot rename {}: {error}", part.display())))?;
    Ok(tree)
}

fn download(package: Package, into: &Path) -> Outcome {
    // As the user who runs this: apt's own user may not write here, and would warn about that.
    let download = || {
        Process::new("apt-get")
            .words("--quiet --option APT::Sandbox::User=root download")
            .words(package.names)
            .within(into)
            .run()
    };
    if download().is_ok() {
        return Ok(());
    }
    // A fresh machine has no lists of packages, and an old one has lists of packages that are gone.
    let updated = Process::new("apt-get").words("--quiet update").run();
    updated
        .and_then(|()| download())
        .map_err(|failure| Failure::failed(format!("{failure}: run `apt-get update` as root")))
}

fn archives(directory: &Path) -> Outcome<Vec<String>> {
    let entries = std::fs::read_dir(directory).map_err(|error| {
        Failure::failed(format!("cannot read {}: {error}", directory.display()))
    })?;
    let paths = entries.flatten().map(|entry| entry.path());
    let archives = paths.filter(|path| path.extension().is_some_and(|end| end == "deb"));
    Ok(archives.map(|path| path.display().to_string()).collect())
}

fn require(tree: &Path, name: &str) -> Outcome<PathBuf> {
    place::find(tree, name)
        .ok_or_else(|| Failure::failed(format!("there is no {name} below {}", tree.display())))
}

/// The text of the script. `exec` keeps the process: its id is that of the program.
fn wrapper(tree: &Path, package: Package, program: &Path) -> String {
    let below = |path: &Path| {
        let relative = path.strip_prefix(tree).unwrap_or(path);
        format!("${{0%/*}}/tree/{}", relative.display())
    };
    let libraries = place::find(tree, package.library).and_then(|path| path.parent().map(below));
    let libraries = libraries.unwrap_or_default();
    let program = below(program);
    format!(
        "#!/bin/sh\n\
         export LD_LIBRARY_PATH=\"{libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\"\n\
         exec \"{program}\" \"$@\"\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_finds_the_program_beside_itself_and_stays_its_process() {
        let tree = Path::new("/build/programs/redis7/tree");
        let script = wrapper(tree, REDIS, &tree.join("usr/bin/redis-cli"));
        assert!(script.starts_with("#!/bin/sh\nexport LD_LIBRARY_PATH="));
        assert!(script.ends_with("exec \"${0%/*}/tree/usr/bin/redis-cli\" \"$@\"\n"));
    }
}

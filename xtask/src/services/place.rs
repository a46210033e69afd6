//! Where everything of the servers lies: one directory below cargo's target directory, so that `cargo clean` takes it.

use std::path::{Path, PathBuf};

use crate::failure::{Failure, Outcome};
use crate::workspace;

/// The directory `services` of the target directory. All paths are absolute: servers change their own directory.
#[derive(Debug, Clone)]
pub(super) struct Place {
    root: PathBuf,
}

impl Place {
    /// The place of this checkout, made if it is not there.
    pub(super) fn open() -> Outcome<Self> {
        let place = Self::at(workspace::target_directory()?.join("services"));
        create_directory(&place.root)?;
        Ok(place)
    }

    pub(super) fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// What tests read to find the servers.
    pub(super) fn environment(&self) -> PathBuf {
        self.root.join("services.env")
    }

    /// Held while servers are started or stopped.
    pub(super) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// Programs of one package, kept over a `down`.
    pub(super) fn programs(&self, package: &str) -> PathBuf {
        self.root.join("programs").join(package)
    }

    /// Certificates, kept over a `down`.
    pub(super) fn certificates(&self) -> PathBuf {
        self.root.join("tls")
    }

    /// The directory of one server, gone after a `down`.
    pub(super) fn run(&self, node: &str) -> PathBuf {
        self.root.join("run").join(node)
    }
}

pub(super) fn create_directory(path: &Path) -> Outcome {
    std::fs::create_dir_all(path)
        .map_err(|error| Failure::failed(format!("cannot create {}: {error}", path.display())))
}

/// Removes a directory with all that is in it; one that is not there is no failure.
pub(super) fn remove_directory(path: &Path) -> Outcome {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::failed(
            format!("cannot remove {}: {error}", path.display()),
        )),
        _ => Ok(()),
    }
}

/// The first file below a directory whose path ends so, links included.
pub(super) fn find(directory: &Path, end: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir(directory).ok()?;
    entries.flatten().find_map(|entry| {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => find(&path, end),
            Ok(_) => path.ends_with(end).then_some(path),
            Err(_) => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_by_the_end_of_its_path() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        let found = find(source, "services/place.rs").unwrap();
        assert_eq!(found, source.join("src/services/place.rs"));
        assert_eq!(find(source, "ervices/place.rs"), None);
        assert_eq!(find(&source.join("nowhere"), "place.rs"), None);
    }

    #[test]
    fn what_is_not_there_need_not_be_removed() {
        remove_directory(Path::new("a-directory-that-is-nowhere")).unwrap();
    }
}

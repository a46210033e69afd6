//! Where the files are.

use std::path::PathBuf;

/// A file of `deploy/`.
pub(crate) fn file(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    let path = path.join(name).canonicalize();
    path.unwrap_or_else(|error| panic!("deploy/{name}: {error}"))
}

/// What is in a file of the repository.
pub(crate) fn text(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(path.join(name));
    text.unwrap_or_else(|error| panic!("{name}: {error}"))
}

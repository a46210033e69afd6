//! The text files of the repository.

use std::path::Path;

use crate::failure::{Failure, Outcome};

/// One text file, its path relative to the top with `/` between the parts.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
}

impl File {
    #[cfg(test)]
    pub(super) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// The last part of the path.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    pub(super) fn has_extension(&self, extension: &str) -> bool {
        self.name()
            .rsplit_once('.')
            .is_some_and(|(_, found)| found == extension)
    }

    /// The lines with their numbers, as an editor counts them.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }
}

/// Hidden directories that hold files of the project; every other one belongs to a tool.
const HIDDEN: &[&str] = &[".cargo", ".ci", ".github"];

/// Reads every text file under the current directory. By walking it and not by asking git: the rules then also hold for
/// a file that is not added yet, and in an unpacked release.
pub(super) fn read() -> Outcome<Vec<File>> {
    let mut files = Vec::new();
    read_directory(Path::new("."), "", &mut files)
        .map_err(|error| Failure::failed(format!("cannot read the tree: {error}")))?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn read_directory(directory: &Path, prefix: &str, files: &mut Vec<File>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() {
            let skipped =
                name == "target" || (name.starts_with('.') && !HIDDEN.contains(&name.as_str()));
            if !skipped {
                read_directory(&entry.path(), &format!("{path}/"), files)?;
            }
        // In a linked worktree `.git` is a file, with a path of the machine.
        } else if kind.is_file() && path != ".git" {
            // What is not UTF-8 is no text, and the rules are about text.
            match std::fs::read_to_string(entry.path()) {
                Ok(text) => files.push(File { path, text }),
                Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_knows_its_name_and_extension() {
        let file = File::new("crates/a/src/lib.rs", "one\ntwo\n");
        assert_eq!(file.name(), "lib.rs");
        assert!(file.has_extension("rs") && !file.has_extension("s"));
        assert!(!File::new(".ci/run", "").has_extension("run"));
        assert_eq!(file.lines().collect::<Vec<_>>(), [(1, "one"), (2, "two")]);
    }
}

//! The shell blocks of a page, run as they are written, in their order, in one shell.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::blocks::{self, Block};
use super::output;
use crate::failure::{Failure, Outcome};
use crate::process::Process;
use crate::{services, workspace};

const PAGE: &str = "docs/getting-started.md";

/// It builds two programs, and takes a minute or two.
const LIMIT: Duration = Duration::from_secs(1200);

/// What is printed before what a block prints, with its line.
const MARK: &str = "@@ block of line ";

/// Runs the page as a reader would, who begins at the top of a checkout. Only the environment is prepared: `glmsg` is
/// installed where it is thrown away with the rest, temporary files go there as well, and Redis is on the path.
pub(crate) fn check() -> Outcome {
    let page = std::fs::read_to_string(PAGE)
        .map_err(|error| Failure::failed(format!("cannot read {PAGE}: {error}")))?;
    let blocks = blocks::read(&page);
    let scratch = Scratch::create(workspace::target_directory()?.join("first-steps"))?;
    let file = scratch.path.join("blocks.sh");
    std::fs::write(&file, script(&blocks))
        .map_err(|error| Failure::failed(format!("cannot write {}: {error}", file.display())))?;
    let printed = Process::new("bash")
        .args([file.to_string_lossy()])
        .env("PATH", &path(&scratch.path)?)
        .env("CARGO_INSTALL_ROOT", &scratch.path.to_string_lossy())
        .env("TMPDIR", &scratch.path.to_string_lossy())
        .printed(LIMIT)?;
    println!("{}", printed.text.trim_end());
    if !printed.has_succeeded {
        let last = printed.text.rmatch_indices(MARK).next();
        let line = last.map_or("?", |(at, mark)| number(&printed.text[at + mark.len()..]));
        return Err(Failure::failed(format!(
            "{PAGE}:{line}: the block failed as it is written; what it printed stands above"
        )));
    }
    compare(&blocks, &printed.text)
}

/// All blocks as one script, that ends at the first failure. A block of Rust is put into the file that is named before it.
fn script(blocks: &[Block]) -> String {
    let mut script = String::from("set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || :' EXIT\n");
    for block in blocks {
        let written = match (block.language.as_str(), file_named(&block.before)) {
            ("sh", _) => block.code.clone(),
            ("rust", Some(name)) => {
                format!("cat > {name} <<'END-OF-RUST'\n{}END-OF-RUST\n", block.code)
            }
            _ => continue,
        };
        // Writing to a string cannot fail.
        let _ = write!(script, "echo '{MARK}{}'\n{written}", block.line);
    }
    script
}

/// The file that a line of prose names, as in "This is `src/main.rs`:".
fn file_named(before: &str) -> Option<&str> {
    before
        .split('`')
        .skip(1)
        .step_by(2)
        .find(|word| word.ends_with(".rs"))
}

/// What the page shows of the output must have been printed, by the block before.
fn compare(blocks: &[Block], printed: &str) -> Outcome {
    let parts: Vec<(&str, &str)> = printed
        .split(MARK)
        .skip(1)
        .filter_map(|part| part.split_once('\n'))
        .collect();
    let mut ran = "";
    for block in blocks {
        if block.language == "sh" {
            let line = block.line.to_string();
            ran = parts
                .iter()
                .find(|(at, _)| *at == line)
                .map_or("", |(_, text)| text);
        }
        if block.language == "text"
            && let Some(missing) = output::first_missing(&block.code, ran)
        {
            return Err(Failure::failed(format!(
                "{PAGE}:{}: the command before printed no such line: {missing}",
                block.line
            )));
        }
    }
    let count = blocks.iter().filter(|block| block.language == "sh").count();
    println!("{count} blocks of {PAGE}: ok");
    Ok(())
}

fn number(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// The path to programs, with what the page needs before it.
fn path(scratch: &Path) -> Outcome<String> {
    let mut directories = vec![scratch.join("bin")];
    for (_, program) in services::redis_programs()? {
        directories.extend(Path::new(&program).parent().map(Path::to_path_buf));
    }
    let old = std::env::var_os("PATH").unwrap_or_default();
    directories.extend(std::env::split_paths(&old));
    let joined = std::env::join_paths(directories);
    let joined = joined.map_err(|error| Failure::failed(format!("PATH: {error}")))?;
    Ok(joined.to_string_lossy().into_owned())
}

/// A directory that goes away with what is in it.
#[derive(Debug)]
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn create(path: PathBuf) -> Outcome<Self> {
        // A run that was killed has left its own.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).map_err(|error| {
            Failure::failed(format!("cannot create {}: {error}", path.display()))
        })?;
        Ok(Self { path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is below the target directory, and goes with the next run.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "# One\n```sh\necho one\n```\n```text\none\n```\nThis is `src/main.rs`:\n\n```rust\nfn main() {}\n```\n";

    #[test]
    fn shell_and_named_files_are_run_and_nothing_else() {
        let script = script(&blocks::read(SMALL));
        assert!(script.starts_with("set -eu\n"), "{script}");
        assert!(
            script.contains("echo '@@ block of line 2'\necho one\n"),
            "{script}"
        );
        assert!(
            script.contains("cat > src/main.rs <<'END-OF-RUST'\nfn main() {}\n"),
            "{script}"
        );
    }

    #[test]
    fn another_output_than_shown_names_its_line() {
        let blocks = blocks::read(SMALL);
        assert!(compare(&blocks, "@@ block of line 2\none\n").is_ok());
        let failure = compare(&blocks, "@@ block of line 2\ntwo\n").unwrap_err();
        assert!(
            failure.to_string().contains("getting-started.md:5"),
            "{failure}"
        );
    }
}

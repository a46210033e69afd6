//! The shell blocks of pages, run as they are written, in their order, in one shell for each page.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::blocks::{self, Block};
use super::output;
use crate::failure::{Failure, Outcome};
use crate::process::Process;
use crate::services;

/// A page whose shell blocks are run.
#[derive(Debug)]
struct Page {
    path: &'static str,
    /// Its reader begins at the top of a checkout; otherwise in an empty directory, with `glmsg` installed.
    is_in_checkout: bool,
    /// It shows what fails, and goes on.
    shows_failures: bool,
}

/// In this order: the first installs `glmsg`.
const PAGES: &[Page] = &[
    Page {
        path: "docs/getting-started.md",
        is_in_checkout: true,
        shows_failures: false,
    },
    Page {
        path: "docs/guides/troubleshooting.md",
        is_in_checkout: false,
        shows_failures: true,
    },
];

/// The first builds two programs, and takes a minute or two.
const LIMIT: Duration = Duration::from_secs(1200);

/// What is printed before what a block prints, with its line.
const MARK: &str = "@@ block of line ";

/// Runs the pages as a reader would. Only the environment is prepared: `glmsg` is installed where it is thrown away with
/// the rest, temporary files go there as well, and Redis is on the path.
pub(super) fn check() -> Outcome {
    let scratch = Scratch::create()?;
    let programs = path(&scratch.path)?;
    PAGES
        .iter()
        .try_for_each(|page| walk(page, &scratch.path, &programs))
}

fn walk(page: &Page, scratch: &Path, programs: &str) -> Outcome {
    let broken = |error: std::io::Error| Failure::failed(format!("{}: {error}", page.path));
    let text = std::fs::read_to_string(page.path).map_err(broken)?;
    let blocks = blocks::read(&text);
    let file = scratch.join("blocks.sh");
    let empty = scratch.join("empty");
    std::fs::create_dir_all(&empty).map_err(broken)?;
    std::fs::write(&file, script(&blocks, page.shows_failures)).map_err(broken)?;
    let shell = Process::new("bash")
        .args([file.to_string_lossy()])
        .env("PATH", programs)
        .env("CARGO_INSTALL_ROOT", &scratch.to_string_lossy())
        .env("TMPDIR", &scratch.to_string_lossy())
        // Nobody debugs what is built here, and without it the build is shorter.
        .env("CARGO_PROFILE_DEV_DEBUG", "0");
    let shell = match page.is_in_checkout {
        true => shell,
        false => shell.within(&empty),
    };
    let printed = shell.printed(LIMIT)?;
    println!("{}", printed.text.trim_end());
    if !printed.has_succeeded && !page.shows_failures {
        let last = printed.text.rmatch_indices(MARK).next();
        let line = last.map_or("?", |(at, mark)| {
            first_line(&printed.text[at + mark.len()..])
        });
        return Err(Failure::failed(format!(
            "{}:{line}: the block failed as it is written; what it printed stands above",
            page.path
        )));
    }
    compare(page.path, &blocks, &printed.text)
}

/// All blocks as one script, that ends at the first failure, unless failures are what it shows. A block of Rust is put into the file that is named before it.
fn script(blocks: &[Block], shows_failures: bool) -> String {
    let options = if shows_failures { "u" } else { "eu" };
    let mut script = format!("set -{options}\ntrap 'kill $(jobs -p) 2>/dev/null || :' EXIT\n");
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
fn compare(page: &str, blocks: &[Block], printed: &str) -> Outcome {
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
                "{page}:{}: the commands before printed no such line: {missing}",
                block.line
            )));
        }
    }
    let count = blocks.iter().filter(|block| block.language == "sh").count();
    println!("{count} blocks of {page}: ok");
    Ok(())
}

fn first_line(text: &str) -> &str {
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

/// A directory that goes away with what is in it. It is not below the checkout: cargo would take a new package there for
/// a member of the workspace, and write it into its manifest.
#[derive(Debug)]
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn create() -> Outcome<Self> {
        let name = format!("glmsg-walkthrough-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).map_err(|error| {
            Failure::failed(format!("cannot create {}: {error}", path.display()))
        })?;
        Ok(Self { path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing is lost by a directory left in the temporary one.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "# One\n```sh\necho one\n```\n```text\none\n```\nThis is `src/main.rs`:\n\n```rust\nfn main() {}\n```\n";

    #[test]
    fn shell_and_named_files_are_run_and_nothing_else() {
        let script = script(&blocks::read(SMALL), false);
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
        assert!(compare("page.md", &blocks, "@@ block of line 2\none\n").is_ok());
        let failure = compare("page.md", &blocks, "@@ block of line 2\ntwo\n").unwrap_err();
        assert!(failure.to_string().contains("page.md:5"), "{failure}");
    }
}

//! Where the real servers of this machine are.

use std::path::{Path, PathBuf};

/// The file that `cargo xtask services up` writes, below the target directory.
const FILE: &str = "services/services.env";

/// The path or address of a service: from the environment variable `GLMSG_` and the key, else from the file that
/// `cargo xtask services up` writes.
///
/// | keys | what they are |
/// | --- | --- |
/// | `REDIS7_SERVER` `REDIS8_SERVER` `VALKEY9_SERVER` | servers to start |
/// | `REDIS_CLI` `REDIS_BENCHMARK` `KCAT` `LIBFAKETIME` | tools |
/// | `PROMETHEUS` `PROMTOOL` | programs that a test starts itself |
/// | `JAVA` `KAFKA_LIB` | the program and the directory of jars that a broker of Kafka is started with |
/// | `REDIS7_URL` `REDIS8_URL` `VALKEY9_URL` `SENTINEL_URL` `CLUSTER_URL` `TLS_URL` | servers that run |
/// | `KAFKA_URL` `KAFKA3_URL` `KAFKA_SASL_URL` | brokers that run |
/// | `OTEL_COLLECTOR` | the program that receives spans, built by `cargo xtask services collector` |
/// | `TLS_DIR` | certificates |
///
/// # Panics
/// If it is in neither, with what to do.
#[track_caller]
pub fn get(key: &str) -> String {
    let found = find(key);
    found.unwrap_or_else(|| panic!("{key} is not known: run `cargo xtask services up` first"))
}

/// As [`get`], for what a case can do without.
pub fn find(key: &str) -> Option<String> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(value) = variable(&format!("GLMSG_{key}")) {
        return Some(value);
    }
    // The manifest of the test that runs, which may be another package's; else of this one.
    let manifest = variable("CARGO_MANIFEST_DIR");
    let manifest = manifest.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").to_owned());
    let target = variable("CARGO_TARGET_DIR").map(PathBuf::from);
    let mut files = files(target.as_deref(), Path::new(&manifest)).into_iter();
    files.find_map(|file| line(&std::fs::read_to_string(file).ok()?, key))
}

fn files(target: Option<&Path>, manifest: &Path) -> Vec<PathBuf> {
    // A relative target directory is relative to where cargo was called, which is above the manifest.
    let roots = manifest.ancestors();
    match target {
        Some(target) if target.is_absolute() => vec![target.join(FILE)],
        Some(target) => roots.map(|root| root.join(target).join(FILE)).collect(),
        None => roots.map(|root| root.join("target").join(FILE)).collect(),
    }
}

fn line(text: &str, key: &str) -> Option<String> {
    let lines = text.lines().filter_map(|line| line.trim().split_once('='));
    let mut values = lines.filter(|(found, _)| *found == key);
    values.next().map(|(_, value)| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_on_its_line() {
        let text =
            "# servers\nREDIS7_SERVER=/a/redis-server\nREDIS7_URL=redis://127.0.0.1:1/?a=b\n";
        assert_eq!(line(text, "REDIS7_SERVER").unwrap(), "/a/redis-server");
        assert_eq!(
            line(text, "REDIS7_URL").unwrap(),
            "redis://127.0.0.1:1/?a=b"
        );
        assert_eq!(line(text, "REDIS7"), None);
    }

    #[test]
    fn the_file_is_looked_for_in_the_target_directory_and_above_the_manifest() {
        let manifest = Path::new("/a/b/c");
        let found = |target: Option<&str>| files(target.map(Path::new), manifest);
        assert_eq!(found(Some("/t")), [Path::new("/t").join(FILE)]);
        assert_eq!(found(None)[2], Path::new("/a/target").join(FILE));
        assert_eq!(found(Some("out"))[1], Path::new("/a/b/out").join(FILE));
    }

    #[test]
    #[should_panic(expected = "NO_SUCH_SERVICE is not known: run `cargo xtask services up` first")]
    fn what_is_missing_comes_with_its_remedy() {
        get("NO_SUCH_SERVICE");
    }
}

//! One `services` command at a time: two that start the same servers would leave one set without an owner.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::wait;
use crate::failure::{Failure, Outcome};

/// The longest that another command may hold it: what takes long is a first download over a slow line.
const PATIENCE: Duration = Duration::from_secs(600);

/// A file that holds the pid of the command that works now. Removed when dropped.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
}

impl Lock {
    /// Waits for its turn. The lock of a process that is gone does not count.
    pub(super) fn take(path: &Path) -> Outcome<Self> {
        let deadline = Instant::now() + PATIENCE;
        let mut told = false;
        loop {
            let created = std::fs::File::create_new(path);
            match created.and_then(|mut file| file.write_all(pid().as_bytes())) {
                Ok(()) => break,
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(Failure::failed(format!(
                        "cannot create {}: {error}",
                        path.display()
                    )));
                }
            }
            if let Some(holder) = holder(path) {
                if !is_running(&holder) {
                    // Its owner was killed.
                    let _ = std::fs::remove_file(path);
                    continue;
                }
                if !told {
                    println!("waiting for process {holder}, which starts or stops servers now");
                    told = true;
                }
            }
            if Instant::now() > deadline {
                return Err(Failure::failed(format!(
                    "another command holds {} for too long: end it, or remove the file",
                    path.display()
                )));
            }
            wait::pause();
        }
        Ok(Self {
            path: path.to_owned(),
        })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A file that stays names a process that is gone, and the next command sees that.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn pid() -> String {
    std::process::id().to_string()
}

/// Whether that process is one of this tool. The command line of one that has ended is empty.
fn is_running(pid: &str) -> bool {
    let line = std::fs::read(Path::new("/proc").join(pid).join("cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).contains("xtask")
}

/// Who holds it; nobody as long as the file is empty, because its owner is about to write.
fn holder(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|pid| !pid.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_held_until_dropped_and_a_dead_holder_does_not_count() {
        let path = std::env::temp_dir().join(format!("glmsg-xtask-lock-{}", pid()));
        assert!(is_running(&pid()));
        // No process has this id: Linux counts to 2^22.
        std::fs::write(&path, "99999999").unwrap();
        let lock = Lock::take(&path).unwrap();
        assert_eq!(holder(&path), Some(pid()));
        drop(lock);
        assert!(!path.exists());
    }
}

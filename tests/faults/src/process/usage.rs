//! What a process uses, for invariant I9.

use std::fs;
use std::io;

/// What a process uses of the machine. Linux only: it is read from `/proc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Memory that is really there.
    pub resident_bytes: u64,
    /// The most of it that was there at a time so far.
    pub peak_bytes: u64,
    /// Files and sockets.
    pub open_files: u64,
    /// Threads.
    pub threads: u64,
}

impl Usage {
    /// Of the process with that pid.
    ///
    /// # Errors
    /// If there is no such process, or no `/proc`.
    pub fn of(pid: u32) -> io::Result<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let open_files = fs::read_dir(format!("/proc/{pid}/fd"))?.count();
        Ok(Self {
            resident_bytes: field(&status, "VmRSS:")? * 1024,
            peak_bytes: field(&status, "VmHWM:")? * 1024,
            open_files: u64::try_from(open_files).unwrap_or(u64::MAX),
            threads: field(&status, "Threads:")?,
        })
    }

    /// Of this process.
    ///
    /// # Errors
    /// If there is no `/proc`.
    pub fn of_this_process() -> io::Result<Self> {
        Self::of(std::process::id())
    }
}

fn field(status: &str, name: &str) -> io::Result<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| {
        let text = format!("the process has no {name}: it has ended");
        io::Error::new(io::ErrorKind::NotFound, text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something() {
        let before = Usage::of_this_process().unwrap();
        assert!(before.resident_bytes > 100_000 && before.threads > 0);
        assert!(before.peak_bytes >= before.resident_bytes);
        let dir = tempfile::tempdir().unwrap();
        let files: Vec<_> = (0..50)
            .map(|n| fs::File::create(dir.path().join(n.to_string())).unwrap())
            .collect();
        assert!(Usage::of_this_process().unwrap().open_files >= 50);
        drop(files);
        assert!(Usage::of(0).is_err());
    }
}

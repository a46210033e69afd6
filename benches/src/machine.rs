//! What the kernel says about this machine and this process.

use std::fs::{self, File};
use std::io::Write;
use std::time::{Duration, Instant};

use crate::{Outcome, Series};

/// How many processors the process may use.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The median time of appending 4 KiB and syncing it, in the directory the stores are made in.
pub(crate) fn sync_time() -> Outcome<f64> {
    let directory = tempfile::tempdir()?;
    let mut file = File::create(directory.path().join("sync"))?;
    let mut took = Vec::new();
    for _ in 0..64 {
        let started = Instant::now();
        file.write_all(&[0x5A; 4096])?;
        file.sync_data()?;
        took.push(started.elapsed().as_secs_f64());
    }
    Ok(Series::new(took).median())
}

/// Lets the peak memory be counted from here. Where the kernel does not allow it, the peak stays
/// that of the whole process.
pub(crate) fn reset_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The peak memory of this process in KiB, where the kernel tells.
pub(crate) fn peak_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The processor time this process has used, all threads together, where the kernel tells.
pub(crate) fn cpu_time() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name stands in parentheses and may hold anything; user and system time are the 14th and
    // 15th field, in hundredths of a second.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 10))
}

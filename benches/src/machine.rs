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
    status_kib("VmHWM:")
}

/// The memory of this process now in KiB, where the kernel tells.
pub(crate) fn resident_kib() -> Option<u64> {
    status_kib("VmRSS:")
}

fn status_kib(key: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(key))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The processor time this process has used, all threads together.
pub(crate) fn cpu_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_nanos(u64::try_from(now.tv_nsec).unwrap_or(0))
}

/// The processor time another process has used, those of its threads together that run now, where
/// the kernel tells.
pub(crate) fn cpu_time_of(pid: u32) -> Option<Duration> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let mut nanos = 0;
    for task in tasks.flatten() {
        let told = fs::read_to_string(task.path().join("schedstat")).ok()?;
        nanos += told.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(nanos))
}

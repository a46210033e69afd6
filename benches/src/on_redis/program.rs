//! `redis-benchmark`, the server's own measure.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::server::{Address, program};
use crate::outcome::must_equal;
use crate::{Measured, Outcome, sample};

/// The stream it adds to.
const STREAM: &str = "program";

/// Fifty connections add `count` entries in pipelines of 100: the program is told the bytes of a
/// payload once and sends them again and again.
pub(crate) fn redis_benchmark(address: Address, count: u64) -> Outcome<Measured> {
    let program = program("GLMSG_REDIS_BENCHMARK", "redis-benchmark")?;
    let output = Command::new(&program)
        .args(["-h", "127.0.0.1", "-p", &address.port.to_string()])
        .args(["-c", "50", "-P", "100", "-n", &count.to_string(), "--csv"])
        .args(["XADD", STREAM, "*", "d", &"x".repeat(sample::PAYLOAD)])
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("{} cannot be started: {e}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let rate = rate(&said).ok_or_else(|| {
        let complaint = String::from_utf8_lossy(&output.stderr);
        format!("redis-benchmark told no rate: {said}{complaint}")
    })?;
    let stored = address.ask(&format!("XLEN {STREAM}"))?;
    // What others have stored stays.
    address.ask(&format!("DEL {STREAM}"))?;
    must_equal(
        "entries stored",
        stored.trim_start_matches(':').parse()?,
        count,
    )?;
    Ok(Measured {
        messages: count,
        took: Duration::from_secs_f64(count as f64 / rate),
        cpu: None,
        server_cpu: None,
        peak_kib: None,
        latencies: None,
    })
}

/// The second field of the last line: requests in a second.
fn rate(said: &str) -> Option<f64> {
    let line = said.lines().rfind(|line| line.starts_with('"'))?;
    line.split("\",\"").nth(1)?.trim_matches('"').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_from_what_the_program_prints() {
        let said = "\"test\",\"rps\",\"avg_latency_ms\"\n\"XADD a * d x\",\"603864.75\",\"7.9\"\n";
        assert_eq!(rate(said), Some(603_864.75));
        assert_eq!(rate("Could not connect"), None);
    }
}

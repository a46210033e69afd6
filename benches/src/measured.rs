//! What one run of a workload gave.

use std::time::{Duration, Instant};

use crate::machine;

/// What one run of a workload gave.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// How many messages went through.
    pub messages: u64,
    /// How long it took.
    pub took: Duration,
    /// The processor time of the whole process meanwhile, where it was measured.
    pub cpu: Option<Duration>,
    /// That of the server, where there is one and the kernel tells.
    pub server_cpu: Option<Duration>,
    /// The peak memory of the whole process meanwhile, where the kernel tells.
    pub peak_kib: Option<u64>,
    /// From the publish call to the handler, where it was measured.
    pub latencies: Option<Latencies>,
}

impl Measured {
    /// Messages in a second.
    pub fn rate(&self) -> f64 {
        self.messages as f64 / self.took.as_secs_f64()
    }

    /// Seconds for a message.
    pub fn seconds_each(&self) -> f64 {
        self.took.as_secs_f64() / self.messages as f64
    }

    /// Seconds of processor time for a message.
    pub fn cpu_each(&self) -> Option<f64> {
        Some(self.cpu?.as_secs_f64() / self.messages as f64)
    }

    /// Seconds of the server's processor time for a message.
    pub fn server_cpu_each(&self) -> Option<f64> {
        Some(self.server_cpu?.as_secs_f64() / self.messages as f64)
    }

    /// As if so many messages had gone through at the same rate.
    #[must_use]
    pub fn scaled(self, messages: u64) -> Self {
        let factor = messages as f64 / self.messages as f64;
        Self {
            messages,
            took: self.took.mul_f64(factor),
            cpu: self.cpu.map(|cpu| cpu.mul_f64(factor)),
            server_cpu: self.server_cpu.map(|cpu| cpu.mul_f64(factor)),
            ..self
        }
    }

    /// Both together, as if they were one run. Percentiles of two runs cannot be joined, so there
    /// are none then.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let sum = |a: Option<Duration>, b: Option<Duration>| Some(a? + b?);
        Self {
            messages: self.messages + other.messages,
            took: self.took + other.took,
            cpu: sum(self.cpu, other.cpu),
            server_cpu: sum(self.server_cpu, other.server_cpu),
            peak_kib: self.peak_kib.max(other.peak_kib),
            latencies: None,
        }
    }
}

/// How long messages were under way.
#[derive(Debug, Clone, Copy)]
pub struct Latencies {
    /// Half of them were faster.
    pub p50: Duration,
    /// 95 of 100 were faster.
    pub p95: Duration,
    /// 99 of 100 were faster.
    pub p99: Duration,
}

impl Latencies {
    /// Of every single message's time, in any order.
    pub fn of(mut all: Vec<Duration>) -> Option<Self> {
        all.sort_unstable();
        let at = |percent: usize| {
            let rank = (all.len() * percent).div_ceil(100);
            all.get(rank.saturating_sub(1)).copied()
        };
        Some(Self {
            p50: at(50)?,
            p95: at(95)?,
            p99: at(99)?,
        })
    }
}

/// Measures from its start, so that a workload's preparation does not count.
#[derive(Debug)]
pub struct Stopwatch {
    cpu: Duration,
    /// The process of the server, and the processor time it had used.
    server: Option<(u32, Duration)>,
    started: Instant,
}

impl Stopwatch {
    /// Starts.
    pub fn start() -> Self {
        machine::reset_peak();
        Self {
            cpu: machine::cpu_time(),
            server: None,
            started: Instant::now(),
        }
    }

    /// Starts, and looks at the server of this process id, too.
    pub fn start_with_server(pid: u32) -> Self {
        Self {
            server: machine::cpu_time_of(pid).map(|used| (pid, used)),
            ..Self::start()
        }
    }

    /// Ends, after `messages` went through.
    pub fn stop(self, messages: u64) -> Measured {
        let took = self.started.elapsed();
        let server = self
            .server
            .and_then(|(pid, before)| machine::cpu_time_of(pid)?.checked_sub(before));
        Measured {
            messages,
            took,
            cpu: Some(machine::cpu_time().saturating_sub(self.cpu)),
            server_cpu: server,
            peak_kib: machine::peak_kib(),
            latencies: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let all = (1..=200).rev().map(Duration::from_millis).collect();
        let latencies = Latencies::of(all).unwrap();
        assert_eq!(latencies.p50, Duration::from_millis(100));
        assert_eq!(latencies.p95, Duration::from_millis(190));
        assert_eq!(latencies.p99, Duration::from_millis(198));
        assert!(Latencies::of(Vec::new()).is_none());
    }
}

//! Whether a broker can do its work.

use std::fmt;
use std::time::Duration;

/// The short answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HealthStatus {
    /// It works.
    Healthy,
    /// It works, but something needs a look.
    Degraded,
    /// It does not work.
    Unhealthy,
}

impl fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        })
    }
}

/// What a health probe found. A probe does what a publish and a receive need done, so a broker
/// that answers but cannot write is not healthy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The short answer.
    pub status: HealthStatus,
    /// How long the probe took.
    pub latency: Duration,
    /// Facts by name, such as the server's version or the file's size.
    pub details: Vec<(&'static str, String)>,
    /// What is wrong, and what to do.
    pub problem: Option<String>,
}

impl Health {
    /// A good answer that took `latency`.
    pub fn healthy(latency: Duration) -> Self {
        Self {
            status: HealthStatus::Healthy,
            latency,
            details: Vec::new(),
            problem: None,
        }
    }

    /// A bad answer.
    pub fn unhealthy(latency: Duration, problem: impl Into<String>) -> Self {
        Self {
            status: HealthStatus::Unhealthy,
            latency,
            details: Vec::new(),
            problem: Some(problem.into()),
        }
    }

    /// Adds a fact.
    #[must_use]
    pub fn detail(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.details.push((name, value.to_string()));
        self
    }
}

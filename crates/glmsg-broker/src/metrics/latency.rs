//! Percentiles of durations.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

/// Percentiles of what was recorded; all zero if nothing was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Latency {
    /// How many were recorded.
    pub count: u64,
    /// Half took no longer than this.
    pub p50: Duration,
    /// 95 of 100 took no longer than this.
    pub p95: Duration,
    /// 99 of 100 took no longer than this.
    pub p99: Duration,
    /// None took longer than this.
    pub max: Duration,
}

/// Durations in microseconds to two significant digits: some 10 KiB, whatever is recorded.
pub(crate) struct LatencyHistogram(Option<Histogram<u64>>);

impl LatencyHistogram {
    const HIGHEST: u64 = 24 * 3600 * 1_000_000;

    pub(crate) fn record(&mut self, took: Duration) {
        if let Some(histogram) = &mut self.0 {
            let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            histogram.saturating_record(micros.clamp(1, Self::HIGHEST));
        }
    }

    pub(crate) fn summary(&self) -> Latency {
        let Some(histogram) = &self.0 else {
            return Latency::default();
        };
        let at = |quantile| Duration::from_micros(histogram.value_at_quantile(quantile));
        Latency {
            count: histogram.len(),
            p50: at(0.50),
            p95: at(0.95),
            p99: at(0.99),
            max: Duration::from_micros(histogram.max()),
        }
    }
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        // The bounds are constants that the library accepts.
        Self(Histogram::new_with_bounds(1, Self::HIGHEST, 2).ok())
    }
}

impl fmt::Debug for LatencyHistogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.summary().fmt(f)
    }
}

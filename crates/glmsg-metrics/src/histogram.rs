//! Durations in fixed buckets, recorded many at a time.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// The upper bounds in nanoseconds: 100 µs to 2 h. What is longer falls into one bucket more.
const BOUNDS: [u64; 21] = [
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
    30_000_000_000,
    60_000_000_000,
    300_000_000_000,
    1_800_000_000_000,
    7_200_000_000_000,
];

const BUCKETS: usize = BOUNDS.len() + 1;

/// Durations that were recorded, by bucket.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    counts: [AtomicU64; BUCKETS],
    nanos: AtomicU64,
}

/// Durations of one batch, not yet recorded: so a message costs an addition and no atomic.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: [u32; BUCKETS],
    nanos: u64,
    /// The bucket of the last: those of a batch are mostly alike, and then nothing is searched.
    last: usize,
    /// The buckets that have any, by their bits.
    filled: u32,
}

/// What a histogram holds at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recorded {
    /// Each bound in seconds, with how many were in its bucket alone; the last bound is `f64::INFINITY`,
    /// which the encoder writes as `+Inf`.
    pub(crate) buckets: Vec<(f64, u64)>,
    pub(crate) count: u64,
    pub(crate) sum: f64,
}

impl Tally {
    pub(crate) fn add(&mut self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let above = self
            .last
            .checked_sub(1)
            .map_or(0, |below| BOUNDS[below] + 1);
        let most = BOUNDS.get(self.last).copied().unwrap_or(u64::MAX);
        if !(above..=most).contains(&nanos) {
            self.last = BOUNDS.partition_point(|bound| *bound < nanos);
        }
        self.counts[self.last] += 1;
        self.filled |= 1 << self.last;
        self.nanos = self.nanos.saturating_add(nanos);
    }
}

impl Histogram {
    pub(crate) fn add(&self, took: Duration) {
        let mut tally = Tally::default();
        tally.add(took);
        self.add_all(&tally);
    }

    pub(crate) fn add_all(&self, tally: &Tally) {
        let mut filled = tally.filled;
        while filled != 0 {
            let bucket = filled.trailing_zeros() as usize;
            self.counts[bucket].fetch_add(u64::from(tally.counts[bucket]), Relaxed);
            filled &= filled - 1;
        }
        self.nanos.fetch_add(tally.nanos, Relaxed);
    }

    /// How many, and how long they took in all.
    pub(crate) fn total(&self) -> (u64, Duration) {
        let count = self.counts.iter().map(|count| count.load(Relaxed)).sum();
        (count, Duration::from_nanos(self.nanos.load(Relaxed)))
    }

    pub(crate) fn recorded(&self) -> Recorded {
        let bounds = BOUNDS.iter().map(|nanos| Duration::from_nanos(*nanos));
        let bounds = bounds.map(|bound| bound.as_secs_f64());
        let counts = self.counts.iter().map(|count| count.load(Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.chain([f64::INFINITY]).zip(counts).collect();
        Recorded {
            // Of the buckets that were read, so that the two agree.
            count: buckets.iter().map(|(_, count)| count).sum(),
            sum: Duration::from_nanos(self.nanos.load(Relaxed)).as_secs_f64(),
            buckets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_falls_into_the_first_bucket_that_holds_it() {
        let histogram = Histogram::default();
        let mut tally = Tally::default();
        for micros in [0, 100, 101, 250, 251, 100, 5_000_000] {
            tally.add(Duration::from_micros(micros));
        }
        tally.add(Duration::MAX);
        tally.add(Duration::MAX);
        histogram.add_all(&tally);
        histogram.add(Duration::MAX);
        let recorded = histogram.recorded();
        let filled = recorded.buckets.iter().filter(|(_, count)| *count > 0);
        let filled: Vec<(f64, u64)> = filled.copied().collect();
        let expected = [
            (0.0001, 3),
            (0.00025, 2),
            (0.0005, 1),
            (5.0, 1),
            (f64::INFINITY, 3),
        ];
        assert_eq!(filled, expected);
        assert_eq!(recorded.count, 10);
    }
}

//! How much is exposed, and how often the broker is asked.

use std::time::Duration;

use glmsg_core::{Error, ErrorKind, GroupName, Result, TopicName};

/// How much is exposed, and how often the broker is asked.
///
/// ```
/// use std::time::Duration;
/// use glmsg_metrics::Options;
///
/// let options = Options::default()
///     .max_series(500)
///     .lag_interval(Duration::from_secs(5))
///     .watch("orders", "billing")?;
/// # Ok::<(), glmsg_core::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The most label sets of a metric, not counting its reasons. What comes later is counted
    /// under `other`. Default: 200, at least 1.
    pub max_series: usize,
    /// How often groups are asked how far they are behind. Default: 10 s, at least 100 ms.
    pub lag_interval: Duration,
    /// How often, at most, the broker is probed for its health. Default: 30 s.
    pub health_interval: Duration,
    /// The groups whose lag is watched. Default, and if none is named: all that the broker lists.
    pub watched: Vec<(TopicName, GroupName)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_series: 200,
            lag_interval: Duration::from_secs(10),
            health_interval: Duration::from_secs(30),
            watched: Vec::new(),
        }
    }
}

impl Options {
    /// Sets [`max_series`](Self::max_series).
    #[must_use]
    pub fn max_series(mut self, series: usize) -> Self {
        self.max_series = series;
        self
    }

    /// Sets [`lag_interval`](Self::lag_interval).
    #[must_use]
    pub fn lag_interval(mut self, interval: Duration) -> Self {
        self.lag_interval = interval;
        self
    }

    /// Sets [`health_interval`](Self::health_interval).
    #[must_use]
    pub fn health_interval(mut self, interval: Duration) -> Self {
        self.health_interval = interval;
        self
    }

    /// Watches this group, and with it only those that are named. A user who may not list topics
    /// and groups names its own.
    ///
    /// # Errors
    /// `InvalidArgument` if a name is not valid.
    pub fn watch<T, G>(mut self, topic: T, group: G) -> Result<Self>
    where
        T: TryInto<TopicName>,
        G: TryInto<GroupName>,
        Error: From<T::Error> + From<G::Error>,
    {
        self.watched.push((topic.try_into()?, group.try_into()?));
        Ok(self)
    }

    /// Checks the bounds.
    ///
    /// # Errors
    /// `ConfigInvalid` if `max_series` is not 1 to 100 000, or the lag is to be looked for more often
    /// than each 100 ms.
    pub fn check(&self) -> Result<()> {
        if !(1..=100_000).contains(&self.max_series) {
            let error = Error::new(ErrorKind::ConfigInvalid, "max_series must be 1 to 100000");
            return Err(error.operation("metrics").with("got", self.max_series));
        }
        if self.lag_interval < Duration::from_millis(100) {
            let error = Error::new(
                ErrorKind::ConfigInvalid,
                "lag_interval must be 100 ms at least",
            );
            let got = format!("{:?}", self.lag_interval);
            return Err(error.operation("metrics").with("got", got));
        }
        Ok(())
    }
}

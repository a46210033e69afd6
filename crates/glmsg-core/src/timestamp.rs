//! Wall-clock time in microseconds, and where it comes from.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::{Error, ErrorKind, Result};

/// A point in time: microseconds since 1970-01-01T00:00:00Z.
///
/// `Display` and `FromStr` use RFC 3339; any offset is read, UTC is written. A time outside of the
/// years 0 to 9999, which RFC 3339 cannot say, is written and read as microseconds: `-1us`.
///
/// ```
/// use glmsg_core::Timestamp;
///
/// let t: Timestamp = "2001-01-01T00:47:00+01:00".parse()?;
/// assert_eq!(t.to_string(), "2000-12-31T23:47:00Z");
/// # Ok::<(), glmsg_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);
    /// Later than any real time.
    pub const MAX: Self = Self(i64::MAX);

    /// From microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the epoch, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This time plus `d`, at most [`MAX`](Self::MAX).
    #[must_use]
    pub fn after(self, d: Duration) -> Self {
        let micros = i64::try_from(d.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros))
    }

    /// How much later this is than `earlier`; zero if it is not later.
    pub fn since(self, earlier: Self) -> Duration {
        let micros = self.0.saturating_sub(earlier.0);
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1000);
        match time.ok().and_then(|t| t.format(&Rfc3339).ok()) {
            Some(text) => f.write_str(&text),
            None => write!(f, "{}us", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some(Ok(micros)) = text.strip_suffix("us").map(str::parse) {
            return Ok(Self(micros));
        }
        let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|e| {
            Error::new(ErrorKind::InvalidArgument, "not an RFC 3339 time")
                .with("got", crate::name::excerpt(text))
                .remedy("write it like 2026-01-31T12:00:00Z")
                .source(e)
        })?;
        let micros = time.unix_timestamp_nanos().div_euclid(1000);
        i64::try_from(micros).map(Self).map_err(|_| {
            Error::new(ErrorKind::InvalidArgument, "time out of range").with("got", text)
        })
    }
}

/// Where time comes from. Everything in glmsg that reads the wall clock does it through one of
/// these, so a test can hold the time in its hand.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// Calls `wake` whenever the time was moved by hand. Clocks that run by themselves ignore it.
    fn on_change(&self, wake: Arc<dyn Fn() + Send + Sync>) {
        drop(wake);
    }

    /// `true` if the time moves only by hand, so that waiting for it is pointless.
    fn is_manual(&self) -> bool {
        false
    }
}

/// The machine's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Timestamp::EPOCH.after(since.unwrap_or_default())
    }
}

/// A clock that stands still until it is moved.
///
/// ```
/// use std::time::Duration;
/// use glmsg_core::{Clock, ManualClock, Timestamp};
///
/// let clock = ManualClock::new("2026-01-01T00:00:00Z".parse()?);
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now().to_string(), "2026-01-01T00:01:00Z");
/// # Ok::<(), glmsg_core::Error>(())
/// ```
#[derive(Clone)]
pub struct ManualClock(Arc<Mutex<ManualState>>);

struct ManualState {
    now: Timestamp,
    wakers: Vec<Arc<dyn Fn() + Send + Sync>>,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(ManualState {
            now,
            wakers: Vec::new(),
        })))
    }

    /// Moves the time forward and wakes whoever waits for it.
    pub fn advance(&self, by: Duration) {
        let wakers = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.now = state.now.after(by);
            state.wakers.clone()
        };
        for wake in wakers {
            wake();
        }
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ManualClock").field(&self.now()).finish()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).now
    }

    fn on_change(&self, wake: Arc<dyn Fn() + Send + Sync>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.wakers.push(wake);
    }

    fn is_manual(&self) -> bool {
        true
    }
}

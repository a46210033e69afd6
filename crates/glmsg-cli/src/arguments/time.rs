//! Points in time on the command line: as logs and calendars write them, or as how long ago.

use glmsg::{Clock, SystemClock, Timestamp};

use super::duration;

/// How a time may be written, as errors say it.
pub(super) const FORMS: &str = "a time like 2026-01-31T12:00:00Z, 2026-01-31 or \
    '2026-01-31 12:00:00' (both UTC), how long ago like 30m, 24h or 7d";

/// A time in any of the [`FORMS`].
pub(crate) fn time(text: &str) -> Result<Timestamp, String> {
    parse(text, SystemClock.now()).ok_or_else(|| format!("write {FORMS}"))
}

pub(super) fn parse(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Ok(time) = text.parse() {
        return Some(time);
    }
    let (date, clock) = text.split_once([' ', 'T']).unwrap_or((text, "00:00:00"));
    if let Ok(time) = format!("{date}T{clock}Z").parse() {
        return Some(time);
    }
    // Without a unit it is more likely a year than a number of seconds.
    let ago = duration(text)
        .ok()
        .filter(|_| text.ends_with(|c: char| c.is_ascii_alphabetic()))?;
    let ago = i64::try_from(ago.as_micros()).unwrap_or(i64::MAX);
    let micros = now.as_micros().saturating_sub(ago);
    Some(Timestamp::from_micros(micros.max(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_several_ways() {
        let now = Timestamp::from_micros(8 * 86_400_000_000);
        for (text, seconds) in [
            ("1970-01-02T00:00:01Z", 86_401),
            ("1970-01-02T01:00:01+01:00", 86_401),
            ("1970-01-02", 86_400),
            ("1970-01-02 00:00:01", 86_401),
            ("1970-01-02T00:00:01", 86_401),
            ("7d", 86_400),
            ("24h", 7 * 86_400),
            ("30m", 8 * 86_400 - 1800),
            ("0s", 8 * 86_400),
            ("99999d", 0),
        ] {
            let time = Timestamp::from_micros(seconds * 1_000_000);
            assert_eq!(parse(text, now), Some(time), "{text}");
        }
        for text in [
            "",
            "2026",
            "1.5",
            "1970-02-30",
            "1970-1-2",
            "1970-01-02 ",
            "1970-01-02 25:00:00",
            "1970-01-02 00:00:01 UTC",
            "yesterday",
            "-1h",
            "7w",
            "24hZ",
        ] {
            assert_eq!(parse(text, now), None, "{text}");
        }
    }
}

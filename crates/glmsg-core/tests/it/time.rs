//! Timestamps and clocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use glmsg_core::{Clock, ErrorKind, ManualClock, Message, Schedule, SystemClock, Timestamp};

#[test]
fn times_are_written_and_read() {
    let cases = [
        (0, "1970-01-01T00:00:00Z"),
        (1, "1970-01-01T00:00:00.000001Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (1_767_225_600_120_000, "2026-01-01T00:00:00.12Z"),
        (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
        (253_402_300_800_000_000, "253402300800000000us"),
        (i64::MAX, "9223372036854775807us"),
        (i64::MIN, "-9223372036854775808us"),
    ];
    for (micros, text) in cases {
        let time = Timestamp::from_micros(micros);
        assert_eq!(time.to_string(), text);
        assert_eq!(text.parse::<Timestamp>().unwrap(), time);
    }
    for text in [
        "",
        "us",
        "yesterday",
        "2026-01-01",
        "2026-13-01T00:00:00Z",
        "1.5us",
    ] {
        assert_eq!(
            text.parse::<Timestamp>().unwrap_err().kind(),
            ErrorKind::InvalidArgument
        );
    }
}

#[test]
fn arithmetic_saturates() {
    let day = Duration::from_secs(86_400);
    assert_eq!(Timestamp::MAX.after(day), Timestamp::MAX);
    assert_eq!(Timestamp::EPOCH.after(Duration::MAX), Timestamp::MAX);
    assert_eq!(Timestamp::EPOCH.since(Timestamp::MAX), Duration::ZERO);
    assert_eq!(
        Timestamp::MAX.since(Timestamp::from_micros(i64::MIN)),
        Timestamp::MAX.since(Timestamp::EPOCH)
    );
    assert_eq!(Timestamp::EPOCH.after(day).since(Timestamp::EPOCH), day);
    assert_eq!(Timestamp::from_micros(-1).as_millis(), -1);
}

#[test]
fn a_manual_clock_stands_still_and_wakes() {
    let clock = ManualClock::new(Timestamp::EPOCH);
    let woken = Arc::new(AtomicU32::new(0));
    let count = woken.clone();
    clock.on_change(Arc::new(move || {
        count.fetch_add(1, Ordering::Relaxed);
    }));
    assert_eq!(clock.now(), Timestamp::EPOCH);
    clock.advance(Duration::from_secs(1));
    assert_eq!(clock.now().as_millis(), 1000);
    assert_eq!(woken.load(Ordering::Relaxed), 1);
    assert!(clock.is_manual() && !SystemClock.is_manual());
    assert!(SystemClock.now() > "2024-01-01T00:00:00Z".parse().unwrap());
}

#[test]
fn due_and_expiry() {
    let now = Timestamp::from_micros(10_000_000);
    let second = Duration::from_secs(1);
    assert_eq!(Schedule::Now.due(now), None);
    assert_eq!(Schedule::After(second).due(now), Some(now.after(second)));
    assert_eq!(Schedule::At(Timestamp::EPOCH).due(now), None);
    let message = Message::builder("t")
        .ttl(second)
        .delay(second)
        .build()
        .unwrap();
    assert_eq!(message.expires_at(now), Some(now.after(2 * second)));
    assert_eq!(Message::new("t", "").unwrap().expires_at(now), None);
}

//! What the facts mean.

use std::time::Duration;

use glmsg_broker::Finding;

use super::{Check, Facts};

/// Less than this on the disk needs a look.
const LITTLE: u64 = 256 << 20;
/// A log of this size is not copied into the file as it should be: it is cut to 64 MiB each time.
const LONG_LOG: u64 = 256 << 20;
/// The value of `PRAGMA synchronous` for FULL.
const FULL: i64 = 2;

pub(super) fn all(facts: &Facts) -> Vec<Finding> {
    let mut findings = vec![
        Finding::ok(
            "store",
            format!("SQLite {}, schema {}", facts.sqlite, facts.schema),
        ),
        integrity(&facts.check),
        persistence(facts.synchronous),
        journal(&facts.journal),
        log(facts.log),
        disk(facts.disk_free),
    ];
    findings.extend(bound(facts));
    findings.push(clock(facts.clock_behind));
    findings
}

fn integrity(check: &Check) -> Finding {
    match check {
        Check::Sound => Finding::ok("integrity", "the file is sound"),
        Check::Damaged(found) => Finding::problem(
            "integrity",
            format!("the file is damaged: {found}"),
            "restore it from a backup",
        ),
        Check::Unfinished => Finding::warning(
            "integrity",
            "the file is too large to be looked through in 10 s",
            "run PRAGMA quick_check on a copy of it",
        ),
    }
}

fn persistence(synchronous: i64) -> Finding {
    if synchronous >= FULL {
        return Finding::ok("persistence", "each commit is on the disk before it counts");
    }
    Finding::problem(
        "persistence",
        format!("commits count before they are on the disk: synchronous is {synchronous}"),
        "this is a defect in glmsg: please report it",
    )
}

fn journal(mode: &str) -> Finding {
    if mode.eq_ignore_ascii_case("wal") {
        return Finding::ok(
            "journal",
            "readers and the writer do not wait for each other",
        );
    }
    Finding::warning(
        "journal",
        format!("readers and the writer wait for each other: journal_mode is {mode}"),
        "keep the file on a local disk, whose file system allows a write-ahead log",
    )
}

fn log(bytes: u64) -> Finding {
    let what = format!("the write-ahead log has {}", size(bytes));
    if bytes < LONG_LOG {
        return Finding::ok("log", what);
    }
    Finding::warning(
        "log",
        format!("{what}: somebody reads for so long that it cannot be copied into the file"),
        "end what reads the file for long, such as a backup or an open shell",
    )
}

fn disk(free: Option<u64>) -> Finding {
    match free {
        None => Finding::warning(
            "disk",
            "the system does not say how much room the disk has",
            "see that it has some",
        ),
        Some(free) if free < LITTLE => Finding::warning(
            "disk",
            format!("the disk has {} left", size(free)),
            "free some, or move the file to a larger one",
        ),
        Some(free) => Finding::ok("disk", format!("the disk has {} left", size(free))),
    }
}

fn bound(facts: &Facts) -> Option<Finding> {
    let max = facts.max_file.filter(|max| *max > 0)?;
    let percent = u128::from(facts.file) * 100 / u128::from(max);
    let what = format!("{percent} % of max_file_size are in use");
    Some(match percent {
        0..=80 => Finding::ok("file", what),
        _ => Finding::warning(
            "file",
            what,
            "raise max_file_size, consume topics or lower their max_len and max_age",
        ),
    })
}

fn clock(behind: Duration) -> Finding {
    if behind < Duration::from_secs(1) {
        return Finding::ok("clock", "time has not gone back since the store was opened");
    }
    Finding::warning(
        "clock",
        format!(
            "the clock was set back by {:.1} s; the store goes on at its own pace until then",
            behind.as_secs_f64()
        ),
        "keep the clock in step, with NTP",
    )
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} kB", bytes / 1000),
        10_000_000..10_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{} GB", bytes / 1_000_000_000),
    }
}

#[cfg(test)]
mod tests {
    use glmsg_broker::Severity;

    use super::*;

    fn good() -> Facts {
        Facts {
            sqlite: "3.51.3".into(),
            schema: 3,
            journal: "wal".into(),
            synchronous: 2,
            file: 800,
            log: 4 << 20,
            max_file: Some(1000),
            disk_free: Some(LITTLE),
            clock_behind: Duration::ZERO,
            check: Check::Sound,
        }
    }

    #[test]
    fn a_good_store_has_nothing_wrong() {
        for finding in all(&good()) {
            assert_eq!(finding.severity, Severity::Ok, "{finding}");
        }
        assert_eq!(all(&good()).len(), 8);
    }

    #[test]
    fn each_fault_is_found_alone() {
        use Severity::{Problem, Warning};
        type Change = fn(&mut Facts);
        let cases: [(Change, Severity, &str, &str); 9] = [
            (
                |f| f.check = Check::Damaged("row 3".into()),
                Problem,
                "integrity",
                "row 3",
            ),
            (
                |f| f.check = Check::Unfinished,
                Warning,
                "integrity",
                "10 s",
            ),
            (|f| f.synchronous = 1, Problem, "persistence", "is 1"),
            (
                |f| f.journal = "delete".into(),
                Warning,
                "journal",
                "delete",
            ),
            (|f| f.log = LONG_LOG, Warning, "log", "268 MB"),
            (|f| f.disk_free = Some(5000), Warning, "disk", "5000 bytes"),
            (|f| f.disk_free = None, Warning, "disk", "does not say"),
            (|f| f.file = 811, Warning, "file", "81 %"),
            (
                |f| f.clock_behind = Duration::from_secs(90),
                Warning,
                "clock",
                "90.0 s",
            ),
        ];
        for (change, severity, subject, named) in cases {
            let mut facts = good();
            change(&mut facts);
            let findings = all(&facts).into_iter();
            let found: Vec<_> = findings.filter(|f| f.severity > Severity::Ok).collect();
            assert_eq!(found.len(), 1, "{subject}: {found:?}");
            assert_eq!(
                (found[0].severity, found[0].subject),
                (severity, subject),
                "{found:?}"
            );
            assert!(found[0].what.contains(named), "{found:?}");
            assert!(found[0].remedy.is_some());
        }
    }
}

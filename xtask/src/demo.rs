//! The demo as a test: the main job on real data, its ledger read as a program would read it.

use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::failure::{Failure, Outcome};
use crate::process::Process;
use crate::workspace;

/// What the ledger must say, whatever the broker: the 20 000 flights, each counted once.
const EXACTLY: &[(&str, u64)] = &[
    ("published", 20_000),
    ("processed", 20_000),
    ("lost", 0),
    ("duplicates", 0),
    ("dead_lettered", 0),
    ("distance_miles", 14_476_934),
];

/// The demo's faults must have happened, or the zeros above prove nothing.
const ABOVE_ZERO: &[&str] = &["retried", "redelivered"];

/// Runs the demo on a fresh broker of a backend that needs no server.
pub(crate) fn on_this_machine(backend: &str) -> Outcome {
    let scratch = Scratch::create()?;
    let broker = match backend {
        "sqlite" => format!("sqlite:{}", scratch.path.join("demo.db").display()),
        other => format!("{other}:"),
    };
    check(&broker, Frames::No)
}

/// Whether the demo packs its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frames {
    No,
    Yes,
}

/// Runs the demo in a namespace of its own on a server.
pub(crate) fn on_a_server(url: &str, frames: Frames) -> Outcome {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
    let unique = since.map_or(0, |since| since.as_nanos());
    check(&format!("{url}?namespace=demo-{unique}"), frames)
}

/// Runs the demo and checks its ledger.
fn check(broker: &str, frames: Frames) -> Outcome {
    let mut demo = if broker.starts_with("kafka:") {
        // The program that readers build has no Kafka, whose client is in C: minutes more for this run alone. The one beside the
        // tests has everything.
        Process::new(
            &workspace::target_directory()?
                .join("debug/glmsg")
                .to_string_lossy(),
        )
    } else {
        Process::cargo("run --release --locked --package glmsg-cli --")
    };
    demo = demo.args(["--json", "--broker", broker, "demo"]);
    if frames == Frames::Yes {
        demo = demo.args(["--frames"]);
    }
    let stdout = demo.stdout()?;
    let last = stdout
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    println!("{last}");
    // On Kafka what a killed process was given in its last milliseconds comes again as if for the first time: which
    // attempts there were is told beside the offset, a moment later.
    let happened = if broker.starts_with("kafka:") {
        &ABOVE_ZERO[..1]
    } else {
        ABOVE_ZERO
    };
    check_ledger(last, frames, happened)
}

fn check_ledger(line: &str, frames: Frames, happened: &[&str]) -> Outcome {
    let Ok(ledger) = serde_json::from_str::<Map<String, Value>>(line) else {
        return Err(Failure::failed(
            "the last line of the demo's stdout is not a JSON object",
        ));
    };
    let number = |key: &str| ledger.get(key).and_then(Value::as_u64);
    let shown = |key: &str| {
        ledger
            .get(key)
            .map_or_else(|| "missing".to_owned(), Value::to_string)
    };
    let mut wrong: Vec<String> = EXACTLY
        .iter()
        .filter(|(key, expected)| number(key) != Some(*expected))
        .map(|(key, expected)| format!("{key} is {}, not {expected}", shown(key)))
        .collect();
    let idle = happened
        .iter()
        .filter(|key| number(key).is_none_or(|count| count == 0));
    wrong.extend(idle.map(|key| format!("{key} is {}, not above 0", shown(key))));
    let packed = frames == Frames::Yes;
    if ledger.get("frames").and_then(Value::as_bool) != Some(packed) {
        wrong.push(format!("frames is {}, not {packed}", shown("frames")));
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Failure::failed(format!(
            "the demo's ledger is wrong: {}",
            wrong.join(", ")
        )))
    }
}

/// A directory of this run's own, removed with what is in it.
#[derive(Debug)]
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn create() -> Outcome<Self> {
        let path = std::env::temp_dir().join(format!("glmsg-xtask-{}", std::process::id()));
        let made = std::fs::create_dir(&path);
        made.map_err(|error| {
            Failure::failed(format!("cannot create {}: {error}", path.display()))
        })?;
        Ok(Self { path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing is lost by a directory left in the temporary one.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(change: &str) -> String {
        let good =
            r#"{"frames":false,"published":20000,"processed":20000,"lost":0,"duplicates":0,"dead_lettered":0,"#
                .to_owned()
                + r#""distance_miles":14476934,"retried":400,"redelivered":7,"seconds":1.5}"#;
        match change.split_once("=>") {
            Some((from, to)) => good.replace(from, to),
            None => good,
        }
    }

    #[test]
    fn a_ledger_without_loss_passes() {
        check_ledger(&ledger(""), Frames::No, ABOVE_ZERO).unwrap();
        let packed = ledger(r#""frames":false=>"frames":true"#);
        check_ledger(&packed, Frames::Yes, ABOVE_ZERO).unwrap();
    }

    #[test]
    fn a_wrong_ledger_says_which_figure_is_wrong() {
        for (change, said) in [
            (r#""lost":0=>"lost":3"#, "lost is 3, not 0"),
            (
                r#""duplicates":0=>"duplicates":"none""#,
                "duplicates is \"none\", not 0",
            ),
            (
                r#""published":20000=>"other":1"#,
                "published is missing, not 20000",
            ),
            (
                r#""redelivered":7=>"redelivered":0"#,
                "redelivered is 0, not above 0",
            ),
            (
                r#""frames":false=>"frames":true"#,
                "frames is true, not false",
            ),
        ] {
            let failure = check_ledger(&ledger(change), Frames::No, ABOVE_ZERO);
            let failure = failure.unwrap_err().to_string();
            assert!(failure.ends_with(said), "{failure}");
        }
        assert!(check_ledger(&ledger(""), Frames::Yes, ABOVE_ZERO).is_err());
        assert!(check_ledger("done", Frames::No, ABOVE_ZERO).is_err());
        assert!(check_ledger("[1]", Frames::No, ABOVE_ZERO).is_err());
    }

    #[test]
    fn a_scratch_directory_goes_with_its_owner() {
        let scratch = Scratch::create().unwrap();
        let path = scratch.path.clone();
        assert!(path.is_dir());
        drop(scratch);
        assert!(!path.exists());
    }
}

//! The suite's own order: every case is registered, documented, and every promise is proved.

use std::collections::BTreeSet;
use std::path::Path;

use glmsg_conformance::{assert_complete, catalog, process_catalog};
use glmsg_tests::{MemoryByHand, Redis7, Sqlite};

const GROUPS: [&str; 21] = [
    "delivery",
    "batch",
    "ordering",
    "groups",
    "redelivery",
    "lease",
    "retry",
    "ttl",
    "priority",
    "dead_letter",
    "replay",
    "retention",
    "idempotence",
    "limits",
    "shutdown",
    "reconnect",
    "consumer",
    "health",
    "frames",
    "live",
    "storage",
];

#[test]
fn every_case_says_what_it_checks() {
    for case in catalog::<MemoryByHand>() {
        assert!(case.text().ends_with('.'), "{case:?}: {:?}", case.text());
    }
    for case in process_catalog::<Sqlite>() {
        assert!(case.text().ends_with('.'), "{case:?}: {:?}", case.text());
    }
}

#[test]
fn every_promise_is_proved_by_several_cases() {
    let mut proofs = [0; 16];
    for case in catalog::<MemoryByHand>() {
        case.promises()
            .iter()
            .for_each(|n| proofs[usize::from(*n)] += 1);
    }
    for case in process_catalog::<Sqlite>() {
        case.promises()
            .iter()
            .for_each(|n| proofs[usize::from(*n)] += 1);
    }
    assert_eq!(proofs[0], 0, "promises are numbered from 1");
    for (n, proofs) in proofs.iter().enumerate().skip(1) {
        assert!(*proofs >= 2, "promise {n} is proved by {proofs} cases");
    }
}

#[test]
fn every_case_that_is_written_is_registered() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/glmsg-conformance/src");
    let mut written = BTreeSet::new();
    collect(&source.join("cases"), &mut written);
    collect(&source.join("process/cases"), &mut written);
    let mut registered: BTreeSet<String> = BTreeSet::new();
    registered.extend(catalog::<MemoryByHand>().iter().map(|c| c.name.to_owned()));
    registered.extend(
        process_catalog::<Sqlite>()
            .iter()
            .map(|c| c.name.to_owned()),
    );
    let unlike: Vec<&String> = written.symmetric_difference(&registered).collect();
    assert!(
        unlike.is_empty(),
        "written and not registered, or the other way round: {unlike:?}"
    );
}

fn collect(directory: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).expect("the suite's source") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, names);
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a source file");
        let heads = text.lines().filter_map(|l| l.strip_prefix("pub async fn "));
        names.extend(heads.filter_map(|head| Some(head.split_once('<')?.0.to_owned())));
    }
}

#[test]
fn the_whole_list_of_groups_is_complete() {
    let mut found: Vec<_> = catalog::<Sqlite>().iter().map(|case| case.group).collect();
    found.dedup();
    assert_eq!(found, GROUPS);
    assert_complete::<Sqlite>(&GROUPS);
}

#[test]
fn a_group_that_the_capability_calls_for_cannot_be_left_out() {
    for (n, group) in GROUPS.iter().enumerate() {
        let mut listed = GROUPS.to_vec();
        listed.remove(n);
        let refused = std::panic::catch_unwind(|| assert_complete::<Redis7>(&listed));
        let why = refused.expect_err("a group is missing");
        let why = why.downcast_ref::<String>().expect("a message");
        assert!(why.contains(&format!("add `{group}`")), "{why}");
        assert_eq!(why.lines().count(), 1, "one line: {why}");
    }
    let mut listed = GROUPS.to_vec();
    listed.retain(|group| *group != "reconnect");
    assert_complete::<MemoryByHand>(&listed);
}

//! The page's text.

use std::fmt::Write;

use glmsg_broker::Capability;
use glmsg_conformance::{Verdict, catalog, process_catalog};

use super::Column;
use crate::Sqlite;

const HEAD: &str = "\
# What each backend can do

This page is written by `cargo run -p glmsg-tests --all-features --bin capabilities` from the conformance suite. `cargo xtask test` runs
each of these cases on every backend named here, and fails if one fails, if one has no test, or if this page is not up to date. Do not edit it.

- ✓: the case holds.
- –: the backend does not declare what the case needs, and the suite checks that it says so.

No other mark exists. Redis is Redis 7 here; the other servers that speak its protocol run the same cases. The promises are numbered as in the suite:
1 no acknowledged publish is lost · 2 at least once · 3 leases are renewed, stale settlements refused · 4 groups and their members ·
5 attempts are counted at delivery and capped · 6 delays are durable · 7 dead letters · 8 priorities · 9 order by key ·
10 retention drops nothing unacked · 11 idempotent publish · 12 replay · 13 honest lag, health and metrics · 14 hostile input ·
15 shutdown drains. What the words mean is in [the delivery model](concepts/delivery-model.md).
";

type Declared = (&'static str, fn(&Capability) -> bool);

const DECLARED: [Declared; 12] = [
    ("several processes on one store", |c| c.multi_process),
    ("priorities", |c| c.priorities),
    ("scheduled messages", |c| c.scheduling),
    ("order by key", |c| c.per_key_order),
    ("idempotent publish", |c| c.idempotent_publish),
    ("replay", |c| c.replay),
    ("time to live", |c| c.ttl),
    ("retention", |c| c.retention),
    ("list of members", |c| c.members),
    ("frames", |c| c.frames),
    ("live subscriptions", |c| c.live),
    ("logs and values", |c| c.storage),
];

/// One row's first cells: group, name, text, promises.
type Row = (&'static str, &'static str, String, Vec<u8>);

pub(super) fn page(columns: &[Column]) -> String {
    let mut page = HEAD.to_owned();
    declared(&mut page, columns);
    let mut rows: Vec<Row> = catalog::<Sqlite>()
        .iter()
        .map(|c| (c.group, c.name, c.text(), c.promises()))
        .collect();
    let processes = process_catalog::<Sqlite>();
    rows.extend(
        processes
            .iter()
            .map(|c| ("process", c.name, c.text(), c.promises())),
    );
    let mut group = "";
    for row in &rows {
        if row.0 != group {
            group = row.0;
            head(&mut page, group, columns);
        }
        cells(&mut page, row, columns);
    }
    page
}

fn declared(page: &mut String, columns: &[Column]) {
    let _ = writeln!(page);
    let mut line = |cells: Vec<String>| {
        let _ = writeln!(page, "| {} |", cells.join(" | "));
    };
    let names = columns.iter().map(|c| c.name.to_owned());
    line(
        std::iter::once("declared".to_owned())
            .chain(names)
            .collect(),
    );
    line(vec!["---".to_owned(); columns.len() + 1]);
    let all = |first: &str, of: &dyn Fn(&Column) -> String| {
        let mut cells = vec![first.to_owned()];
        cells.extend(columns.iter().map(of));
        cells
    };
    line(all("durability", &|c| {
        format!("{:?}", c.capability.durability).to_lowercase()
    }));
    for (name, is_declared) in DECLARED {
        line(all(name, &|c| mark(is_declared(&c.capability)).to_owned()));
    }
    line(all("largest payload", &|c| {
        format!("{} KiB", c.capability.max_payload / 1024)
    }));
    line(all("cases that hold", &|c| {
        let holds = c.verdicts.values().filter(|v| **v == Verdict::Holds);
        holds.count().to_string()
    }));
    line(all("cases not declared", &|c| {
        let refused = c.verdicts.values().filter(|v| **v != Verdict::Holds);
        refused.count().to_string()
    }));
}

fn head(page: &mut String, group: &str, columns: &[Column]) {
    let names: Vec<_> = columns.iter().map(|c| c.name).collect();
    let rule = "--- | ".repeat(columns.len() + 2);
    let _ = writeln!(page, "\n## {group}\n");
    let _ = writeln!(page, "| case | promise | {} |", names.join(" | "));
    let _ = writeln!(page, "| {} |", rule.trim_end_matches([' ', '|']));
}

fn cells(page: &mut String, (group, name, text, promises): &Row, columns: &[Column]) {
    let promises: Vec<_> = promises.iter().map(u8::to_string).collect();
    let mut line = format!("| `{name}`: {text} | {} |", promises.join(", "));
    for column in columns {
        let verdict = column.verdicts.get(&(*group, *name));
        let _ = write!(line, " {} |", mark(verdict == Some(&Verdict::Holds)));
    }
    let _ = writeln!(page, "{line}");
}

fn mark(is_so: bool) -> &'static str {
    if is_so { "✓" } else { "–" }
}

//! `glmsg doctor`: how the broker is set up. Exit code 1 if messages can be lost.

use std::cmp::Reverse;

use glmsg::{Finding, Severity};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::session::Session;
use crate::table::{Align, Table, counted};

pub(crate) async fn run(session: &mut Session) -> Result<(), Failure> {
    let place = session.place();
    let mut findings = match session.doctor().await {
        Ok(findings) => findings,
        Err(failure) => {
            // A program that watches the broker is told on stdout, too, why there is nothing to see.
            if session.json {
                let remedy = "see that the broker is there and takes this address";
                let found = Finding::problem("open", failure.to_string(), remedy);
                session.out.json(&object(&place, &found))?;
                session.out.flush()?;
            }
            return Err(failure);
        }
    };
    findings.sort_by_key(|finding| Reverse(finding.severity));
    if session.json {
        for finding in &findings {
            session.out.json(&object(&place, finding))?;
        }
    } else {
        let table = table(&findings);
        session.out.table(&table, "there was nothing to look at")?;
    }
    session.out.flush()?;
    let problems = findings.iter().filter(|f| f.severity == Severity::Problem);
    let mut subjects: Vec<&str> = problems.map(|finding| finding.subject).collect();
    let count = subjects.len() as u64;
    subjects.dedup();
    match count {
        0 => Ok(()),
        _ => Err(Failure::failed(format!(
            "{place} has {}: {}",
            counted(count, "problem"),
            subjects.join(", ")
        ))),
    }
}

fn table(findings: &[Finding]) -> Table {
    let mut table = Table::new(&[
        ("SEVERITY", Align::Left),
        ("SUBJECT", Align::Left),
        ("FOUND", Align::Left),
    ]);
    for finding in findings {
        let what = match &finding.place {
            Some(place) => format!("{place}: {}", finding.what),
            None => finding.what.clone(),
        };
        table.row([
            finding.severity.to_string(),
            finding.subject.to_owned(),
            what,
        ]);
        if let Some(remedy) = &finding.remedy {
            table.row([String::new(), String::new(), format!("  -> {remedy}")]);
        }
    }
    table
}

fn object(broker: &str, finding: &Finding) -> Value {
    json!({
        "broker": broker,
        "severity": finding.severity.as_str(),
        "subject": finding.subject,
        "place": finding.place,
        "what": finding.what,
        "remedy": finding.remedy,
    })
}

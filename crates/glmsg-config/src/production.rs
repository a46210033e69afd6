//! What the profile `production` refuses: what loses messages.

use glmsg_broker::{Finding, Severity};
use glmsg_core::{Error, Result};

use crate::fault::{Faults, refused};
use crate::given::Given;
use crate::{BrokerUrl, Origin, Profile, Settings};

/// Settings of an address that lose messages, the key for each, and what to do.
const RISKS: [(&str, &str, &str, &str); 5] = [
    (
        "overflow",
        "drop-oldest",
        "topic.overflow",
        "let a full topic refuse: reject",
    ),
    (
        "eviction",
        "warn",
        "redis.eviction",
        "let a server that throws keys away be refused: refuse",
    ),
    (
        "replication",
        "1",
        "kafka.replication_factor",
        "keep copies: 3, say",
    ),
    (
        "min_insync",
        "1",
        "kafka.min_insync",
        "let more than one broker have a message: 2, say",
    ),
    (
        "profile",
        "development",
        "profile",
        "take profile=development out of the address",
    ),
];

pub(crate) fn check(profile: Profile, url: &BrokerUrl, given: &Given, faults: &mut Faults) {
    if profile != Profile::Production {
        return;
    }
    if url.scheme() == "memory" {
        let at = first(given, &["broker", "broker_file", "broker_type"]);
        let remedy = "use sqlite, redis or kafka: what is in memory ends with the process";
        faults.add(refuse("the broker in memory", &at).remedy(remedy));
    }
    if url.section() == "redis" && given.flag("redis.aof_enabled") == Some(false) {
        let at = given.origin("redis.aof_enabled");
        let remedy = "set the server's appendonly to yes, and take the key out";
        faults.add(refuse("redis.aof_enabled: false", &at).remedy(remedy));
    }
    for (name, value) in url.pairs() {
        for (risky, risk, key, remedy) in RISKS {
            if name == risky && is_the_same(&value, risk) {
                // By a key, or in the address itself.
                let by_key = if key == "profile" { "broker" } else { key };
                let at = first(given, &[by_key, "broker", "broker_file"]);
                let error = refuse(&format!("{name}={value}"), &at);
                faults.add(error.remedy(remedy));
            }
        }
    }
}

/// Whether two ways of writing are one value: 1 and 01.
fn is_the_same(value: &str, risk: &str) -> bool {
    match (value.parse::<u64>(), risk.parse::<u64>()) {
        (Ok(value), Ok(risk)) => value == risk,
        _ => value.eq_ignore_ascii_case(risk),
    }
}

/// Where the first of these keys that was given comes from.
fn first(given: &Given, keys: &[&str]) -> Origin {
    let found = keys.iter().find_map(|key| given.get(key));
    found.map(|it| it.origin.clone()).unwrap_or_default()
}

pub(crate) fn check_findings(settings: &Settings, findings: &[Finding]) -> Result<()> {
    if settings.profile() != Profile::Production {
        return Ok(());
    }
    // In development a server without a log is only worth a warning.
    let loses = |finding: &&Finding| {
        finding.severity == Severity::Problem
            || (finding.subject == "persistence" && finding.severity == Severity::Warning)
    };
    let Some(found) = findings.iter().find(loses) else {
        return Ok(());
    };
    let mut what = format!("this broker: {}: {}", found.subject, found.what);
    if let Some(place) = &found.place {
        what = format!("{what} ({place})");
    }
    let error = refuse(&what, &settings.origin("profile"));
    Err(match &found.remedy {
        Some(remedy) => error.remedy(remedy),
        None => error,
    })
}

fn refuse(what: &str, at: &Origin) -> Error {
    refused(format!("the profile production refuses {what}"), at)
}

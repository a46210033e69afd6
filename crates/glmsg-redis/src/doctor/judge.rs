//! What the facts mean.

use glmsg_broker::Durability;

use super::Finding;
use super::facts::Facts;
use crate::config::RedisConfig;

pub(super) fn all(facts: &Facts, config: &RedisConfig) -> Vec<Finding> {
    let mut findings = vec![
        server(facts),
        scripts(facts),
        eviction(facts.eviction.as_deref()),
    ];
    findings.push(memory(facts));
    findings.push(persistence(facts, config.durability));
    findings.extend(replicas(facts, config.durability));
    findings.push(clock(facts));
    findings
}

fn server(facts: &Facts) -> Finding {
    let name = facts.name.as_deref().unwrap_or("a server without a name");
    let version = facts.version.as_deref().unwrap_or("of an unknown version");
    let mut extras = Vec::new();
    if facts.knows_waitaof == Some(true) {
        extras.push("WAITAOF");
    }
    if facts.knows_xackdel == Some(true) {
        extras.push("XACKDEL");
    }
    Finding::ok(match extras.is_empty() {
        true => format!("the server is {name} {version}"),
        false => format!(
            "the server is {name} {version}, with {}",
            extras.join(" and ")
        ),
    })
}

fn scripts(facts: &Facts) -> Finding {
    if facts.runs_scripts {
        return Finding::ok("the server runs scripts");
    }
    Finding::problem(
        "the server runs no scripts for this user, and everything here is one",
        "allow EVAL, EVALSHA and SCRIPT LOAD",
    )
}

pub(super) fn eviction(policy: Option<&str>) -> Finding {
    match policy {
        None => Finding::warning(
            "the server does not say what it throws away when its memory is full",
            "see that its maxmemory-policy is noeviction",
        ),
        Some("noeviction") => Finding::ok("a full server refuses and throws nothing away"),
        Some(policy) if policy.starts_with("allkeys-") => Finding::problem(
            format!("a full server throws messages away: its maxmemory-policy is {policy}"),
            "set the server's maxmemory-policy to noeviction",
        ),
        Some(policy) => Finding::warning(
            format!("a full server throws keys away that expire: its maxmemory-policy is {policy}"),
            "set the server's maxmemory-policy to noeviction",
        ),
    }
}

fn memory(facts: &Facts) -> Finding {
    match (facts.used_memory, facts.max_memory) {
        (Some(used), Some(max @ 1..)) => {
            // In steps of a percent, without overflow.
            let percent = u128::from(used) * 100 / u128::from(max);
            let what = format!("{percent} % of the server's memory are in use");
            if percent > 80 {
                Finding::warning(
                    what,
                    "raise maxmemory, consume topics or lower their max_len and max_age",
                )
            } else {
                Finding::ok(what)
            }
        }
        (_, Some(0)) => Finding::warning(
            "the server's memory has no bound: the system may end it when the machine's is full",
            "set maxmemory to what the machine can spare",
        ),
        _ => Finding::warning(
            "the server does not say how much memory it uses",
            "allow INFO for this user",
        ),
    }
}

fn persistence(facts: &Facts, wished: Durability) -> Finding {
    const APPEND: &str = "set the server's appendonly to yes";
    let is_always = facts.append_fsync.as_deref() == Some("always");
    match (facts.has_append_log, wished) {
        (None, _) => Finding::warning(
            "the server does not say whether it keeps a log on its disk",
            "allow INFO for this user",
        ),
        (Some(false), Durability::Fsynced) => Finding::problem(
            "durability is fsynced, and the server keeps no log on its disk",
            APPEND,
        ),
        (Some(false), _) => Finding::warning(
            "the server keeps no log on its disk: what it holds ends with its process, but for \
             snapshots",
            APPEND,
        ),
        (Some(true), Durability::Fsynced) if !is_always && facts.knows_waitaof == Some(false) => {
            Finding::problem(
                "durability is fsynced, and the server can only say when its disk is up to date \
                 if it always is",
                "set the server's appendfsync to always, or use Redis 7.2 or newer, or Valkey",
            )
        }
        (Some(true), _) => {
            let fsync = facts.append_fsync.as_deref().unwrap_or("unknown");
            if fsync == "no" {
                return Finding::warning(
                    "the server's log is flushed to the disk when the system likes: appendfsync \
                     is no",
                    "set the server's appendfsync to everysec or always",
                );
            }
            Finding::ok(format!(
                "the server keeps a log on its disk, appendfsync {fsync}"
            ))
        }
    }
}

fn replicas(facts: &Facts, wished: Durability) -> Option<Finding> {
    let (Some(found), Durability::Replicated(wished)) = (facts.replicas, wished) else {
        let found = facts.replicas.filter(|found| *found > 0)?;
        return Some(Finding::ok(format!("the server has {found} replicas")));
    };
    if found < u64::from(wished) {
        return Some(Finding::problem(
            format!("durability is replicated:{wished}, and the server has {found} replicas"),
            "start replicas, or lower the durability",
        ));
    }
    Some(Finding::ok(format!(
        "the server has {found} replicas, {wished} are asked for"
    )))
}

fn clock(facts: &Facts) -> Finding {
    match facts.clock_ahead {
        None => Finding::warning(
            "the server does not tell the time",
            "allow TIME for this user",
        ),
        Some(ahead) if ahead.abs() > 1.0 => {
            let side = if ahead > 0.0 { "ahead" } else { "behind" };
            Finding::warning(
                format!("the server's clock is {:.1} s {side} of ours", ahead.abs()),
                "keep the clocks of both machines in step, with NTP",
            )
        }
        Some(_) => Finding::ok("the server's clock is within a second of ours"),
    }
}

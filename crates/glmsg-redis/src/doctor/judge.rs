//! What the facts mean.

use std::time::Duration;

use glmsg_broker::{Durability, Finding};

use super::facts::Facts;
use super::newest::Behind;
use crate::config::RedisConfig;

pub(super) fn all(facts: &Facts, config: &RedisConfig) -> Vec<Finding> {
    let findings = [
        server(facts),
        scripts(facts),
        connections(facts),
        eviction(facts.eviction.as_deref()),
        memory(facts),
        persistence(facts, config.durability),
        replicas(facts, config.durability),
        clock(facts),
    ];
    findings.into_iter().chain(restart(facts)).collect()
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
    let what = match extras.is_empty() {
        true => format!("the server is {name} {version}"),
        false => format!(
            "the server is {name} {version}, with {}",
            extras.join(" and ")
        ),
    };
    Finding::ok("server", what)
}

fn scripts(facts: &Facts) -> Finding {
    match &facts.no_scripts {
        None => Finding::ok("scripts", "the server runs scripts"),
        Some(why) => Finding::problem(
            "scripts",
            format!("the server runs no scripts for this user: {why}"),
            "allow EVALSHA and SCRIPT LOAD, as the ACL templates of the Redis page do",
        ),
    }
}

fn connections(facts: &Facts) -> Finding {
    match facts.may_end {
        true => Finding::ok("connections", "this user may end connections that broke"),
        false => Finding::warning(
            "connections",
            "this user may not end connections that broke, so that each publish goes by a script \
             that looks for duplicates, and a subscription that ends waits for its last read",
            "allow CLIENT KILL, CLIENT UNBLOCK, CLIENT ID and CLIENT INFO",
        ),
    }
}

pub(super) fn eviction(policy: Option<&str>) -> Finding {
    const SUBJECT: &str = "eviction";
    match policy {
        None => Finding::warning(
            SUBJECT,
            "the server does not say what it throws away when its memory is full",
            "see that its maxmemory-policy is noeviction",
        ),
        Some("noeviction") => Finding::ok(SUBJECT, "a full server refuses and throws nothing away"),
        Some(policy) if policy.starts_with("allkeys-") => Finding::problem(
            SUBJECT,
            format!("a full server throws messages away: its maxmemory-policy is {policy}"),
            "set the server's maxmemory-policy to noeviction",
        ),
        Some(policy) => Finding::warning(
            SUBJECT,
            format!("a full server throws keys away that expire: its maxmemory-policy is {policy}"),
            "set the server's maxmemory-policy to noeviction",
        ),
    }
}

fn memory(facts: &Facts) -> Finding {
    const SUBJECT: &str = "memory";
    match (facts.used_memory, facts.max_memory) {
        (Some(used), Some(max @ 1..)) => {
            // In steps of a percent, without overflow.
            let percent = u128::from(used) * 100 / u128::from(max);
            let what = format!("{percent} % of the server's memory are in use");
            if percent > 80 {
                Finding::warning(
                    SUBJECT,
                    what,
                    "raise maxmemory, consume topics or lower their max_len and max_age",
                )
            } else {
                Finding::ok(SUBJECT, what)
            }
        }
        (_, Some(0)) => Finding::warning(
            SUBJECT,
            "the server's memory has no bound: the system may end it when the machine's is full",
            "set maxmemory to what the machine can spare",
        ),
        _ => Finding::warning(
            SUBJECT,
            "the server does not say how much memory it uses",
            "allow INFO for this user",
        ),
    }
}

fn persistence(facts: &Facts, wished: Durability) -> Finding {
    const SUBJECT: &str = "persistence";
    const APPEND: &str = "set the server's appendonly to yes";
    let is_always = facts.append_fsync.as_deref() == Some("always");
    if let Some(what) = facts.failed_write {
        return Finding::problem(
            SUBJECT,
            format!("the server could not write {what} to its disk"),
            "see the server's log: most often its disk is full",
        );
    }
    match (facts.has_append_log, wished) {
        (None, _) => Finding::warning(
            SUBJECT,
            "the server does not say whether it keeps a log on its disk",
            "allow INFO for this user",
        ),
        (Some(false), Durability::Fsynced) => Finding::problem(
            SUBJECT,
            "durability is fsynced, and the server keeps no log on its disk",
            APPEND,
        ),
        (Some(false), _) => Finding::warning(
            SUBJECT,
            "the server keeps no log on its disk: what it holds ends with its process, but for \
             snapshots",
            APPEND,
        ),
        (Some(true), Durability::Fsynced) if !is_always && facts.knows_waitaof == Some(false) => {
            Finding::problem(
                SUBJECT,
                "durability is fsynced, and the server can only say when its disk is up to date \
                 if it always is",
                "set the server's appendfsync to always, or use Redis 7.2 or newer, or Valkey",
            )
        }
        (Some(true), Durability::Fsynced) if facts.pauses_fsync == Some(true) => Finding::problem(
            SUBJECT,
            "durability is fsynced, and the server does not flush its log while it writes it anew",
            "set the server's no-appendfsync-on-rewrite to no",
        ),
        (Some(true), _) => {
            let fsync = facts.append_fsync.as_deref().unwrap_or("unknown");
            if fsync == "no" {
                return Finding::warning(
                    SUBJECT,
                    "the server's log is flushed to the disk when the system likes: appendfsync \
                     is no",
                    "set the server's appendfsync to everysec or always",
                );
            }
            Finding::ok(
                SUBJECT,
                format!("the server keeps a log on its disk, appendfsync {fsync}"),
            )
        }
    }
}

/// Whether all comes back that is in the log.
fn restart(facts: &Facts) -> Option<Finding> {
    const SUBJECT: &str = "restart";
    let has_log = facts.has_append_log == Some(true);
    if !has_log || heeds_no_rights(facts) {
        return None;
    }
    let Some(denied) = &facts.denied_in_log else {
        let what =
            "this user may not ask (ACL DRYRUN) whether the default user may do what the log holds";
        return Some(Finding::ok(SUBJECT, what));
    };
    let Some((first, others)) = denied.split_first() else {
        let what = "the default user may do what the log holds, as a restart needs";
        return Some(Finding::ok(SUBJECT, what));
    };
    let others = match others.len() {
        0 => String::new(),
        more => format!(" and {more} more commands"),
    };
    Some(Finding::problem(
        SUBJECT,
        format!(
            "the next start of the server leaves out of the log what its default user may not do, \
             {first}{others}: messages are lost"
        ),
        "ACL SETUSER default off resetpass ~* &* +@all, in the server and its ACL file: switched off, \
         with its rights",
    ))
}

/// Whether it carries out its log whatever the default user may do.
fn heeds_no_rights(facts: &Facts) -> bool {
    let version = facts.version.as_deref().and_then(|v| v.split('.').next());
    let major: Option<u32> = version.and_then(|major| major.parse().ok());
    facts.name.as_deref() == Some("valkey") && major.is_some_and(|major| major >= 9)
}

fn replicas(facts: &Facts, wished: Durability) -> Finding {
    const SUBJECT: &str = "replicas";
    let found = facts.replicas;
    let Durability::Replicated(wished) = wished else {
        return Finding::ok(
            SUBJECT,
            match found {
                Some(1) => "the server has 1 replica, none is asked for".to_owned(),
                Some(found) => format!("the server has {found} replicas, none is asked for"),
                None => "none is asked for".to_owned(),
            },
        );
    };
    let Some(found) = found else {
        return Finding::warning(
            SUBJECT,
            format!(
                "durability is replicated:{wished}, and the server does not say how many it has"
            ),
            "allow INFO for this user",
        );
    };
    if found < u64::from(wished) {
        return Finding::problem(
            SUBJECT,
            format!("durability is replicated:{wished}, and {found} replicas keep up"),
            "start replicas, or lower the durability",
        );
    }
    // Without it a master that is cut off goes on taking what nobody will have.
    match facts.min_replicas {
        Some(min) if min < u64::from(wished) => Finding::warning(
            SUBJECT,
            format!(
                "durability is replicated:{wished}, and the server takes writes with {min}: cut off, \
                 it goes on taking what its replicas will never have"
            ),
            format!("set the server's min-replicas-to-write to {wished}"),
        ),
        _ => Finding::ok(
            SUBJECT,
            format!("{found} replicas keep up, {wished} are asked for"),
        ),
    }
}

fn clock(facts: &Facts) -> Finding {
    const SUBJECT: &str = "clock";
    match facts.clock_ahead {
        None => Finding::warning(
            SUBJECT,
            "the server does not tell the time",
            "allow TIME for this user",
        ),
        Some(ahead) if ahead.abs() > 1.0 => {
            let side = if ahead > 0.0 { "ahead" } else { "behind" };
            Finding::warning(
                SUBJECT,
                format!("the server's clock is {:.1} s {side} of ours", ahead.abs()),
                "keep the clocks of both machines in step, with NTP",
            )
        }
        Some(_) => Finding::ok(SUBJECT, "the server's clock is within a second of ours"),
    }
}

/// Whether time has gone back since something was stored.
pub(super) fn past(behind: &Option<Behind>) -> Option<Finding> {
    let Behind { topic, by } = behind.as_ref()?;
    (*by > Duration::from_secs(1)).then(|| {
        Finding::warning(
            "clock",
            format!(
                "the server's clock has gone back: the newest message of {topic} was stored {:.1} s \
                 from now, so that delays and schedules of that time come late",
                by.as_secs_f64()
            ),
            "keep the server's clock in step, with NTP, and let it be slowed rather than set back",
        )
    })
}

//! What a server tells about itself.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use glmsg_core::Result;
use redis::{Pipeline, Value};

use super::log_rights;
use crate::connection::Primary;
use crate::keys::registry;

/// What a server tells about itself. `None` where it does not.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Facts {
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
    pub(super) eviction: Option<String>,
    pub(super) used_memory: Option<u64>,
    pub(super) max_memory: Option<u64>,
    pub(super) has_append_log: Option<bool>,
    pub(super) append_fsync: Option<String>,
    /// `no-appendfsync-on-rewrite`: the log is not flushed while it is written anew.
    pub(super) pauses_fsync: Option<bool>,
    /// What was last written to the disk that failed.
    pub(super) failed_write: Option<&'static str>,
    /// What the default user may not do of what the log holds.
    pub(super) denied_in_log: Option<Vec<&'static str>>,
    /// Replicas that keep up.
    pub(super) replicas: Option<u64>,
    /// How many replicas the server must have to take a write.
    pub(super) min_replicas: Option<u64>,
    /// Why it runs none of our scripts for this user.
    pub(super) no_scripts: Option<String>,
    /// Whether this user may end connections, and wake those that wait.
    pub(super) may_end: bool,
    pub(super) knows_waitaof: Option<bool>,
    pub(super) knows_xackdel: Option<bool>,
    /// Server's minus ours, in seconds.
    pub(super) clock_ahead: Option<f64>,
}

/// A digest that no script has.
const NO_SCRIPT: &str = "0000000000000000000000000000000000000000";

impl Facts {
    pub(super) async fn gather(node: &Primary, namespace: &str, within: Duration) -> Result<Self> {
        // Alone, so that the way there and back is short.
        let before = now();
        let time = node.ask(&one(&["TIME"]), within).await?;
        let after = now();
        let mut questions = one(&["INFO"]);
        for setting in SETTINGS {
            questions.cmd("CONFIG").arg("GET").arg(setting);
        }
        // By whether it knows a command, not by its version: forks and services number as they
        // like.
        let known = questions.cmd("COMMAND").arg("INFO");
        known.arg("WAITAOF").arg("XACKDEL");
        // Refused for their arguments, or found to be nothing: what may be asked is told from what
        // may not.
        questions.cmd("EVALSHA").arg(NO_SCRIPT).arg(0);
        for command in ["KILL", "UNBLOCK"] {
            let end = questions.cmd("CLIENT").arg(command);
            if command == "KILL" {
                end.arg("ID");
            }
            // Nobody has this number.
            end.arg(i64::MAX);
        }
        log_rights::ask(&mut questions, &registry(namespace).1);
        let answers = node.ask(&questions, within).await?;
        let clock_ahead = time.first().and_then(seconds);
        let mut facts = Self::read(&answers);
        facts.clock_ahead = clock_ahead.map(|there| there - f64::midpoint(before, after));
        Ok(facts)
    }

    fn read(answers: &[Value]) -> Self {
        let [
            info,
            policy,
            fsync,
            pauses,
            min_replicas,
            known,
            script,
            kill,
            unblock,
            log_rights @ ..,
        ] = answers
        else {
            return Self::default();
        };
        let info = fields(info);
        let field = |name: &str| info.get(name).cloned();
        let number = |name: &str| field(name)?.parse().ok();
        // Valkey calls itself a Redis in fields that old clients read.
        let name = field("server_name").or_else(|| field("redis_version").map(|_| "redis".into()));
        let version = field("valkey_version").or_else(|| field("redis_version"));
        let known = match known {
            Value::Array(known) => known.iter().map(|one| *one != Value::Nil).collect(),
            _ => Vec::new(),
        };
        let failed = |name: &str| info.get(name).is_some_and(|status| status == "err");
        Self {
            name,
            version,
            eviction: setting(policy).or_else(|| field("maxmemory_policy")),
            used_memory: number("used_memory"),
            max_memory: number("maxmemory"),
            has_append_log: field("aof_enabled").map(|enabled| enabled == "1"),
            append_fsync: setting(fsync),
            pauses_fsync: setting(pauses).map(|pauses| pauses == "yes"),
            failed_write: [
                ("aof_last_write_status", "its log"),
                ("aof_last_bgrewrite_status", "its log anew"),
                ("rdb_last_bgsave_status", "a snapshot"),
            ]
            .into_iter()
            .find_map(|(name, what)| failed(name).then_some(what)),
            denied_in_log: log_rights::denied(log_rights),
            replicas: replicas(&info),
            min_replicas: setting(min_replicas).and_then(|n| n.parse().ok()),
            no_scripts: refusal(script).filter(|text| !text.starts_with("NOSCRIPT")),
            may_end: refusal(kill).is_none() && refusal(unblock).is_none(),
            knows_waitaof: known.first().copied(),
            knows_xackdel: known.get(1).copied(),
            clock_ahead: None,
        }
    }
}

/// What is asked for by `CONFIG GET`.
const SETTINGS: [&str; 4] = [
    "maxmemory-policy",
    "appendfsync",
    "no-appendfsync-on-rewrite",
    "min-replicas-to-write",
];

/// How many replicas have all that they were sent, but for the last seconds.
fn replicas(info: &HashMap<String, String>) -> Option<u64> {
    let connected: u64 = info.get("connected_slaves")?.parse().ok()?;
    let is_online = |n: &u64| {
        let line = info.get(&format!("slave{n}"));
        line.is_some_and(|line| line.split(',').any(|part| part == "state=online"))
    };
    Some((0..connected).filter(is_online).count() as u64)
}

/// What the server says instead of an answer.
fn refusal(answer: &Value) -> Option<String> {
    match answer {
        Value::ServerError(refusal) => Some(format!(
            "{} {}",
            refusal.code(),
            refusal.details().unwrap_or_default()
        )),
        _ => None,
    }
}

/// What a server does when its memory is full.
pub(super) async fn eviction(node: &Primary, within: Duration) -> Result<Option<String>> {
    let mut questions = one(&["CONFIG", "GET", "maxmemory-policy"]);
    // Many services forbid CONFIG and allow INFO.
    questions.cmd("INFO").arg("memory");
    let answers = node.ask(&questions, within).await?;
    let told = answers.first().and_then(setting);
    let info = || fields(answers.get(1)?).remove("maxmemory_policy");
    Ok(told.or_else(info))
}

fn one(words: &[&str]) -> Pipeline {
    let mut questions = Pipeline::new();
    if let Some((name, rest)) = words.split_first() {
        questions.cmd(name).arg(rest);
    }
    questions
}

/// The answer to `CONFIG GET` of one setting.
fn setting(answer: &Value) -> Option<String> {
    match answer {
        Value::Array(parts) => match &parts[..] {
            [_, Value::BulkString(value)] => String::from_utf8(value.clone()).ok(),
            _ => None,
        },
        _ => None,
    }
}

/// The fields of `INFO`.
fn fields(info: &Value) -> HashMap<String, String> {
    let Value::BulkString(text) = info else {
        return HashMap::new();
    };
    let text = String::from_utf8_lossy(text);
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    fields
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect()
}

/// The answer to `TIME`.
pub(super) fn seconds(answer: &Value) -> Option<f64> {
    let Value::Array(parts) = answer else {
        return None;
    };
    let [Value::BulkString(seconds), Value::BulkString(micros)] = &parts[..] else {
        return None;
    };
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<f64>().ok();
    Some(number(seconds)? + number(micros)? / 1e6)
}

fn now() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0.0, |since| since.as_secs_f64())
}

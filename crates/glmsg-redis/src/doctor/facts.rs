//! What a server tells about itself.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use glmsg_core::Result;
use redis::{Pipeline, Value};

use crate::connection::Primary;

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
    pub(super) replicas: Option<u64>,
    pub(super) runs_scripts: bool,
    pub(super) knows_waitaof: Option<bool>,
    pub(super) knows_xackdel: Option<bool>,
    /// Server's minus ours, in seconds.
    pub(super) clock_ahead: Option<f64>,
}

impl Facts {
    pub(super) async fn gather(node: &Primary, within: Duration) -> Result<Self> {
        // Alone, so that the way there and back is short.
        let before = now();
        let time = node.ask(&one(&["TIME"]), within).await?;
        let after = now();
        let mut questions = one(&["INFO"]);
        questions.cmd("CONFIG").arg("GET").arg("maxmemory-policy");
        questions.cmd("CONFIG").arg("GET").arg("appendfsync");
        // By whether it knows a command, not by its version: forks and services number as they
        // like.
        let known = questions.cmd("COMMAND").arg("INFO");
        known.arg("WAITAOF").arg("XACKDEL");
        questions.cmd("EVAL").arg("return 1").arg(0);
        let answers = node.ask(&questions, within).await?;
        let clock_ahead = time.first().and_then(seconds);
        let mut facts = Self::read(&answers);
        facts.clock_ahead = clock_ahead.map(|there| there - f64::midpoint(before, after));
        Ok(facts)
    }

    fn read(answers: &[Value]) -> Self {
        let [info, policy, fsync, known, script] = answers else {
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
        Self {
            name,
            version,
            eviction: setting(policy).or_else(|| field("maxmemory_policy")),
            used_memory: number("used_memory"),
            max_memory: number("maxmemory"),
            has_append_log: field("aof_enabled").map(|enabled| enabled == "1"),
            append_fsync: setting(fsync),
            replicas: number("connected_slaves"),
            runs_scripts: *script == Value::Int(1),
            knows_waitaof: known.first().copied(),
            knows_xackdel: known.get(1).copied(),
            clock_ahead: None,
        }
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
fn seconds(answer: &Value) -> Option<f64> {
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

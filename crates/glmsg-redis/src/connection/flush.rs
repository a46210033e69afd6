//! How a server writes to its disk.

use std::time::Duration;

use glmsg_core::Result;
use redis::{Pipeline, Value};
use tokio::time::timeout;

use super::wire::Wire;
use crate::error::silent;

const ANSWER: Duration = Duration::from_secs(2);

/// How a server writes to its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flush {
    /// Before each answer: what it has answered is on the disk.
    Always,
    /// Now and then, and `WAITAOF` tells when.
    Told,
    /// Not at all, or nobody can tell when.
    Unknown,
}

impl Flush {
    pub(super) async fn probe(wire: &Wire) -> Result<Self> {
        let mut questions = Pipeline::new();
        questions.cmd("INFO").arg("persistence");
        questions.cmd("CONFIG").arg("GET").arg("appendfsync");
        questions.cmd("COMMAND").arg("INFO").arg("WAITAOF");
        let answers = timeout(ANSWER, wire.ask(&questions)).await;
        let answers = answers.unwrap_or_else(|_| Err(silent(false)))?;
        Ok(Self::read(&answers))
    }

    fn read(answers: &[Value]) -> Self {
        let [info, policy, command] = answers else {
            return Self::Unknown;
        };
        let has_log = matches!(info, Value::BulkString(info) if contains(info, b"aof_enabled:1"));
        // Who may not ask for INFO learns from WAITAOF itself.
        if !has_log && !matches!(info, Value::ServerError(_)) {
            return Self::Unknown;
        }
        let is_always = |policy: &Value| *policy == Value::BulkString(b"always".to_vec());
        match (policy, command) {
            (Value::Array(policy), _) if policy.get(1).is_some_and(is_always) => Self::Always,
            (_, Value::Array(known)) if matches!(known[..], [Value::Array(_)]) => Self::Told,
            _ => Self::Unknown,
        }
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

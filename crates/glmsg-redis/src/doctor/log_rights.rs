//! Whether a server may carry out all of its own log when it starts.
//!
//! Redis does so as its default user, and leaves out of a transaction what this user may not do.
//! Whatever a script has written is a transaction in the log.

use redis::{Pipeline, Value};

/// What the log holds of a broker, each on a key.
const WRITES: [&str; 24] = [
    "XADD KEY 1-1 f v",
    "XACK KEY g 1-1",
    "XCLAIM KEY g c 0 1-1",
    "XDEL KEY 1-1",
    "XTRIM KEY MAXLEN 1",
    "XSETID KEY 1-1",
    "XGROUP CREATE KEY g 0",
    "XGROUP CREATECONSUMER KEY g c",
    "XGROUP DELCONSUMER KEY g c",
    "XGROUP DESTROY KEY g",
    "XGROUP SETID KEY g 0",
    "HSET KEY f v",
    "HDEL KEY f",
    "HINCRBY KEY f 1",
    "SADD KEY m",
    "SREM KEY m",
    "ZADD KEY 0 m",
    "ZREM KEY m",
    "ZREMRANGEBYLEX KEY - +",
    "SET KEY v",
    "DEL KEY",
    "UNLINK KEY",
    "EXPIRE KEY 1",
    "PEXPIREAT KEY 1",
];

/// Asks for each of them whether the default user may do it. Nothing is done.
pub(super) fn ask(questions: &mut Pipeline, key: &str) {
    for write in WRITES {
        let question = questions.cmd("ACL").arg("DRYRUN").arg("default");
        for word in write.split(' ') {
            question.arg(if word == "KEY" { key } else { word });
        }
    }
}

/// What the default user may not do; `None` where we may not ask.
pub(super) fn denied(answers: &[Value]) -> Option<Vec<&'static str>> {
    let mut denied = Vec::new();
    for (write, answer) in WRITES.iter().zip(answers) {
        match answer {
            Value::Okay => {}
            // Why not, in words.
            Value::BulkString(_) | Value::SimpleString(_) => {
                let (command, _) = write.split_once(" KEY").unwrap_or_default();
                denied.push(command);
            }
            _ => return None,
        }
    }
    (answers.len() == WRITES.len()).then_some(denied)
}

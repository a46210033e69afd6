//! How a message is printed.

use clap::ValueEnum;
use glmsg::Message;
use serde_json::Value;

use crate::failure::Failure;
use crate::output::Output;

/// What of a message is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// One JSON object a line: id, topic, priority, payload, headers, key, provenance and the rest
    Json,
    /// The payload's own bytes and a newline
    Payload,
}

/// Prints one message; `more` are further members of the JSON object.
pub(crate) fn print(
    out: &mut Output,
    form: Form,
    message: &Message,
    more: &[(&str, Value)],
) -> Result<(), Failure> {
    match form {
        Form::Payload => out.line(message.payload()),
        Form::Json => out.line(object(message, more)),
    }
}

/// The message as one JSON object on one line.
pub(crate) fn object(message: &Message, more: &[(&str, Value)]) -> String {
    let mut members = more.to_vec();
    // The form leaves out what a message has not; a script is spared the distinction.
    if message.key().is_none() {
        members.push(("key", Value::Null));
    }
    if message.correlation_id().is_none() {
        members.push(("correlation_id", Value::Null));
    }
    message.to_json_with(&members)
}

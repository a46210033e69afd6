//! Dead letters as people and programs read them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use glmsg::{Attempt, AttemptOutcome, DeadLetter, Original};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::message_form::object;
use crate::session::Session;
use crate::table::{Align, Table};

/// How much of an error's text a line of the list shows on a terminal; a file has room for all.
const SHOWN: usize = 60;

pub(super) fn list(session: &mut Session, letters: &[DeadLetter]) -> Result<(), Failure> {
    if session.json {
        return letters.iter().try_for_each(|l| print_object(session, l));
    }
    let mut table = Table::new(&[
        ("ID", Align::Left),
        ("REASON", Align::Left),
        ("ATTEMPTS", Align::Right),
        ("DEAD SINCE", Align::Left),
        ("LAST ERROR", Align::Left),
    ]);
    let shown = if session.out.is_terminal() {
        SHOWN
    } else {
        usize::MAX
    };
    for letter in letters {
        let mut detail: String = letter.detail.chars().take(shown).collect();
        if letter.detail.chars().nth(shown).is_some() {
            detail.push('…');
        }
        table.row([
            letter.id.to_string(),
            letter.reason.to_string(),
            letter.attempts.to_string(),
            letter.dead_at.to_string(),
            detail,
        ]);
    }
    session.out.table(&table, "there are no dead letters")
}

pub(super) fn show(session: &mut Session, letters: &[DeadLetter]) -> Result<(), Failure> {
    if session.json {
        return letters.iter().try_for_each(|l| print_object(session, l));
    }
    if letters.is_empty() {
        return session.out.line("there are no dead letters");
    }
    for letter in letters {
        session.out.line(format!("{}", letter.id))?;
        session.out.line(format!("  reason    {}", letter.reason))?;
        session.out.line(format!("  detail    {}", letter.detail))?;
        session
            .out
            .line(format!("  dead at   {}", letter.dead_at))?;
        session
            .out
            .line(format!("  attempts  {}", letter.attempts))?;
        for attempt in letter.history.attempts() {
            session.out.line(format!(
                "    {}. {}  {}  {}",
                attempt.number,
                attempt.at,
                attempt.outcome,
                told(attempt)
            ))?;
        }
        match &letter.original {
            Original::Message(message) => {
                session
                    .out
                    .line(format!("  message   {}", object(message, &[])))?;
            }
            Original::Bytes(bytes) => session.out.line(format!(
                "  bytes     {} (base64)",
                BASE64_STANDARD.encode(bytes)
            ))?,
        }
    }
    Ok(())
}

/// How an attempt ended, in words: nobody was left to say so when a lease ran out.
fn told(attempt: &Attempt) -> &str {
    match attempt.outcome {
        AttemptOutcome::LeaseExpired if attempt.error.is_empty() => {
            "the consumer died, stalled or dropped it"
        }
        _ => &attempt.error,
    }
}

/// One object on one line. The message is put in as text: a JSON payload keeps its own spelling.
fn print_object(session: &mut Session, letter: &DeadLetter) -> Result<(), Failure> {
    let history: Vec<Value> = letter.history.attempts().iter().map(attempt).collect();
    let rest = json!({
        "id": letter.id.to_string(),
        "topic": letter.topic.as_str(),
        "group": letter.group.as_str(),
        "reason": letter.reason.as_str(),
        "detail": &*letter.detail,
        "attempts": letter.attempts,
        "history": history,
        "dead_at": letter.dead_at.to_string(),
    });
    let (name, original) = match &letter.original {
        Original::Message(message) => ("message", object(message, &[])),
        Original::Bytes(bytes) => (
            "payload_base64",
            Value::from(BASE64_STANDARD.encode(bytes)).to_string(),
        ),
    };
    let rest = rest.to_string();
    let open = rest.strip_suffix('}').unwrap_or(&rest);
    session.out.line(format!("{open},\"{name}\":{original}}}"))
}

fn attempt(attempt: &Attempt) -> Value {
    json!({
        "number": attempt.number,
        "at": attempt.at.to_string(),
        "outcome": attempt.outcome.as_str(),
        "error": &*attempt.error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_that_ran_out_is_explained() {
        let at = glmsg::Timestamp::EPOCH;
        let lost = Attempt::new(1, at, AttemptOutcome::LeaseExpired, "");
        assert_eq!(told(&lost), "the consumer died, stalled or dropped it");
        let failed = Attempt::new(2, at, AttemptOutcome::Failed, "exit code 3");
        assert_eq!(told(&failed), "exit code 3");
    }
}

//! Sagas as people and programs read them.

use glmsg::patterns::saga::{JournalLine, SagaView, StepView};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::session::Session;
use crate::table::{Align, Table};

/// How much of a reason a line of the list shows on a terminal; a file has room for all.
const SHOWN: usize = 60;

pub(super) fn list(session: &mut Session, sagas: &[SagaView]) -> Result<(), Failure> {
    if session.json {
        return sagas.iter().try_for_each(|s| session.out.json(&object(s)));
    }
    let mut table = Table::new(&[
        ("ID", Align::Left),
        ("NAME", Align::Left),
        ("VERSION", Align::Right),
        ("STATUS", Align::Left),
        ("DONE", Align::Right),
        ("UPDATED", Align::Left),
        ("REASON", Align::Left),
    ]);
    let is_terminal = session.out.is_terminal();
    for saga in sagas {
        let done = saga.steps.iter().filter(|s| s.output.is_some()).count();
        table.row([
            saga.id.to_string(),
            saga.name.clone(),
            saga.version.to_string(),
            saga.status.to_string(),
            format!("{done}/{}", saga.steps.len()),
            saga.updated_at.to_string(),
            shortened(saga.reason.as_deref().unwrap_or_default(), is_terminal),
        ]);
    }
    session.out.table(&table, "there are no sagas")
}

fn shortened(reason: &str, is_terminal: bool) -> String {
    match reason.char_indices().nth(SHOWN).filter(|_| is_terminal) {
        Some((end, _)) => format!("{}…", &reason[..end]),
        None => reason.to_owned(),
    }
}

pub(super) fn show(
    session: &mut Session,
    saga: &SagaView,
    journal: &[JournalLine],
) -> Result<(), Failure> {
    if session.json {
        let mut object = object(saga);
        object["input"] = saga.input.clone();
        object["journal"] = journal
            .iter()
            .map(|line| {
                let (version, at) = (line.version, line.at.to_string());
                json!({ "version": version, "at": at, "entry": line.entry })
            })
            .collect();
        return session.out.json(&object);
    }
    let out = &mut session.out;
    out.line(saga.id.as_str())?;
    out.line(format!(
        "  name      {} version {}",
        saga.name, saga.version
    ))?;
    out.line(format!("  status    {}", saga.status))?;
    if let Some(reason) = &saga.reason {
        out.line(format!("  reason    {}", printable(reason)))?;
    }
    out.line(format!("  started   {}", saga.started_at))?;
    out.line(format!("  updated   {}", saga.updated_at))?;
    if let Some(deadline) = saga.deadline {
        out.line(format!("  deadline  {deadline}"))?;
    }
    if let Some(owner) = &saga.owner {
        let owner = printable(owner);
        out.line(format!(
            "  owner     {owner} (the last, token {})",
            saga.fence
        ))?;
    }
    out.line(format!("  input     {}", saga.input))?;
    out.line("  steps")?;
    for (step, number) in saga.steps.iter().zip(1..) {
        out.line(format!("    {number}. {}", told(step)))?;
    }
    out.line("  journal")?;
    for line in journal {
        out.line(format!("    {}. {}  {}", line.version, line.at, line.entry))?;
    }
    Ok(())
}

/// A step on a line.
fn told(step: &StepView) -> String {
    let mut line = format!("{}  {}", printable(&step.name), step.status());
    if step.attempts > 1 {
        line += &format!(", {} attempts", step.attempts);
    }
    if step.is_in_doubt {
        line += ", in doubt";
    }
    if let Some(output) = &step.output {
        line += &format!(", returned {output}");
    }
    if let Some(error) = &step.error {
        line += &format!(", failed: {}", printable(error));
    }
    if let Some(error) = step
        .compensation_error
        .as_ref()
        .filter(|_| !step.is_compensated)
    {
        line += &format!(", its compensation failed: {}", printable(error));
    }
    line
}

/// Names and reasons come from outside: no line break or terminal code gets through.
fn printable(text: &str) -> String {
    text.replace(|c: char| c.is_control(), " ")
}

fn object(saga: &SagaView) -> Value {
    let steps: Vec<Value> = saga.steps.iter().map(step).collect();
    json!({
        "id": saga.id.as_str(),
        "name": saga.name,
        "version": saga.version,
        "status": saga.status.as_str(),
        "reason": saga.reason,
        "started_at": saga.started_at.to_string(),
        "updated_at": saga.updated_at.to_string(),
        "deadline": saga.deadline.map(|deadline| deadline.to_string()),
        "owner": saga.owner,
        "fence": saga.fence,
        "steps": steps,
    })
}

fn step(step: &StepView) -> Value {
    json!({
        "name": step.name,
        "status": step.status().as_str(),
        "attempts": step.attempts,
        "in_doubt": step.is_in_doubt,
        "output": step.output,
        "error": step.error,
        "compensation_attempts": step.compensation_attempts,
        "compensation_error": step.compensation_error,
    })
}

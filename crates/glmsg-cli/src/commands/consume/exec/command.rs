//! One command for one message.

use std::process::ExitStatus;

use glmsg::tracing::TraceContext;
use glmsg::{Message, Received};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::payload;

/// Runs `command` with the message's payload on its stdin; `Err` says how it failed.
pub(super) async fn run(
    command: &str,
    received: &Received,
    abort: &CancellationToken,
) -> Result<(), String> {
    let message = &received.message;
    let stdin = payload::stdin(message.payload());
    let stdin = stdin.map_err(|e| format!("cannot pass the payload on: {e}"))?;
    let mut shell = shell(command);
    shell
        .env("GLMSG_ID", message.id().to_string())
        .env("GLMSG_TOPIC", message.topic().as_str())
        .env("GLMSG_ATTEMPT", received.attempt.to_string())
        .env_remove("GLMSG_KEY")
        // What this program was given is not the message's.
        .env_remove("TRACEPARENT")
        .env_remove("TRACESTATE")
        .stdin(stdin)
        .kill_on_drop(true);
    // An environment cannot hold a NUL.
    if let Some(key) = message.key().filter(|key| !key.contains('\0')) {
        shell.env("GLMSG_KEY", key);
    }
    if let Some(context) = context_of(message) {
        shell.env("TRACEPARENT", context.to_string());
    }
    let mut child = shell.spawn().map_err(|e| format!("cannot start sh: {e}"))?;
    tokio::select! {
        status = child.wait() => match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(ended(status)),
            Err(e) => Err(format!("cannot wait for sh: {e}")),
        },
        () = abort.cancelled() => {
            let _ = child.kill().await;
            Err("stopped by a signal".to_owned())
        }
    }
}

/// The trace that a command works in: under its attempt where that is exported, else that of its
/// message, if it has one.
fn context_of(message: &Message) -> Option<TraceContext> {
    TraceContext::current().or_else(|| TraceContext::of(message))
}

/// `sh -c`, in a process group of its own: Ctrl-C in the terminal is for this program, which lets
/// the commands finish.
fn shell(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command);
    #[cfg(unix)]
    shell.process_group(0);
    shell
}

fn ended(status: ExitStatus) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        if let Some(signal) = status.signal() {
            return format!("the command was ended by signal {signal}");
        }
    }
    match status.code() {
        Some(code) => format!("the command ended with exit code {code}"),
        None => "the command failed".to_owned(),
    }
}

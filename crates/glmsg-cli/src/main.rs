//! `glmsg`: publish, consume and operate a glmsg broker from the command line.
//!
//! Everything is printed through [`output`], and every failure ends here, as one line and an exit
//! code; nothing else writes to the standard streams.

mod arguments;
mod cli;
mod commands;
mod demo;
mod derived_id;
mod exporter;
mod failure;
mod input;
mod interrupt;
mod leases;
mod logging;
mod message_form;
mod output;
mod preferences;
mod progress;
mod remark;
mod session;
mod table;
mod waiting;
mod wanted_form;

use std::process::ExitCode;

use crate::failure::Failure;

fn main() -> ExitCode {
    failure::install_panic_hook();
    let cli = match cli::parse() {
        Ok(cli) => cli,
        Err(outcome) => return outcome,
    };
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(mut cli: cli::Cli) -> Result<(), Failure> {
    // Before there are settings: they may be what is wrong.
    if cli.json {
        remark::errors_as_json();
    }
    if cli.logging.is_json() {
        remark::as_json();
    }
    let preferences = commands::preferences(&cli)?;
    let logs = std::mem::take(&mut cli.logging).install(&preferences)?;
    let layer = logs.layer();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::failed(format!("cannot start the runtime: {e}")))?;
    let outcome = runtime.block_on(async {
        interrupt::survive_file_size_limit();
        commands::run(cli, preferences, layer).await
    });
    // A thread may sit in a read of stdin that never ends; nothing is waiting for it.
    runtime.shutdown_background();
    logs.shutdown();
    outcome
}

//! `glmsg completions`: a completion script for a shell.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::failure::Failure;
use crate::session::Session;

/// A completion script for a shell, on stdout.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// For this shell
    shell: Shell,
}

pub(crate) fn run(session: &mut Session, args: &Args) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "glmsg", &mut script);
    session.out.line(script.trim_ascii_end())?;
    session.out.flush()
}

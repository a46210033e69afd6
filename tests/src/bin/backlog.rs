//! The process that works off a backlog, to see what memory that takes.

use std::process::ExitCode;

fn main() -> ExitCode {
    glmsg_tests::backlog::main()
}

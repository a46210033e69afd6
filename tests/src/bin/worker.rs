//! The worker process of the process-level cases.

use std::process::ExitCode;

fn main() -> ExitCode {
    glmsg_tests::worker::main()
}

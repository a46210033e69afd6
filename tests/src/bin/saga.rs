//! The process of the saga cases, which can die at a write of its choice.

use std::process::ExitCode;

fn main() -> ExitCode {
    glmsg_tests::saga::main()
}

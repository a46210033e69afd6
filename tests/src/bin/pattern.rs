//! A process of the patterns' cases, to be killed.

use std::process::ExitCode;

fn main() -> ExitCode {
    glmsg_tests::pattern::main()
}

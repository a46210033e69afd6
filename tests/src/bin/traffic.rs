//! A publisher or consumer of a fault case.

use std::process::ExitCode;

fn main() -> ExitCode {
    glmsg_tests::traffic::main()
}

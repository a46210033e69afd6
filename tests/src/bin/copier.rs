//! The worker process of the exactly-once cases on Kafka.

use std::process::ExitCode;

fn main() -> ExitCode {
    glmsg_tests::copier::main()
}

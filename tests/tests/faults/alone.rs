//! Running a test in a process of its own, for what is measured of a whole process.

use std::process::Command;

const VARIABLE: &str = "GLMSG_ALONE";

/// Whether this process runs the test of that path alone, and so may go on with it. If not, such a process is started,
/// and has passed when this returns.
pub(crate) fn is_alone(test: &str) -> bool {
    if std::env::var(VARIABLE).is_ok_and(|name| name == test) {
        return true;
    }
    let program = std::env::current_exe().expect("the test's own program");
    let mut command = Command::new(program);
    command.args(["--exact", test, "--nocapture"]);
    let output = command.env(VARIABLE, test).output();
    let output = output.expect("the test's own program starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    assert!(text.contains("1 passed"), "`{test}` is no test: {text}");
    println!("{text}");
    false
}

//! A command made of steps: each is timed, a failure does not hide the next one, and a table ends the run, with what
//! failed in full.

use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome};
use crate::secrets;

#[derive(Debug)]
struct Step {
    name: String,
    took: Duration,
    failure: Option<String>,
}

/// The steps taken so far.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<Step>,
}

impl Steps {
    /// Runs one step; false if it failed, for the caller whose next steps would be pointless.
    pub(crate) fn run(&mut self, name: &str, step: impl FnOnce() -> Outcome) -> bool {
        println!("\n== {name}");
        secrets::step(name);
        let started = Instant::now();
        let failure = step().err().map(|failure| failure.to_string());
        if let Some(failure) = &failure {
            println!("{failure}");
            secrets::search(failure.as_bytes());
        }
        let passed = failure.is_none();
        self.done.push(Step {
            name: name.to_owned(),
            took: started.elapsed(),
            failure,
        });
        passed
    }

    /// Prints the table, and fails if any step did.
    pub(crate) fn finish(self) -> Outcome {
        println!("\n{}", self.table());
        print!("{}", self.reasons());
        let failed = self
            .done
            .iter()
            .filter(|step| step.failure.is_some())
            .count();
        match failed {
            0 => Ok(()),
            _ => Err(Failure::failed(format!(
                "{failed} of {} steps failed",
                self.done.len()
            ))),
        }
    }

    /// The reasons that are longer than the line of the table: the first print of them is far above.
    fn reasons(&self) -> String {
        let failures = self.done.iter().filter_map(|step| {
            let failure = step.failure.as_deref()?;
            let (_, more) = failure.split_once('\n')?;
            Some(format!("\n{}:\n{more}\n", step.name))
        });
        failures.collect()
    }

    fn table(&self) -> String {
        let width = self
            .done
            .iter()
            .map(|step| step.name.len())
            .max()
            .unwrap_or(0)
            .max(4);
        let mut table = format!("{:width$}  seconds  result", "step");
        for step in &self.done {
            let seconds = step.took.as_secs_f64();
            let result = if step.failure.is_none() {
                "ok"
            } else {
                "FAILED"
            };
            table.push_str(&format!("\n{:width$}  {seconds:7.1}  {result}", step.name));
            // The reason again, beside its step: the first print is far above, behind pages of test output.
            if let Some(first) = step
                .failure
                .as_deref()
                .and_then(|failure| failure.lines().next())
            {
                table.push_str(&format!(": {first}"));
            }
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_does_not_stop_the_next_and_fails_the_whole() {
        let mut steps = Steps::default();
        assert!(!steps.run("first", || Err(Failure::failed("no such thing\nmore"))));
        assert!(steps.run("second", || Ok(())));
        let table = steps.table();
        assert!(table.contains("FAILED: no such thing"), "{table}");
        assert!(!table.contains("more"), "{table}");
        assert_eq!(steps.reasons(), "\nfirst:\nmore\n");
        assert!(
            table
                .lines()
                .last()
                .is_some_and(|line| line.starts_with("second") && line.ends_with("ok"))
        );
        assert_eq!(
            steps.finish().unwrap_err().to_string(),
            "1 of 2 steps failed"
        );
    }

    #[test]
    fn all_steps_passed_is_a_pass() {
        let mut steps = Steps::default();
        steps.run("only", || Ok(()));
        assert!(steps.finish().is_ok());
    }
}

//! Sagas.

mod cut_off;
mod ending;
mod killed;
mod operated;
mod owners;

pub(crate) use cut_off::*;
pub(crate) use ending::*;
pub(crate) use operated::*;
pub(crate) use owners::*;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use glmsg_broker::{HandlerError, RetryPolicy};
use glmsg_conformance::Fixture;
use glmsg_patterns::saga::{
    SagaDefinition, SagaError, SagaRunner, SagaRunnerBuilder, SagaView, Step, StepContext,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// What was done, in order.
#[derive(Debug, Clone, Default)]
struct Done(Arc<Mutex<Vec<String>>>);

impl Done {
    fn say(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// A step that says that it was done, and returns a text of its own.
    fn step(&self, name: &'static str) -> Step<String> {
        let (this, undo) = (self.clone(), self.clone());
        Step::new(name, move |_: StepContext| {
            this.say(name);
            async move { Ok(format!("made by {name}")) }
        })
        .compensate(move |_, output: Option<String>| {
            let output = output.unwrap_or_else(|| "?".to_owned());
            undo.say(format!("undo {name}: {output}"));
            async { Ok(()) }
        })
    }
}

fn refusing(name: &'static str) -> Step<()> {
    Step::new(name, async move |_: StepContext| {
        Err::<(), _>(HandlerError::reject("refused"))
    })
}

fn at_once(attempts: u32) -> RetryPolicy {
    RetryPolicy::fixed(Duration::ZERO).max_attempts(attempts)
}

async fn open<F: Fixture>(f: &F, saga: SagaDefinition) -> SagaRunner {
    built(f, SagaRunner::builder().register(saga)).await
}

async fn built<F: Fixture>(f: &F, builder: SagaRunnerBuilder) -> SagaRunner {
    let runner = builder.open(&f.broker().await).await;
    runner.expect("the backend keeps sagas")
}

fn compensated(ended: Result<impl std::fmt::Debug, SagaError>) -> Box<SagaView> {
    match ended {
        Err(SagaError::Compensated(saga)) => saga,
        other => panic!("{other:?}"),
    }
}

fn parked(ended: Result<impl std::fmt::Debug, SagaError>) -> Box<SagaView> {
    match ended {
        Err(SagaError::Parked(saga)) => saga,
        other => panic!("{other:?}"),
    }
}

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("in time")
}

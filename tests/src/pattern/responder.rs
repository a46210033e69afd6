//! Responders that are killed: processes, or where the store lives in this one, runtimes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Broker, Incoming};
use glmsg_core::ContentType;
use glmsg_patterns::request_reply::{Answer, ReplyError, Responder, ResponderHandle};
use tokio::runtime::Runtime;

use super::Process;

/// The answer to a number.
pub fn answer_to(n: u64) -> String {
    (n * n + 1).to_string()
}

/// A responder that answers numbers, each after a moment.
///
/// # Panics
/// If it does not start.
pub async fn start_responder(broker: Arc<dyn Broker>, topic: &str) -> ResponderHandle {
    Responder::new(broker, topic)
        .concurrency(64)
        .lease(Duration::from_secs(2))
        .start(|request: Incoming| async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let number: u64 = String::from_utf8_lossy(request.payload()).parse()?;
            let answer = answer_to(number);
            Ok::<_, ReplyError>(Answer::new(answer, ContentType::TEXT))
        })
        .await
        .expect("a responder starts")
}

/// A responder that can be killed.
#[derive(Debug)]
pub enum Answerer {
    Process(Process),
    /// Its tasks end where they are when it is shut down.
    Runtime(Runtime, ResponderHandle),
}

impl Answerer {
    /// Starts one, in a process of its own if the store has a URL.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(
        program: &str,
        url: Option<&str>,
        broker: &Arc<dyn Broker>,
        topic: &str,
    ) -> Self {
        if let Some(url) = url {
            let words = ["responder", url, topic];
            return Self::Process(Process::start(Path::new(program), &words));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime starts");
        let (broker, topic) = (broker.clone(), topic.to_owned());
        let starting = runtime.spawn(async move { start_responder(broker, &topic).await });
        let handle = starting.await.expect("it starts");
        Self::Runtime(runtime, handle)
    }

    /// Kills it where it is.
    ///
    /// # Panics
    /// If it had ended before.
    pub fn kill9(self) {
        match self {
            Self::Process(process) => process.kill9(),
            Self::Runtime(runtime, handle) => {
                runtime.shutdown_background();
                drop(handle);
            }
        }
    }

    /// Ends it in good order.
    ///
    /// # Panics
    /// If it fails.
    pub async fn finish(self) {
        match self {
            Self::Process(process) => {
                let finishing = tokio::task::spawn_blocking(|| process.finish());
                finishing.await.expect("it ends well");
            }
            Self::Runtime(runtime, handle) => {
                let finishing = runtime.spawn(handle.shutdown());
                finishing.await.expect("no panic").expect("it drains");
                runtime.shutdown_background();
            }
        }
    }
}

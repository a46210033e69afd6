//! Processes of the patterns' cases: what they do, and how a case starts and kills them.

mod responder;
mod shop;

use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::Broker;
use glmsg_conformance::Fixture;
use glmsg_core::Message;
use glmsg_patterns::request_reply::Requester;

use crate::worker;

pub use responder::{Answerer, answer_to, start_responder};
pub use shop::{Shop, count_orders, sell};

/// A store that other processes can open, by a URL; `None` if it lives in this one.
pub trait Reachable: Fixture {
    fn url(&self) -> Option<String>;
}

impl Reachable for crate::Memory {
    fn url(&self) -> Option<String> {
        None
    }
}

impl Reachable for crate::Sqlite {
    fn url(&self) -> Option<String> {
        Some(self.url())
    }
}

impl Reachable for crate::Redis7 {
    fn url(&self) -> Option<String> {
        Some(self.url())
    }
}

impl Reachable for crate::Kafka {
    fn url(&self) -> Option<String> {
        Some(self.url())
    }
}

/// A process that ends when its standard input does, and is killed when this is dropped.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts `program` with the words that [`main`] takes.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start(program: &Path, words: &[&str]) -> Self {
        let child = Command::new(program)
            .args(words)
            .stdin(Stdio::piped())
            .spawn();
        Self(child.unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display())))
    }

    /// `SIGKILL`; it is gone when this returns.
    ///
    /// # Panics
    /// If it had failed before.
    pub fn kill9(mut self) {
        let ended = self.0.try_wait().expect("our own child can be looked at");
        assert!(ended.is_none(), "it ended by itself: {ended:?}");
        self.0.kill().expect("our own child can be killed");
        self.0.wait().expect("our own child can be waited for");
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Panics
    /// If it fails.
    pub fn finish(mut self) {
        drop(self.0.stdin.take());
        let ended = self.0.wait().expect("our own child can be waited for");
        assert!(ended.success(), "it failed: {ended:?}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It can only fail if the process has ended, and then it is reaped all the same.
        let _ = (self.0.kill(), self.0.wait());
    }
}

/// Does what the arguments say: a role, the store's URL, and what the role takes.
///
/// # Panics
/// If the arguments are not understood, or the store cannot be opened.
pub fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        let (role, url, rest) = match &words[..] {
            [role, url, rest @ ..] => (*role, *url, rest),
            _ => panic!("usage: pattern ROLE URL …"),
        };
        let broker = worker::open(url).await;
        match (role, rest) {
            ("responder", [topic]) => {
                let responder = start_responder(broker.clone(), topic).await;
                end_of_input().await;
                responder.shutdown().await.expect("it drains");
            }
            ("shop", [db, count]) => {
                let count = count.parse().expect("a number");
                sell(broker.clone(), Path::new(db), count).await;
            }
            ("requester", [topic]) => request_for_ever(broker.clone(), topic).await,
            _ => panic!("unknown role or arguments: {words:?}"),
        }
        broker.close().await.expect("it closes");
    });
    ExitCode::SUCCESS
}

/// Waits until the case wants this process to end.
async fn end_of_input() {
    let end = tokio::task::spawn_blocking(|| {
        let mut nothing = Vec::new();
        let _ = std::io::stdin().read_to_end(&mut nothing);
    });
    end.await.expect("reading does not panic");
}

/// Asks until it is killed.
async fn request_for_ever(broker: Arc<dyn Broker>, topic: &str) {
    let requester = Requester::builder(broker)
        .lease(Duration::from_millis(300))
        .start()
        .await
        .expect("the inbox is made");
    loop {
        let question = Message::builder(topic).text("7");
        requester.request(question).await.expect("an answer");
    }
}

//! What the examples share: the broker by `--broker URL`, names of a run's own, and an end that leaves nothing behind.
#![allow(
    dead_code,
    clippy::print_stdout,
    reason = "not every example needs all of it, and a program prints"
)]

use std::error::Error as StdError;
use std::fmt::Display;
use std::time::Duration;

use glmsg::prelude::*;
use glmsg::{Error, Expected, KeyPrefix, Result, Storage};
use tokio::time::{Instant, sleep};

/// The numbers an example ends with, or what went wrong.
pub(crate) type Outcome = std::result::Result<String, Box<dyn StdError>>;

/// One run of an example.
pub(crate) struct Run {
    broker: Arc<dyn Broker>,
    /// Part of every name the run makes.
    id: String,
    /// Where the SQLite file is, until the run ends.
    _directory: Option<tempfile::TempDir>,
}

impl Run {
    /// The broker of `--broker`, or an SQLite file in a temporary directory.
    async fn open() -> std::result::Result<Self, Box<dyn StdError>> {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let (url, directory) = match words.as_slice() {
            [] => {
                let directory = tempfile::tempdir()?;
                let file = directory.path().join("example.db");
                (format!("sqlite:{}", file.display()), Some(directory))
            }
            [option, url] if option == "--broker" => (url.clone(), None),
            _ => return Err("the only option is --broker URL".into()),
        };
        let random = MessageId::new().to_string();
        Ok(Self {
            broker: glmsg::connect(&url).await?,
            id: random.chars().rev().take(8).collect(),
            _directory: directory,
        })
    }

    pub(crate) fn broker(&self) -> Arc<dyn Broker> {
        self.broker.clone()
    }

    /// A name that no other run has.
    pub(crate) fn topic(&self, name: &str) -> Result<TopicName> {
        TopicName::new(format!("{name}-{}", self.id))
    }

    /// Removes what the run has made, and closes the broker.
    async fn leave(self) -> Result<()> {
        for topic in self.broker.topics().await? {
            if topic.name.as_str().contains(&self.id) {
                self.broker.delete_topic(&topic.name).await?;
            }
        }
        if self.broker.capability().storage {
            self.leave_storage().await?;
        }
        self.broker.close().await
    }

    /// Event streams and journals of sagas are made to stay. Those of an example are not.
    async fn leave_storage(&self) -> Result<()> {
        let storage = self.broker.open_storage().await?;
        let all = KeyPrefix::new("")?;
        let (mut logs, mut values) = (None, None);
        loop {
            let page = storage.logs(&all, logs.as_ref(), 500).await?;
            for key in page.iter().filter(|key| key.as_str().contains(&self.id)) {
                storage.remove_log(key, Expected::Any).await?.made();
            }
            logs = page.into_iter().next_back();
            if logs.is_none() {
                break;
            }
        }
        loop {
            let page = storage.keys(&all, values.as_ref(), 500).await?;
            for key in page.iter().filter(|key| key.as_str().contains(&self.id)) {
                storage.remove(key, Expected::Any).await?.made();
            }
            values = page.into_iter().next_back();
            if values.is_none() {
                return Ok(());
            }
        }
    }
}

/// Runs an example on its broker. Its last line is `ok: ` and the numbers it ends with; or
/// `unsupported: `, where the broker has not what the example shows.
pub(crate) async fn run(
    example: impl AsyncFnOnce(&Run) -> Outcome,
) -> std::result::Result<(), Box<dyn StdError>> {
    let run = Run::open().await?;
    let outcome = example(&run).await;
    let left = run.leave().await;
    match outcome {
        Ok(numbers) => {
            left?;
            println!("ok: {numbers}");
            Ok(())
        }
        Err(error) => {
            let known = error.downcast_ref::<Error>();
            if known.is_some_and(|error| error.kind() == ErrorKind::Unsupported) {
                println!("unsupported: {error}");
            }
            Err(error)
        }
    }
}

/// An error that says what was expected, unless it was found.
pub(crate) fn expect<T: Copy + PartialEq + Display>(
    what: &str,
    found: T,
    expected: T,
) -> Result<()> {
    match found == expected {
        true => Ok(()),
        false => Err(Error::new(
            ErrorKind::Unexpected,
            format!("{what}: expected {expected}, found {found}"),
        )),
    }
}

/// Waits until something is so, for two minutes at most.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !is_so() {
        if Instant::now() > deadline {
            let text = format!("waited two minutes until {what}, in vain");
            return Err(Error::new(ErrorKind::Timeout, text));
        }
        sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

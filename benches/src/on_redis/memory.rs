//! How much memory a process with a hundred members takes: one of its own, with nothing else in it.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use glmsg::{BrokerExt, SubscribeOptions};
use tokio::task::JoinSet;

use super::raw;
use super::raw_consuming::RawFilled;
use super::server::{Address, roomy};
use crate::served::consuming::{Filled, Way};
use crate::served::store::ServedStore;
use crate::{Measured, Outcome, Stopwatch, machine, runtime, sample};

/// How many members.
const MEMBERS: u64 = 100;
/// How long members that have nothing to do are left alone before it is looked.
const IDLE: Duration = Duration::from_millis(700);

/// What a process is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// Subscriptions wait for something to come.
    Idle,
    /// They consume what waits, as [`Way::Batches`].
    Batches,
    /// They consume what waits, as [`Way::OneByOne`].
    OneByOne,
    /// Consumers of the `redis` crate wait.
    RawIdle,
    /// They consume.
    Raw,
}

impl Load {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Idle, "idle"),
        (Self::Batches, "batches"),
        (Self::OneByOne, "one-by-one"),
        (Self::RawIdle, "raw-idle"),
        (Self::Raw, "raw"),
    ];
}

/// The first word of a process that is started to be looked at.
const WORD: &str = "--memory-of";

/// Starts this program once more, to do that, and returns what memory it took.
pub(crate) fn memory(address: Address, load: Load, count: u64) -> Outcome<Measured> {
    let name = Load::ALL.iter().find(|(one, _)| *one == load);
    let (_, name) = name.ok_or("a load without a name")?;
    let Address { port, pid } = address;
    let watch = Stopwatch::start();
    let output = Command::new(std::env::current_exe()?)
        .args([WORD, name])
        .args([port.to_string(), pid.to_string(), count.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(format!(
            "the process that was to be looked at failed: {}",
            output.status
        )
        .into());
    }
    Ok(Measured {
        peak_kib: Some(said.trim().parse()?),
        cpu: None,
        ..watch.stop(count)
    })
}

/// What `memory` starts: if these words are its, it is done, and this is what to print.
///
/// # Errors
/// If the load does not work.
pub fn memory_child(words: &[String]) -> Outcome<Option<u64>> {
    let [word, name, port, pid, count] = words else {
        return Ok(None);
    };
    if word != WORD {
        return Ok(None);
    }
    let load = Load::ALL.iter().find(|(_, one)| one == name);
    let (load, _) = load.ok_or("no such load")?;
    let address = Address {
        port: port.parse()?,
        pid: pid.parse()?,
    };
    let runtime = runtime()?;
    runtime.block_on(runtime.spawn(run(*load, address, count.parse()?)))??;
    let kib = match load {
        Load::Idle | Load::RawIdle => machine::resident_kib(),
        _ => machine::peak_kib(),
    };
    // Not before it is looked: what waits would be given up.
    drop(runtime);
    Ok(Some(
        kib.ok_or("the kernel does not tell what memory is used")?,
    ))
}

async fn run(load: Load, address: Address, count: u64) -> Outcome<()> {
    match load {
        Load::Idle => idle(address).await,
        Load::RawIdle => raw_idle(address).await,
        Load::Batches => consume(address, Way::Batches, count).await,
        Load::OneByOne => consume(address, Way::OneByOne, count).await,
        Load::Raw => RawFilled::attach(address, count)
            .consume(MEMBERS)
            .await
            .map(drop),
    }
}

async fn consume(address: Address, way: Way, count: u64) -> Outcome<()> {
    let filled = Filled::attach(address.served(roomy()), count).await?;
    filled.by(way, MEMBERS).await.map(drop)
}

/// Leaves its tasks running.
async fn idle(address: Address) -> Outcome<()> {
    let store = ServedStore::open(&address.served(roomy()).url).await?;
    let mut joining = JoinSet::new();
    for _ in 0..MEMBERS {
        let broker = Arc::clone(&store.broker);
        let options = SubscribeOptions::new(sample::IDLE_TOPIC, sample::GROUP)?;
        joining.spawn(async move { broker.subscribe(options).await });
    }
    let joined = joining.join_all().await;
    let subscriptions = joined.into_iter().collect::<Result<Vec<_>, _>>()?;
    tokio::spawn(async move {
        let _held = subscriptions;
        std::future::pending::<()>().await;
    });
    tokio::time::sleep(IDLE).await;
    Ok(())
}

async fn raw_idle(address: Address) -> Outcome<()> {
    let mut connection = raw::connect_patiently(address).await?;
    raw::create_idle_group(&mut connection).await?;
    for member in 0..MEMBERS {
        let mut connection = raw::connect_patiently(address).await?;
        tokio::spawn(async move {
            let read = raw::wait_for_ever(&member.to_string());
            read.exec_async(&mut connection).await
        });
    }
    tokio::time::sleep(IDLE).await;
    Ok(())
}

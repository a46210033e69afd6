//! The raw twin of consuming: XACK of the last batch and XREADGROUP in one pipeline.

use std::sync::Arc;

use redis::Value;
use tokio::task::JoinSet;

use super::raw;
use super::server::Address;
use crate::served::progress::Progress;
use crate::{Measured, Outcome, sample};

/// How many entries a read asks for.
const COUNT: usize = 100;
/// How many entries a pipeline adds when the stream is filled.
const FILL: u64 = 500;

/// A stream where `count` entries wait, for one group after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawFilled {
    address: Address,
    count: u64,
}

impl RawFilled {
    pub(crate) async fn open(address: Address, count: u64) -> Outcome<Self> {
        let mut connection = raw::connect_patiently(address).await?;
        let mut next = 0;
        while next < count {
            let end = count.min(next + FILL);
            raw::add_all(&mut connection, next..end, &[]).await?;
            next = end;
        }
        raw::must_hold(&mut connection, count).await?;
        Ok(Self { address, count })
    }

    /// What another process has filled.
    pub(crate) fn attach(address: Address, count: u64) -> Self {
        Self { address, count }
    }

    /// `members` consumers of one group, each on its own connection.
    pub(crate) async fn consume(self, members: u64) -> Outcome<Measured> {
        let mut connection = raw::connect_patiently(self.address).await?;
        raw::create_group(&mut connection).await?;
        let progress = Arc::new(Progress::new(self.address.pid, self.count));
        let mut tasks = JoinSet::new();
        for member in 0..members {
            tasks.spawn(consumer(self.address, member, progress.clone()));
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        raw::must_be_acked(&mut connection).await?;
        raw::destroy_group(&mut connection).await?;
        progress.measured()
    }
}

/// Reads and acks until nothing is left.
async fn consumer(address: Address, member: u64, progress: Arc<Progress>) -> Outcome<()> {
    let mut connection = raw::connect_patiently(address).await?;
    let read = raw::read(&member.to_string(), COUNT);
    let mut ids: Vec<Vec<u8>> = Vec::new();
    loop {
        let mut pipeline = redis::Pipeline::with_capacity(2);
        if !ids.is_empty() {
            pipeline.add_command(raw::ack(&ids));
        }
        pipeline.add_command(read.clone());
        let answers: Vec<Value> = pipeline.query_async(&mut connection).await?;
        let mut answers = answers.into_iter();
        if !ids.is_empty() {
            raw::must_ack(answers.next(), ids.len())?;
            progress.acked(ids.len() as u64);
        }
        let entries = raw::entries(answers.next().ok_or("a read without an answer")?)?;
        if entries.is_empty() {
            return Ok(());
        }
        let numbers = entries.iter().filter_map(|(_, body)| sample::number(body));
        progress.received(numbers.sum());
        ids.clear();
        ids.extend(entries.into_iter().map(|(id, _)| id));
    }
}

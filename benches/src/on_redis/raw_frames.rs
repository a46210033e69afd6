//! The raw twin of frames: the same payloads, a hundred to an entry, with nothing around them.

use std::sync::Arc;
use std::time::Instant;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Value};
use tokio::task::JoinSet;

use super::raw::{self, STREAM};
use super::server::Address;
use crate::outcome::must_equal;
use crate::served::progress::Progress;
use crate::served::publishing::{Publishers, WARM};
use crate::{Measured, Outcome, Stopwatch, sample};

/// How many payloads an entry holds.
pub(crate) const FRAME: u64 = 100;
const FRAME_BYTES: usize = 100 * sample::PAYLOAD;
/// How many entries a read asks for.
const COUNT: usize = 10;

/// Adds one entry with the payloads of these numbers.
fn add(numbers: std::ops::Range<u64>) -> Cmd {
    let mut frame = Vec::with_capacity(FRAME_BYTES);
    for number in numbers {
        frame.extend_from_slice(&sample::payload(number));
    }
    let mut command = Cmd::with_capacity(5, frame.len() + 64);
    command.arg("XADD").arg(STREAM).arg("*").arg("f");
    command.arg(frame);
    command
}

/// Publishers that add a frame a call.
pub(crate) async fn raw_publish(address: Address, publishers: Publishers) -> Outcome<Measured> {
    let mut connection = raw::connect(address).await?;
    for _ in 0..WARM {
        add(0..FRAME).exec_async(&mut connection).await?;
    }
    let mut tasks = JoinSet::new();
    let watch = Stopwatch::start_with_server(address.pid);
    let end = Instant::now() + publishers.lasting;
    for publisher in 1..=publishers.tasks {
        tasks.spawn(one(connection.clone(), publisher << 32, end));
    }
    let mut frames = 0;
    while let Some(ended) = tasks.join_next().await {
        frames += ended??;
    }
    let measured = watch.stop(frames * FRAME);
    raw::must_hold(&mut connection, WARM + frames).await?;
    Ok(measured)
}

async fn one(mut connection: MultiplexedConnection, first: u64, end: Instant) -> Outcome<u64> {
    let (mut next, mut frames) = (first, 0);
    while Instant::now() < end {
        add(next..next + FRAME).exec_async(&mut connection).await?;
        next += FRAME;
        frames += 1;
    }
    Ok(frames)
}

/// A stream where `count` payloads wait in frames, for one group after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawFramed {
    address: Address,
    count: u64,
}

impl RawFramed {
    pub(crate) async fn open(address: Address, count: u64) -> Outcome<Self> {
        must_equal("messages that fill no frame", count % FRAME, 0)?;
        let mut connection = raw::connect_patiently(address).await?;
        for frame in 0..count / FRAME {
            let command = add(frame * FRAME..(frame + 1) * FRAME);
            command.exec_async(&mut connection).await?;
        }
        raw::must_hold(&mut connection, count / FRAME).await?;
        Ok(Self { address, count })
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
    let (mut ids, mut unacked): (Vec<Vec<u8>>, u64) = (Vec::new(), 0);
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
            progress.acked(unacked);
        }
        let entries = raw::entries(answers.next().ok_or("a read without an answer")?)?;
        if entries.is_empty() {
            return Ok(());
        }
        let (mut sum, mut count) = (0, 0);
        for (_, frame) in &entries {
            for payload in frame.chunks_exact(sample::PAYLOAD) {
                sum += sample::number(payload).unwrap_or_default();
                count += 1;
            }
        }
        progress.received(sum);
        unacked = count;
        ids.clear();
        ids.extend(entries.into_iter().map(|(id, _)| id));
    }
}

//! The raw twins' way to the server: the `redis` crate alone, with a stream of their own.

use std::ops::Range;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, IntoConnectionInfo, Pipeline, Value};

use super::server::Address;
use crate::outcome::must_equal;
use crate::{Outcome, sample};

/// The stream of every twin.
pub(crate) const STREAM: &str = "raw";
/// One that has nothing.
const IDLE_STREAM: &str = "raw-idle";

/// A connection that tasks share, as the crate's documents advise: nothing waits in the socket.
pub(crate) async fn connect(address: Address) -> Outcome<MultiplexedConnection> {
    connect_with(address, AsyncConnectionConfig::new()).await
}

/// A connection whose answers may take as long as they take.
pub(crate) async fn connect_patiently(address: Address) -> Outcome<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    connect_with(address, config).await
}

async fn connect_with(
    address: Address,
    config: AsyncConnectionConfig,
) -> Outcome<MultiplexedConnection> {
    let info = format!("redis://{}", address.socket()).into_connection_info()?;
    let settings = redis::io::tcp::TcpSettings::default().set_nodelay(true);
    let client = Client::open(info.set_tcp_settings(settings))?;
    let connected = client.get_multiplexed_async_connection_with_config(&config);
    Ok(connected.await?)
}

/// Adds an entry with this number's payload.
pub(crate) fn add(number: u64) -> Cmd {
    add_with(&sample::payload(number))
}

fn add_with(bytes: &[u8]) -> Cmd {
    let mut command = redis::cmd("XADD");
    command.arg(STREAM).arg("*").arg("d").arg(bytes);
    command
}

/// Adds an entry for each number, in one pipeline; `also` is put behind each payload.
pub(crate) async fn add_all(
    connection: &mut MultiplexedConnection,
    numbers: Range<u64>,
    also: &[u8],
) -> Outcome<()> {
    let mut pipeline = Pipeline::with_capacity(usize::try_from(numbers.end - numbers.start)?);
    let mut entry = Vec::with_capacity(sample::PAYLOAD + also.len());
    for number in numbers {
        entry.clear();
        entry.extend_from_slice(&sample::payload(number));
        entry.extend_from_slice(also);
        pipeline.add_command(add_with(&entry));
    }
    // Collected, and not passed over: that would cost a look-up for each.
    pipeline.query_async::<Vec<Value>>(connection).await?;
    Ok(())
}

/// Fails unless the stream holds exactly `count` entries.
pub(crate) async fn must_hold(connection: &mut MultiplexedConnection, count: u64) -> Outcome<()> {
    let length: u64 = redis::cmd("XLEN")
        .arg(STREAM)
        .query_async(connection)
        .await?;
    must_equal("entries stored", length, count)
}

/// Makes the group, from the stream's first entry on.
pub(crate) async fn create_group(connection: &mut MultiplexedConnection) -> Outcome<()> {
    group(
        connection,
        &["CREATE", STREAM, sample::GROUP, "0", "MKSTREAM"],
    )
    .await
}

/// Removes the group, to make room for the next.
pub(crate) async fn destroy_group(connection: &mut MultiplexedConnection) -> Outcome<()> {
    group(connection, &["DESTROY", STREAM, sample::GROUP]).await
}

/// Makes the group of a stream that has nothing, unless it is there.
pub(crate) async fn create_idle_group(connection: &mut MultiplexedConnection) -> Outcome<()> {
    redis::cmd("DEL")
        .arg(IDLE_STREAM)
        .exec_async(connection)
        .await?;
    group(
        connection,
        &["CREATE", IDLE_STREAM, sample::GROUP, "0", "MKSTREAM"],
    )
    .await
}

async fn group(connection: &mut MultiplexedConnection, words: &[&str]) -> Outcome<()> {
    Ok(redis::cmd("XGROUP")
        .arg(words)
        .exec_async(connection)
        .await?)
}

/// Reads what is new to the group, without waiting.
pub(crate) fn read(member: &str, count: usize) -> Cmd {
    let mut command = redis::cmd("XREADGROUP");
    command.arg(&["GROUP", sample::GROUP, member, "COUNT"]);
    command.arg(count).arg(&["STREAMS", STREAM, ">"]);
    command
}

/// The same, and waits up to so many milliseconds.
pub(crate) fn wait(member: &str, count: usize, millis: u64) -> Cmd {
    let mut command = redis::cmd("XREADGROUP");
    command.arg(&["GROUP", sample::GROUP, member, "COUNT"]);
    command.arg(count).arg("BLOCK").arg(millis);
    command.arg(&["STREAMS", STREAM, ">"]);
    command
}

/// Waits for what never comes.
pub(crate) fn wait_for_ever(member: &str) -> Cmd {
    let mut command = redis::cmd("XREADGROUP");
    command.arg(&["GROUP", sample::GROUP, member, "BLOCK", "0"]);
    command.arg(&["STREAMS", IDLE_STREAM, ">"]);
    command
}

/// Fails unless XACK says that it acked them all.
pub(crate) fn must_ack(answer: Option<Value>, count: usize) -> Outcome<()> {
    match answer {
        Some(Value::Int(acked)) => must_equal("entries acked", u64::try_from(acked)?, count as u64),
        other => Err(format!("XACK was answered with {other:?}").into()),
    }
}

/// Acks entries.
pub(crate) fn ack(ids: &[Vec<u8>]) -> Cmd {
    let mut command = redis::cmd("XACK");
    command.arg(&[STREAM, sample::GROUP]).arg(ids);
    command
}

/// Fails if the group has an entry that is not acked.
pub(crate) async fn must_be_acked(connection: &mut MultiplexedConnection) -> Outcome<()> {
    let pending: Value = redis::cmd("XPENDING")
        .arg(&[STREAM, sample::GROUP])
        .query_async(connection)
        .await?;
    match &pending {
        Value::Array(words) if words.first() == Some(&Value::Int(0)) => Ok(()),
        _ => Err(format!("entries are pending after the run: {pending:?}").into()),
    }
}

/// An entry of a stream: its id and the value of its only field.
pub(crate) type Entry = (Vec<u8>, Vec<u8>);

/// The entries of a read from one stream; none if the server had nothing.
pub(crate) fn entries(answer: Value) -> Outcome<Vec<Entry>> {
    if answer == Value::Nil {
        return Ok(Vec::new());
    }
    let mut streams = list(answer)?.into_iter();
    let stream = list(streams.next().ok_or("a read without a stream")?)?;
    let found = list(
        stream
            .into_iter()
            .nth(1)
            .ok_or("a stream without entries")?,
    )?;
    found.into_iter().map(entry).collect()
}

pub(crate) fn entry(value: Value) -> Outcome<Entry> {
    let mut parts = list(value)?.into_iter();
    let id = bytes(parts.next())?;
    let fields = list(parts.next().ok_or("an entry without fields")?)?;
    Ok((id, bytes(fields.into_iter().nth(1))?))
}

pub(crate) fn list(value: Value) -> Outcome<Vec<Value>> {
    match value {
        Value::Array(values) => Ok(values),
        other => Err(format!("a list was expected, not {other:?}").into()),
    }
}

fn bytes(value: Option<Value>) -> Outcome<Vec<u8>> {
    match value {
        Some(Value::BulkString(bytes)) => Ok(bytes),
        other => Err(format!("bytes were expected, not {other:?}").into()),
    }
}

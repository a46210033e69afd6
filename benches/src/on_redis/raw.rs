//! The raw twins' way to the server: the `redis` crate alone, with a stream of their own.

use std::ops::Range;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, IntoConnectionInfo, Pipeline, Value};

use super::server::Address;
use crate::outcome::must_equal;
use crate::{Outcome, sample};

/// The stream of every twin.
pub(crate) const STREAM: &str = "raw";

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
    let mut command = redis::cmd("XADD");
    command.arg(STREAM).arg("*").arg("d");
    command.arg(&sample::payload(number)[..]);
    command
}

/// Adds an entry for each number, in one pipeline.
pub(crate) async fn add_all(
    connection: &mut MultiplexedConnection,
    numbers: Range<u64>,
) -> Outcome<()> {
    let mut pipeline = Pipeline::with_capacity(usize::try_from(numbers.end - numbers.start)?);
    for number in numbers {
        pipeline.add_command(add(number));
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

fn entry(value: Value) -> Outcome<Entry> {
    let mut parts = list(value)?.into_iter();
    let id = bytes(parts.next())?;
    let fields = list(parts.next().ok_or("an entry without fields")?)?;
    Ok((id, bytes(fields.into_iter().nth(1))?))
}

fn list(value: Value) -> Outcome<Vec<Value>> {
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

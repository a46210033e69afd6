//! The twin of all: the `redis` crate alone, with no more than the work takes.

use std::time::Instant;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, IntoConnectionInfo, Pipeline, Value};
use tokio::sync::mpsc::unbounded_channel;

use crate::pacing::{PACED, pace};
use crate::sample::{BATCH, GROUP, STREAM, number, payload};
use crate::turn::{CONSUMED, Taken, publish};
use crate::{Outcome, Url};

/// How many entries a read takes at most.
const READ: usize = 100;

struct Entry {
    id: Vec<u8>,
    payload: Vec<u8>,
}

/// Whether the server has no keys.
pub(crate) async fn is_empty(url: Url) -> Outcome<bool> {
    let mut connection = connect(url).await?;
    let info: String = redis::cmd("INFO")
        .arg("keyspace")
        .query_async(&mut connection)
        .await?;
    Ok(!info.lines().any(|line| line.starts_with("db")))
}

/// Removes every key of the server.
pub(crate) async fn empty(url: Url) -> Outcome<()> {
    let mut connection = connect(url).await?;
    redis::cmd("FLUSHALL").exec_async(&mut connection).await?;
    Ok(())
}

/// Tasks that each add an entry, await it, and again.
pub(crate) async fn singles(url: Url, tasks: usize) -> Outcome<f64> {
    let connection = connect(url).await?;
    publish(tasks, |mut turn| {
        let mut connection = connection.clone();
        async move {
            while turn.goes_on() {
                add(turn.count).exec_async(&mut connection).await?;
                turn.count += 1;
            }
            Ok(turn)
        }
    })
    .await
}

/// One task that adds entries by pipelines.
pub(crate) async fn batches(url: Url) -> Outcome<f64> {
    let connection = connect(url).await?;
    publish(1, |mut turn| {
        let mut connection = connection.clone();
        async move {
            while turn.goes_on() {
                add_all(&mut connection, turn.count).await?;
                turn.count += BATCH;
            }
            Ok(turn)
        }
    })
    .await
}

/// One consumer; the acks of a read go with the next.
pub(crate) async fn consume(url: Url) -> Outcome<f64> {
    let mut connection = connect(url).await?;
    let mut first = 0;
    while first < CONSUMED {
        add_all(&mut connection, first).await?;
        first += BATCH;
    }
    create_group(&mut connection).await?;
    // In a task, as the others are: the main thread of a runtime wakes up more slowly.
    let consumer = tokio::spawn(async move {
        let mut taken = Taken::default();
        let mut done = Vec::new();
        while !taken.is_all() {
            let entries = ack_and_read(&mut connection, &done, None).await?;
            for entry in &entries {
                taken.take(&entry.payload)?;
            }
            done = entries;
        }
        ack(&done).exec_async(&mut connection).await?;
        taken.rate()
    });
    consumer.await?
}

/// Entries at an even pace, to a consumer that waits.
pub(crate) async fn latency(url: Url) -> Outcome<Vec<f64>> {
    let (connection, mut reader) = (connect(url).await?, connect(url).await?);
    create_group(&mut reader).await?;
    let (arrivals, arrived) = unbounded_channel();
    let consumer = tokio::spawn(async move {
        let (mut left, mut done) = (PACED, Vec::new());
        while left > 0 {
            let entries = ack_and_read(&mut reader, &done, Some(500)).await?;
            for entry in &entries {
                let number = number(&entry.payload).ok_or("a payload is too short")?;
                arrivals.send((number, Instant::now()))?;
                left -= 1;
            }
            done = entries;
        }
        ack(&done).exec_async(&mut reader).await?;
        Outcome::Ok(())
    });
    let quantiles = pace(arrived, |number| {
        let mut connection = connection.clone();
        async move { Ok(add(number).exec_async(&mut connection).await?) }
    })
    .await?;
    consumer.await??;
    Ok(quantiles)
}

async fn connect(url: Url) -> Outcome<MultiplexedConnection> {
    // Nothing waits in the socket, and an answer may take as long as it takes.
    let settings = redis::io::tcp::TcpSettings::default().set_nodelay(true);
    let info = url.into_connection_info()?.set_tcp_settings(settings);
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let client = Client::open(info)?;
    let connected = client.get_multiplexed_async_connection_with_config(&config);
    Ok(connected.await?)
}

fn add(number: u64) -> Cmd {
    let mut command = redis::cmd("XADD");
    command.arg(&[STREAM, "*", "d"]).arg(&payload(number)[..]);
    command
}

async fn add_all(connection: &mut MultiplexedConnection, first: u64) -> Outcome<()> {
    let mut pipeline = Pipeline::new();
    for number in first..first + BATCH {
        pipeline.add_command(add(number));
    }
    // Collected, and not passed over: that would cost a look-up for each.
    pipeline.query_async::<Vec<Value>>(connection).await?;
    Ok(())
}

async fn create_group(connection: &mut MultiplexedConnection) -> Outcome<()> {
    let mut command = redis::cmd("XGROUP");
    command.arg(&["CREATE", STREAM, GROUP, "0", "MKSTREAM"]);
    Ok(command.exec_async(connection).await?)
}

fn ack(entries: &[Entry]) -> Cmd {
    let mut command = redis::cmd("XACK");
    command.arg(&[STREAM, GROUP]);
    for entry in entries {
        command.arg(&entry.id);
    }
    command
}

/// Acks and reads in one pipeline; waits up to so many milliseconds, if any.
async fn ack_and_read(
    connection: &mut MultiplexedConnection,
    done: &[Entry],
    wait: Option<u64>,
) -> Outcome<Vec<Entry>> {
    let mut pipeline = Pipeline::with_capacity(2);
    if !done.is_empty() {
        pipeline.add_command(ack(done));
    }
    let mut read = redis::cmd("XREADGROUP");
    read.arg(&["GROUP", GROUP, "member", "COUNT"]).arg(READ);
    if let Some(millis) = wait {
        read.arg("BLOCK").arg(millis);
    }
    read.arg(&["STREAMS", STREAM, ">"]);
    pipeline.add_command(read);
    let mut answers: Vec<Value> = pipeline.query_async(connection).await?;
    let Some(Value::Array(streams)) = answers.pop() else {
        return Ok(Vec::new());
    };
    let mut read = Vec::new();
    for stream in streams {
        for entry in array(last(array(stream)?)?)? {
            let mut entry = array(entry)?;
            let payload = bytes(last(array(last(entry.split_off(1))?)?)?)?;
            let id = bytes(last(entry)?)?;
            read.push(Entry { id, payload });
        }
    }
    Ok(read)
}

fn last(mut values: Vec<Value>) -> Outcome<Value> {
    Ok(values.pop().ok_or("an array is empty")?)
}

fn array(value: Value) -> Outcome<Vec<Value>> {
    match value {
        Value::Array(values) => Ok(values),
        other => Err(format!("no array: {other:?}").into()),
    }
}

fn bytes(value: Value) -> Outcome<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        other => Err(format!("no string: {other:?}").into()),
    }
}

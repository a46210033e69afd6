//! The raw twin of request-reply: two hops. XADD of the request on a connection that all tasks
//! share, a responder that waits in XREADGROUP on its own with the replies (XADD) and the XACK of
//! what it had before in front, and a task of the requester that waits in XREAD.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, Value};
use tokio::sync::oneshot;

use super::raw;
use super::server::Address;
use crate::outcome::must_equal;
use crate::served::request_reply::{Asking, WARM, ask_all, must_be_answer};
use crate::{Latencies, Measured, Outcome, Stopwatch, sample};

/// Where replies go. Requests are in [`raw::STREAM`].
const REPLIES: &str = "raw-replies";
/// How many entries a read asks for, and how long it waits.
const COUNT: usize = 100;
const WAIT_MILLIS: u64 = 100;

/// The requests that wait for a reply, by their numbers, which is what ties both together.
type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Vec<u8>>>>>;

/// [`request_reply`](crate::served::request_reply::request_reply) without the library.
pub(crate) async fn raw_request_reply(address: Address, asking: Asking) -> Outcome<Measured> {
    let mut connection = raw::connect(address).await?;
    raw::create_group(&mut connection).await?;
    let (waiting, done) = (Waiting::default(), Arc::new(AtomicBool::new(false)));
    let responder = raw::connect_patiently(address).await?;
    let responder = tokio::spawn(respond(responder, done.clone()));
    let reader = raw::connect_patiently(address).await?;
    let reader = tokio::spawn(read(reader, waiting.clone(), done.clone()));
    for number in 0..WARM {
        ask(connection.clone(), &waiting, number).await?;
    }
    let watch = Stopwatch::start_with_server(address.pid);
    let (sharing, requests) = (connection.clone(), waiting.clone());
    let took = ask_all(asking, move |number| {
        let (connection, waiting) = (sharing.clone(), requests.clone());
        async move { ask(connection, &waiting, number).await }
    })
    .await?;
    let count = took.len() as u64;
    let mut measured = watch.stop(count);
    measured.latencies = Latencies::of(took);
    done.store(true, Ordering::Relaxed);
    must_equal("requests answered", responder.await??, WARM + count)?;
    must_equal("replies read", reader.await??, WARM + count)?;
    raw::must_hold(&mut connection, WARM + count).await?;
    raw::must_be_acked(&mut connection).await?;
    Ok(measured)
}

async fn ask(mut connection: MultiplexedConnection, waiting: &Waiting, number: u64) -> Outcome<()> {
    let (sender, reply) = oneshot::channel();
    {
        let mut table = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        table.insert(number, sender);
    }
    raw::add(number).exec_async(&mut connection).await?;
    must_be_answer(&reply.await?, number)
}

/// Answers what comes by what was asked, and returns how often.
async fn respond(mut connection: MultiplexedConnection, done: Arc<AtomicBool>) -> Outcome<u64> {
    let read = raw::wait("responder", COUNT, WAIT_MILLIS);
    let mut requests: Vec<raw::Entry> = Vec::new();
    let mut answered = 0;
    loop {
        let mut pipeline = Pipeline::with_capacity(requests.len() + 2);
        let mut ids = Vec::with_capacity(requests.len());
        for (id, body) in requests {
            pipeline.add_command(reply(&body));
            ids.push(id);
        }
        if !ids.is_empty() {
            pipeline.add_command(raw::ack(&ids));
        }
        pipeline.add_command(read.clone());
        let mut answers: Vec<Value> = pipeline.query_async(&mut connection).await?;
        requests = raw::entries(answers.pop().ok_or("a read without an answer")?)?;
        if !ids.is_empty() {
            raw::must_ack(answers.pop(), ids.len())?;
        }
        answered += requests.len() as u64;
        if requests.is_empty() && done.load(Ordering::Relaxed) {
            return Ok(answered);
        }
    }
}

fn reply(body: &[u8]) -> Cmd {
    let mut command = redis::cmd("XADD");
    command.arg(&[REPLIES, "*", "d"]).arg(body);
    command
}

/// Hands each reply to who waits for it, and returns how many there were.
async fn read(
    mut connection: MultiplexedConnection,
    waiting: Waiting,
    done: Arc<AtomicBool>,
) -> Outcome<u64> {
    let (mut last, mut count) = (b"0".to_vec(), 0);
    loop {
        let mut command = redis::cmd("XREAD");
        command.arg("COUNT").arg(COUNT);
        command.arg("BLOCK").arg(WAIT_MILLIS);
        command.arg(&["STREAMS", REPLIES]).arg(&last[..]);
        let replies = raw::entries(command.query_async(&mut connection).await?)?;
        if replies.is_empty() && done.load(Ordering::Relaxed) {
            return Ok(count);
        }
        count += replies.len() as u64;
        let mut table = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, body) in replies {
            let number = sample::number(&body).ok_or("a reply without its number")?;
            if let Some(sender) = table.remove(&number) {
                // Who waits is gone only when the measurement has failed.
                let _ = sender.send(body);
            }
            last = id;
        }
    }
}

//! Consuming from a SQLite store that is full: receive, and ack durably.

use glmsg::{Consumer, Incoming, Received, Settled, Settler, Source, SubscribeOptions, Token};

use crate::counting::Counter;
use crate::outcome::must_equal;
use crate::raw_store::RawStore;
use crate::store::Store;
use crate::{Measured, Outcome, Stopwatch, sample};

/// Receives and acks `count` messages through the contract, in batches. A batch is acked while the
/// next is received, as the consumer does it.
///
/// # Errors
/// If a message is missing, comes twice, or is not acked.
pub async fn consume_by_source(count: u64, batch: usize) -> Outcome<Measured> {
    let store = Store::filled(count).await?;
    let options = SubscribeOptions::new(sample::TOPIC, sample::GROUP)?;
    let mut source = store.broker.open_source(&options).await?;
    let settler = source.settler();
    let mut buf: Vec<Received> = Vec::new();
    let mut tokens: Vec<Token> = Vec::new();
    let (mut received, mut sum) = (0, 0);
    let watch = Stopwatch::start();
    while received < count {
        let (acked, intake) = tokio::join!(ack(&settler, &tokens), source.recv(&mut buf, batch));
        acked?;
        intake?;
        received += buf.len() as u64;
        sum += buf
            .iter()
            .filter_map(|r| sample::number(r.message.payload()))
            .sum::<u64>();
        tokens.clear();
        tokens.extend(buf.drain(..).map(|r| r.token));
    }
    ack(&settler, &tokens).await?;
    let measured = watch.stop(count);
    must_equal("messages received", received, count)?;
    must_equal("sum of their numbers", sum, (0..count).sum())?;
    store.must_be_consumed().await?;
    drop(source);
    store.broker.close().await?;
    Ok(measured)
}

async fn ack(settler: &impl Settler, tokens: &[Token]) -> Outcome<()> {
    if tokens.is_empty() {
        return Ok(());
    }
    let settled = settler.ack(tokens).await?;
    let acked = settled.iter().filter(|s| **s == Settled::Acked).count();
    must_equal("messages acked", acked as u64, tokens.len() as u64)
}

/// Consumes `count` messages with a [`Consumer`] on its defaults, until the last ack is durable.
///
/// # Errors
/// If a message is missing, comes twice, or is not acked.
pub async fn consume_by_consumer(count: u64) -> Outcome<Measured> {
    let store = Store::filled(count).await?;
    let counter = Counter::new(count);
    let counting = counter.clone();
    let watch = Stopwatch::start();
    let consumer = Consumer::new(store.broker.clone(), sample::TOPIC, sample::GROUP)
        .start(move |_: Incoming| {
            counting.count();
            async { Ok(()) }
        })
        .await?;
    counter.complete().await;
    let report = consumer.shutdown().await?;
    let measured = watch.stop(count);
    counter.must_be_exact(&report)?;
    store.must_be_consumed().await?;
    store.broker.close().await?;
    Ok(measured)
}

/// Leases `batch` rows in one transaction and deletes them in the next, until none is left.
///
/// # Errors
/// Of SQLite, or if a row is missing.
pub fn raw_consume(count: u64, batch: u64) -> Outcome<Measured> {
    let mut store = RawStore::filled(count)?;
    let (mut received, mut sum, mut rows) = (0, 0, Vec::new());
    let watch = Stopwatch::start();
    while received < count {
        let leased = store.lease(batch, 30_000)?;
        received += leased.len() as u64;
        rows.clear();
        for (seq, body) in leased {
            sum += sample::number(&body).unwrap_or_default();
            rows.push(seq);
        }
        if rows.is_empty() {
            return Err(format!("only {received} of {count} rows came").into());
        }
        store.delete(&rows)?;
    }
    let measured = watch.stop(count);
    must_equal("sum of the numbers", sum, (0..count).sum())?;
    store.must_hold(0)?;
    Ok(measured)
}

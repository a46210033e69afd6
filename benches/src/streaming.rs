//! Publish to handler through the memory broker, as fast as it goes.

use std::sync::Arc;

use glmsg::{Broker, Consumer, Incoming, Message, Published, TopicName};

use crate::counting::Counter;
use crate::{Measured, Outcome, Stopwatch, sample};

/// One task builds and publishes `count` messages in batches of `batch`; a [`Consumer`] with
/// `workers` handles them. Ends when the last handler has run.
///
/// # Errors
/// If a message is lost or comes twice.
pub async fn stream(count: u64, batch: u64, workers: usize) -> Outcome<Measured> {
    let broker = glmsg::connect("memory:").await?;
    let topic = TopicName::new(sample::TOPIC)?;
    let counter = Counter::new(count);
    let counting = counter.clone();
    let consumer = Consumer::new(broker.clone(), sample::TOPIC, sample::GROUP)
        .workers(workers)
        .start(move |_: Incoming| {
            counting.count();
            async { Ok(()) }
        })
        .await?;
    let watch = Stopwatch::start();
    let publisher = tokio::spawn(publish(broker.clone(), topic, count, batch));
    counter.complete().await;
    let measured = watch.stop(count);
    publisher.await??;
    counter.must_be_exact(&consumer.shutdown().await?)?;
    broker.close().await?;
    Ok(measured)
}

async fn publish(broker: Arc<dyn Broker>, topic: TopicName, count: u64, batch: u64) -> Outcome<()> {
    let mut next = 0;
    while next < count {
        let end = count.min(next + batch);
        let mut left = sample::messages(&topic, next..end)?;
        while !left.is_empty() {
            left = refused(&broker, left).await?;
        }
        next = end;
    }
    Ok(())
}

/// Publishes, and returns what the full topic did not take: a publisher that is ahead waits.
async fn refused(broker: &Arc<dyn Broker>, messages: Vec<Message>) -> Outcome<Vec<Message>> {
    let outcomes = broker.publish(&messages).await?;
    let mut refused = Vec::new();
    for (message, outcome) in messages.into_iter().zip(outcomes) {
        match outcome {
            Published::Stored => {}
            Published::Full(_) => refused.push(message),
            Published::Duplicate => return Err("a new message was taken for a duplicate".into()),
            other => other.into_result()?,
        }
    }
    if !refused.is_empty() {
        tokio::task::yield_now().await;
    }
    Ok(refused)
}

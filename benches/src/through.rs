//! Publishing and consuming, with layers and without: what observing costs.

use std::sync::Arc;

use glmsg::{Broker, Consumer, Incoming, TopicConfig, TopicName};

use crate::counting::Counter;
use crate::layers;
use crate::store::all_stored;
use crate::{Measured, Outcome, Stopwatch, sample};

/// How many messages a publish has.
const BATCH: u64 = 100;

/// Whether a workload goes through the layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layers {
    Off,
    On,
}

/// One task publishes `count` messages in batches to the broker at `url`; then a [`Consumer`] on its
/// defaults handles them. Both are measured, of the handling the last three quarters: on Kafka joining
/// takes longer than all else, and the first messages wait for commits, with layers and without.
pub(crate) async fn through(
    url: String,
    bounds: TopicConfig,
    count: u64,
    layers: Layers,
) -> Outcome<Measured> {
    let broker = glmsg::connect(&url).await?;
    let broker = match layers {
        Layers::Off => broker,
        Layers::On => layers::with_all(broker)?,
    };
    let topic = TopicName::new(sample::TOPIC)?;
    broker.create_topic(&topic, &bounds).await?;
    let published = publish(&broker, &topic, count).await?;
    let consumed = consume(&broker, count).await?;
    broker.close().await?;
    Ok(Measured {
        messages: count,
        ..published.and(consumed.scaled(count))
    })
}

async fn publish(broker: &Arc<dyn Broker>, topic: &TopicName, count: u64) -> Outcome<Measured> {
    let watch = Stopwatch::start();
    let mut next = 0;
    while next < count {
        let end = count.min(next + BATCH);
        let batch = sample::messages(topic, next..end)?;
        all_stored(broker.publish(&batch).await?)?;
        next = end;
    }
    Ok(watch.stop(count))
}

async fn consume(broker: &Arc<dyn Broker>, count: u64) -> Outcome<Measured> {
    let counter = Counter::from(count / 4, count);
    let counting = counter.clone();
    let consumer = Consumer::new(broker.clone(), sample::TOPIC, sample::GROUP)
        .start(move |_: Incoming| {
            counting.count();
            async { Ok(()) }
        })
        .await?;
    let left = counter.begun().await;
    let watch = Stopwatch::start();
    counter.complete().await;
    let measured = watch.stop(left);
    counter.must_be_exact(&consumer.shutdown().await?)?;
    Ok(measured)
}

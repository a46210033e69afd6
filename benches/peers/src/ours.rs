//! glmsg, on its defaults.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use glmsg::{
    Broker, BrokerExt, Consumer, Delivery, Incoming, Message, Published, StartFrom,
    SubscribeOptions, TopicConfig, TopicName,
};
use tokio::sync::mpsc::unbounded_channel;

use crate::pacing::{FIRST, first, pace};
use crate::sample::{BATCH, GROUP, STREAM, number, payload};
use crate::turn::{CONSUMED, Taken, publish};
use crate::{Outcome, Url};

/// The others trim nothing, so neither does the topic.
const MAX_LEN: u64 = 100_000_000;
/// How many messages a receive takes at most.
const RECEIVED: usize = 500;

/// Tasks that each publish a message, await it, and again.
pub(crate) async fn singles(url: Url, tasks: usize) -> Outcome<f64> {
    let broker = glmsg::connect(url).await?;
    let topic = create_topic(&broker).await?;
    let rate = publish(tasks, |mut turn| {
        let (broker, topic) = (broker.clone(), topic.clone());
        async move {
            while turn.goes_on() {
                broker.send(message(&topic, turn.count)?).await?;
                turn.count += 1;
            }
            Ok(turn)
        }
    })
    .await?;
    broker.close().await?;
    Ok(rate)
}

/// One task that publishes by batches.
pub(crate) async fn batches(url: Url) -> Outcome<f64> {
    let broker = glmsg::connect(url).await?;
    let topic = create_topic(&broker).await?;
    let rate = publish(1, |mut turn| {
        let (broker, topic) = (broker.clone(), topic.clone());
        async move {
            while turn.goes_on() {
                publish_batch(&broker, &topic, turn.count).await?;
                turn.count += BATCH;
            }
            Ok(turn)
        }
    })
    .await?;
    broker.close().await?;
    Ok(rate)
}

/// One subscription; a batch is acked while the next is received.
pub(crate) async fn consume(url: Url) -> Outcome<f64> {
    let broker = glmsg::connect(url).await?;
    let topic = create_topic(&broker).await?;
    let mut number = 0;
    while number < CONSUMED {
        publish_batch(&broker, &topic, number).await?;
        number += BATCH;
    }
    let options = SubscribeOptions::new(STREAM, GROUP)?.start(StartFrom::Earliest);
    let mut subscription = broker.subscribe(options).await?;
    let consumer = tokio::spawn(async move {
        let mut taken = Taken::default();
        let mut done = Vec::new();
        while !taken.is_all() {
            let acked = Delivery::ack_all(std::mem::take(&mut done));
            let (acked, received) = tokio::join!(acked, subscription.recv_batch(RECEIVED));
            acked?;
            let received = received?;
            for delivery in &received {
                taken.take(delivery.message().payload())?;
            }
            done = received;
        }
        Delivery::ack_all(done).await?;
        subscription.close().await?;
        taken.rate()
    });
    let rate = consumer.await??;
    broker.close().await?;
    Ok(rate)
}

/// Messages at an even pace, to a handler.
pub(crate) async fn latency(url: Url) -> Outcome<Vec<f64>> {
    let broker = glmsg::connect(url).await?;
    let topic = create_topic(&broker).await?;
    let (arrivals, mut arrived) = unbounded_channel();
    let consumer = Consumer::new(broker.clone(), STREAM, GROUP)
        .start(move |incoming: Incoming| {
            // A failure shows by the message that never comes.
            if let Some(number) = number(incoming.payload()) {
                let _ = arrivals.send((number, Instant::now()));
            }
            async { Ok(()) }
        })
        .await?;
    broker.send(message(&topic, FIRST)?).await?;
    first(&mut arrived).await?;
    let quantiles = pace(arrived, |number| {
        let (broker, topic) = (broker.clone(), topic.clone());
        async move {
            broker.send(message(&topic, number)?).await?;
            Ok(())
        }
    })
    .await?;
    consumer.shutdown().await?;
    broker.close().await?;
    Ok(quantiles)
}

async fn create_topic(broker: &Arc<dyn Broker>) -> Outcome<TopicName> {
    let topic = TopicName::new(STREAM)?;
    let config = TopicConfig::default().max_len(MAX_LEN);
    broker.create_topic(&topic, &config).await?;
    Ok(topic)
}

fn message(topic: &TopicName, number: u64) -> Outcome<Message> {
    Ok(Message::new(
        topic,
        Bytes::copy_from_slice(&payload(number)),
    )?)
}

async fn publish_batch(broker: &Arc<dyn Broker>, topic: &TopicName, first: u64) -> Outcome<()> {
    let numbers = first..first + BATCH;
    let messages: Outcome<Vec<_>> = numbers.map(|number| message(topic, number)).collect();
    for published in broker.publish(&messages?).await? {
        if !matches!(published, Published::Stored) {
            return Err("a message was not stored".into());
        }
    }
    Ok(())
}

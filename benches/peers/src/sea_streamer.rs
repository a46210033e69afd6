//! sea-streamer, on its defaults, and with larger reads.

use sea_streamer_redis::{
    AutoCommit, AutoStreamReset, RedisConsumerOptions, RedisProducer, RedisStreamer,
};
use sea_streamer_types::{
    Buffer as _, Consumer as _, ConsumerGroup, ConsumerMode, ConsumerOptions as _, Message as _,
    Producer as _, StreamKey, Streamer as _,
};

use crate::sample::{BATCH, GROUP, STREAM, payload};
use crate::turn::{CONSUMED, Taken, publish};
use crate::{Outcome, Url};

/// Tasks that each publish a message, await it, and again.
pub(crate) async fn singles(url: Url, tasks: usize) -> Outcome<f64> {
    let producer = producer(url).await?;
    let rate = publish(tasks, |mut turn| {
        let producer = producer.clone();
        async move {
            while turn.goes_on() {
                producer.send(&payload(turn.count)[..])?.await?;
                turn.count += 1;
            }
            Ok(turn)
        }
    })
    .await?;
    producer.end().await?;
    Ok(rate)
}

/// One task that publishes as many as a batch, and awaits them all.
pub(crate) async fn batches(url: Url) -> Outcome<f64> {
    let producer = producer(url).await?;
    let rate = publish(1, |mut turn| {
        let producer = producer.clone();
        async move {
            while turn.goes_on() {
                publish_batch(&producer, turn.count).await?;
                turn.count += BATCH;
            }
            Ok(turn)
        }
    })
    .await?;
    producer.end().await?;
    Ok(rate)
}

/// One consumer of a group that acks each message; `read` is how many a read takes, if not the default.
pub(crate) async fn consume(url: Url, read: Option<usize>) -> Outcome<f64> {
    let producer = producer(url).await?;
    let mut number = 0;
    while number < CONSUMED {
        publish_batch(&producer, number).await?;
        number += BATCH;
    }
    producer.end().await?;

    let mut options = RedisConsumerOptions::new(ConsumerMode::LoadBalanced);
    options.set_consumer_group(ConsumerGroup::new(GROUP))?;
    // Acks go out now and then while messages are taken, as they do with the others.
    options.set_auto_commit(AutoCommit::Rolling);
    options.set_auto_stream_reset(AutoStreamReset::Earliest);
    if let Some(read) = read {
        options.set_batch_size(read);
    }
    let streamer = RedisStreamer::connect(url.parse()?, Default::default()).await?;
    let streams = [StreamKey::new(STREAM)?];
    let consumer = streamer.create_consumer(&streams, options).await?;
    let consumed = tokio::spawn(async move {
        let mut taken = Taken::default();
        while !taken.is_all() {
            let message = consumer.next().await?;
            taken.take(message.message().as_bytes())?;
            consumer.ack(&message)?;
        }
        consumer.end().await?;
        taken.rate()
    });
    consumed.await?
}

async fn producer(url: Url) -> Outcome<RedisProducer> {
    let streamer = RedisStreamer::connect(url.parse()?, Default::default()).await?;
    let stream = StreamKey::new(STREAM)?;
    Ok(streamer.create_producer(stream, Default::default()).await?)
}

async fn publish_batch(producer: &RedisProducer, first: u64) -> Outcome<()> {
    let mut sent = Vec::new();
    for number in first..first + BATCH {
        sent.push(producer.send(&payload(number)[..])?);
    }
    for receipt in sent {
        receipt.await?;
    }
    Ok(())
}

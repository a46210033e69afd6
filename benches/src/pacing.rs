//! A steady flow of single durable messages, and how long each is under way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use glmsg::{Broker, BrokerExt, Consumer, Incoming, TopicName};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::outcome::must_equal;
use crate::store::Store;
use crate::{Latencies, Measured, Outcome, Stopwatch, sample};

/// A `flow` through a SQLite store.
///
/// # Errors
/// If a message is refused, is missing or comes twice.
pub async fn paced(per_second: u64, seconds: u64) -> Outcome<Measured> {
    let store = Store::open().await?;
    let (broker, topic) = (&store.broker, &store.topic);
    let measured = flow(broker, topic, per_second, seconds, Stopwatch::start).await?;
    store.must_hold(per_second * seconds + 1).await?;
    store.must_be_consumed().await?;
    store.broker.close().await?;
    Ok(measured)
}

/// Publishes `per_second` messages a second, evenly, for `seconds`, to a [`Consumer`] on its
/// defaults. Each publish is a task of its own: a slow one holds up no other, so the flow does not
/// slow down with the store.
pub(crate) async fn flow(
    broker: &Arc<dyn Broker>,
    topic: &TopicName,
    per_second: u64,
    seconds: u64,
    start: impl FnOnce() -> Stopwatch,
) -> Outcome<Measured> {
    let count = per_second * seconds;
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let consumer = Consumer::new(broker.clone(), sample::TOPIC, sample::GROUP)
        .start(move |incoming: Incoming| {
            // The receiver is gone only when the measurement has failed.
            let _ = arrived.send((sample::number(incoming.payload()), Instant::now()));
            async { Ok(()) }
        })
        .await?;
    // The one before the time runs says that the consumer has joined.
    broker.send(sample::message(topic, count)?).await?;
    arrivals.recv().await.ok_or("nothing came")?;
    let collector = tokio::spawn(collect(arrivals, count));
    let watch = start();
    let publish = |number| {
        let (broker, topic) = (broker.clone(), topic.clone());
        async move {
            let message = sample::message(&topic, number)?;
            Outcome::Ok(broker.send(message).await?)
        }
    };
    let published = evenly(per_second, count, publish).await?;
    let arrivals = collector.await??;
    let mut measured = watch.stop(count);
    measured.latencies = Latencies::of(under_way(&published, &arrivals)?);
    consumer.shutdown().await?;
    Ok(measured)
}

/// Spawns `publish` for each number up to `count`, so many a second, and returns when each was
/// called once all have ended.
pub(crate) async fn evenly<F>(
    per_second: u64,
    count: u64,
    publish: impl Fn(u64) -> F,
) -> Outcome<Vec<Instant>>
where
    F: Future<Output = Outcome<()>> + Send + 'static,
{
    let mut ticks = interval(Duration::from_secs(1) / u32::try_from(per_second)?);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut called, mut publishers) = (Vec::new(), JoinSet::new());
    for number in 0..count {
        ticks.tick().await;
        called.push(Instant::now());
        publishers.spawn(publish(number));
    }
    while let Some(ended) = publishers.join_next().await {
        ended??;
    }
    Ok(called)
}

/// What arrived, and when.
pub(crate) type Arrival = (Option<u64>, Instant);

/// Waits for `count` arrivals, but not for ever: a lost message is to be an error.
pub(crate) async fn collect(
    mut arrivals: mpsc::UnboundedReceiver<Arrival>,
    count: u64,
) -> Outcome<Vec<Arrival>> {
    let mut all = Vec::new();
    while (all.len() as u64) < count {
        match tokio::time::timeout(Duration::from_secs(30), arrivals.recv()).await {
            Ok(Some(arrival)) => all.push(arrival),
            _ => return Err(format!("only {} of {count} messages came", all.len()).into()),
        }
    }
    Ok(all)
}

/// How long each message was under way. Every one must have come once.
pub(crate) fn under_way(published: &[Instant], arrivals: &[Arrival]) -> Outcome<Vec<Duration>> {
    let mut seen = vec![false; published.len()];
    let mut all = Vec::with_capacity(arrivals.len());
    for (number, at) in arrivals {
        let index = usize::try_from(number.ok_or("a payload came without its number")?)?;
        let called = published
            .get(index)
            .ok_or("a message came that was not published")?;
        if std::mem::replace(&mut seen[index], true) {
            return Err(format!("message {index} came twice").into());
        }
        all.push(at.saturating_duration_since(*called));
    }
    must_equal(
        "messages that came",
        all.len() as u64,
        published.len() as u64,
    )?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_comes_twice_or_not_at_all_is_a_failure() {
        let now = Instant::now();
        let later = now + Duration::from_millis(2);
        let under_way = |arrivals: &[Arrival]| under_way(&[now, now], arrivals);
        let both = [(Some(1), later), (Some(0), now)];
        assert_eq!(
            under_way(&both).unwrap(),
            [Duration::from_millis(2), Duration::ZERO]
        );
        assert!(under_way(&[both[0], both[0]]).is_err());
        assert!(under_way(&both[..1]).is_err());
        assert!(under_way(&[both[0], (Some(2), now)]).is_err());
        assert!(under_way(&[both[0], (None, now)]).is_err());
    }
}

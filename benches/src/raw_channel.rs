//! The raw twin of the memory broker: a channel of tokio.

use glmsg::TopicName;
use tokio::sync::mpsc;

use crate::counting::Counter;
use crate::{Measured, Outcome, Stopwatch, sample};

/// The bound of a topic of the memory broker on its defaults.
const BOUND: usize = 100_000;

/// One task builds and sends `count` messages, another takes them, up to 256 at a time.
///
/// # Errors
/// If a message is lost.
pub async fn raw_channel(count: u64) -> Outcome<Measured> {
    let topic = TopicName::new(sample::TOPIC)?;
    let counter = Counter::new(count);
    let counting = counter.clone();
    let (sender, mut receiver) = mpsc::channel(BOUND);
    let watch = Stopwatch::start();
    let handler = tokio::spawn(async move {
        let mut buf = Vec::new();
        while receiver.recv_many(&mut buf, 256).await > 0 {
            buf.drain(..).for_each(|_| counting.count());
        }
    });
    let publisher = tokio::spawn(async move {
        for number in 0..count {
            sender.send(sample::message(&topic, number)?).await?;
        }
        Outcome::Ok(())
    });
    counter.complete().await;
    let measured = watch.stop(count);
    publisher.await??;
    handler.await?;
    Ok(measured)
}

//! The tests that `docs/guides/testing.md` shows, with a plain loop in the consumer's place.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use glmsg_broker::{Broker, Nack, Settler, Source, SubscribeOptions};
use glmsg_core::{ManualClock, Message, Result};
use glmsg_memory::{MemoryBroker, MemoryConfig};

/// A bank that is closed for the first two calls.
#[derive(Default)]
struct Bank {
    calls: AtomicU32,
}

impl Bank {
    fn charge(&self) -> std::io::Result<()> {
        match self.calls.fetch_add(1, Relaxed) {
            0 | 1 => Err(std::io::Error::other("the bank is closed")),
            _ => Ok(()),
        }
    }
}

/// One worker, retries at once, after 1 s and after 2 s.
async fn consume(broker: Arc<dyn Broker>, bank: Arc<Bank>) -> Result<()> {
    let options = SubscribeOptions::new("payments", "bank")?;
    let mut source = broker.open_source(&options).await?;
    let settler = source.settler();
    loop {
        let mut buf = Vec::new();
        source.recv(&mut buf, 1).await?;
        for delivery in buf {
            if let Err(error) = bank.charge() {
                let delay = Duration::from_secs(u64::from(delivery.attempt - 1));
                let nack = Nack::retry(delivery.token, delay, &error.to_string());
                settler.nack(&[nack]).await?;
            } else {
                settler.ack(&[delivery.token]).await?;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_payment_is_tried_again_until_the_bank_answers() -> Result<()> {
    let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::default());
    let bank = Arc::new(Bank::default());
    let consumer = tokio::spawn(consume(broker.clone(), bank.clone()));

    let payment = Message::builder("payments")
        .payload("order 17")
        .delay(Duration::from_secs(3600));
    broker.publish(&[payment.build()?]).await?;

    tokio::time::sleep(Duration::from_secs(3500)).await;
    assert_eq!(bank.calls.load(Relaxed), 0, "it is not due");
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_eq!(bank.calls.load(Relaxed), 3, "two failures, one success");

    let lag = broker
        .lag(&"payments".try_into()?, &"bank".try_into()?)
        .await?;
    assert_eq!((lag.total(), lag.dead_letters), (0, 0));
    consumer.abort();
    Ok(())
}

#[tokio::test]
async fn a_worker_that_crashes_costs_one_lease() -> Result<()> {
    let clock = ManualClock::new("2026-01-01T00:00:00Z".parse()?);
    let config = MemoryConfig::default().clock(clock.clone());
    let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::new(config));

    let options = SubscribeOptions::new("payments", "bank")?.lease(Duration::from_secs(30));
    let mut crashing = broker.open_source(&options).await?;
    let mut surviving = broker.open_source(&options).await?;
    broker
        .publish(&[Message::new("payments", "order 17")?])
        .await?;

    let mut lost = Vec::new();
    crashing.recv(&mut lost, 1).await?;
    drop(crashing);

    clock.advance(Duration::from_secs(30));
    let mut again = Vec::new();
    surviving.recv(&mut again, 1).await?;
    assert_eq!(again[0].attempt, 2);
    surviving.settler().ack(&[again[0].token]).await?;

    let lag = broker
        .lag(&"payments".try_into()?, &"bank".try_into()?)
        .await?;
    assert_eq!(lag.total(), 0);
    Ok(())
}

//! A listing of `docs/guides/testing.md`.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use glmsg::memory::MemoryBroker;
use glmsg::prelude::*;

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

#[tokio::test(start_paused = true)]
async fn a_payment_is_tried_again_until_the_bank_answers() -> glmsg::Result<()> {
    let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::default());
    let bank = Arc::new(Bank::default());
    let called = bank.clone();
    let consumer = Consumer::new(broker.clone(), "payments", "bank")
        .workers(4)
        .start(move |_payment| {
            let bank = called.clone();
            async move {
                bank.charge()?;
                Ok(())
            }
        })
        .await?;

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
    consumer.shutdown().await?;
    Ok(())
}

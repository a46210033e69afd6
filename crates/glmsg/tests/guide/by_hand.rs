//! A listing of `docs/guides/testing.md`.

use std::sync::Arc;
use std::time::Duration;

use glmsg::memory::{MemoryBroker, MemoryConfig};
use glmsg::{Broker, ManualClock, Message, Result, Settler, Source, SubscribeOptions};

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

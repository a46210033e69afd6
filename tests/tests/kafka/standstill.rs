//! A group whose handlers wait for ever, and what health says of it.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Broker, Consumer, Health, HealthStatus, Incoming, Published};
use glmsg_conformance::Fixture as _;
use glmsg_core::{Message, TopicName};
use glmsg_kafka::{KafkaBroker, KafkaConfig};
use glmsg_tests::Kafka;
use tokio::sync::Semaphore;

/// As long as the handlers of a group wait while messages come, health is bad and says which group
/// it is; when they go on, it is good again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_stands_still_is_unhealthy_until_it_goes_on() {
    let fixture = Kafka::new().await;
    let url = format!("{}&stalled_after_ms=1000", fixture.url());
    let config = KafkaConfig::from_url(&url).expect("a valid URL");
    let opened = KafkaBroker::open(config).await.expect("opens");
    let broker: Arc<dyn Broker> = Arc::new(opened);
    publish(&broker).await;
    let idle = broker.health().await;
    assert_eq!(idle.status, HealthStatus::Healthy, "no group: {idle:?}");
    let gate = Arc::new(Semaphore::new(0));
    let held = gate.clone();
    let handler = move |_: Incoming| {
        let held = held.clone();
        async move {
            let _pass = held.acquire().await?;
            Ok(())
        }
    };
    let consumer = Consumer::new(broker.clone(), "t", "g").start(handler);
    let consumer = consumer.await.expect("starts");
    let bad = until(&broker, HealthStatus::Unhealthy).await;
    let problem = bad.problem.expect("it says what is wrong");
    assert!(
        problem.contains("`g`") && problem.contains("`t`"),
        "{problem}"
    );
    gate.add_permits(1);
    let good = until(&broker, HealthStatus::Healthy).await;
    assert_eq!(good.problem, None);
    let lag = good.details.iter().find(|(name, _)| *name == "lag");
    assert!(lag.is_some(), "{good:?}");
    consumer.shutdown().await.expect("drains");
}

async fn publish(broker: &Arc<dyn Broker>) {
    let topic = TopicName::new("t").expect("a valid name");
    let message = Message::new(&topic, "x").expect("a valid message");
    let outcome = broker.publish(&[message]).await.expect("an outcome");
    assert!(matches!(outcome[0], Published::Stored), "{outcome:?}");
}

/// Publishes on until health is like this.
async fn until(broker: &Arc<dyn Broker>, status: HealthStatus) -> Health {
    let asking = async {
        loop {
            publish(broker).await;
            let health = broker.health().await;
            if health.status == status {
                return health;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let asked = tokio::time::timeout(Duration::from_secs(60), asking).await;
    asked.unwrap_or_else(|_| panic!("waited 60 s in vain for health to be {status}"))
}

//! The rules of the delivery model, one by one.

use glmsg_broker::{Backend, Settled, Settler, Source, SubscribeOptions};
use glmsg_core::Message;
use glmsg_memory::MemoryBroker;

#[tokio::test]
async fn smoke() {
    let broker = MemoryBroker::default();
    let options = SubscribeOptions::new("t", "g").unwrap();
    let mut source = broker.subscribe(&options).await.unwrap();
    broker
        .publish(&[Message::new("t", "a").unwrap()])
        .await
        .unwrap();
    let mut buf = Vec::new();
    source.recv(&mut buf, 10).await.unwrap();
    let settled = source.settler().ack(&[buf[0].token]).await.unwrap();
    assert_eq!(settled, [Settled::Acked]);
}

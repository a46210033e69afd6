//! Live subscriptions: lossy, and only where the backend has them.

use glmsg_conformance::Fixture;
use glmsg_core::{ErrorKind, Message};
use glmsg_patterns::pub_sub::PubSub;

use super::PATIENCE;

/// What is announced is heard by who listens; elsewhere it is refused with a typed error.
pub(crate) async fn live_is_heard_or_refused<F: Fixture>(f: F) {
    let bus = PubSub::new(f.broker().await);
    let message = || Message::builder("orders.eu").payload("4711");
    let listening = bus.listen("orders.*").await;
    if !F::capability().live {
        let refused = listening.expect_err("this backend has no live subscriptions");
        assert_eq!(refused.kind(), ErrorKind::Unsupported);
        let refused = bus.announce(message()).await;
        let refused = refused.expect_err("this backend announces nothing");
        assert_eq!(refused.kind(), ErrorKind::Unsupported);
        return;
    }
    let mut live = listening.expect("it listens");
    let id = bus.announce(message()).await.expect("it is announced");
    let heard = tokio::time::timeout(PATIENCE, live.recv()).await;
    let heard = heard.expect("something is heard").expect("no error");
    assert_eq!(heard.into_message().map(|m| m.id()), Some(id));
}

//! A station at which everything happens that is counted, again and again.

use std::sync::Arc;
use std::time::Duration;

use glmsg::metrics::{BreakerState, Scaler};
use glmsg::{Broker, ConsumerHandle, GroupConfig, GroupName, Message, TopicConfig, TopicName};
use glmsg_patterns::circuit_breaker::{CircuitBreaker, CircuitState};
use tokio::task::JoinHandle;

use crate::station::{
    FAILS_ALWAYS, FAILS_ONCE, IS_GIVEN_BACK, IS_GOOD, IS_REFUSED, Station, messages,
};

/// The topic that takes no more.
pub(crate) const FULL: &str = "full";

pub(crate) struct Busy {
    pub(crate) station: Station,
    breaker: CircuitBreaker,
    feed: JoinHandle<()>,
    /// Shows what the breaker does.
    gauge: JoinHandle<()>,
    _consumer: Arc<ConsumerHandle>,
    _scaler: Scaler,
}

impl Busy {
    pub(crate) async fn start() -> Self {
        let station = Station::open().await;
        let consumer = Arc::new(station.consumer().await);
        let scaled = consumer.clone();
        let (broker, layer) = (station.broker.clone(), &station.layer);
        let scaler = Scaler::builder(layer, broker.clone(), &station.topic, &station.group)
            .bounds(1..=4)
            .interval(Duration::from_millis(200))
            .start(move |workers| scaled.set_workers(workers));

        let breaker = CircuitBreaker::builder("payments").failure_threshold(2);
        let breaker = breaker.build().unwrap();
        let (mut states, gauge) = (breaker.watch(), layer.breaker("payments"));
        let gauge = tokio::spawn(async move {
            while states.changed().await.is_ok() {
                gauge.set(match *states.borrow_and_update() {
                    CircuitState::Closed => BreakerState::Closed,
                    CircuitState::HalfOpen => BreakerState::HalfOpen,
                    CircuitState::Open => BreakerState::Open,
                });
            }
        });

        let full = TopicName::new(FULL).unwrap();
        let nobody = GroupName::new("nobody").unwrap();
        let config = TopicConfig::default().max_len(10);
        broker.create_topic(&full, &config).await.unwrap();
        let group = GroupConfig::default();
        broker.create_group(&full, &nobody, &group).await.unwrap();
        let feed = tokio::spawn(feed(broker, station.topic.clone(), full));
        Self {
            station,
            breaker,
            feed,
            gauge,
            _consumer: consumer,
            _scaler: scaler.unwrap(),
        }
    }

    /// What the breaker guards is down: it opens.
    pub(crate) async fn lose_payments(&self) {
        for _ in 0..2 {
            let call = self.breaker.call(|| async { Err::<(), _>("no answer") });
            call.await.unwrap_err();
        }
        assert_eq!(self.breaker.state(), CircuitState::Open);
    }

    /// Nothing more is published, and what the breaker guards is back.
    pub(crate) fn calm_down(&self) {
        self.feed.abort();
        self.breaker.reset();
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.feed.abort();
        self.gauge.abort();
    }
}

/// Publishes some of each kind, the same once more, and to the topic that is full.
async fn feed(broker: Arc<dyn Broker>, topic: TopicName, full: TopicName) {
    let kinds = [
        (FAILS_ONCE, 2),
        (FAILS_ALWAYS, 1),
        (IS_REFUSED, 1),
        (IS_GIVEN_BACK, 2),
        (IS_GOOD, 20),
    ];
    let mut beat = tokio::time::interval(Duration::from_millis(100));
    loop {
        beat.tick().await;
        let batch: Vec<Message> = kinds
            .iter()
            .flat_map(|(kind, count)| messages(&topic, kind, *count))
            .collect();
        for _ in 0..2 {
            for outcome in broker.publish(&batch).await.unwrap() {
                outcome.into_result().unwrap();
            }
        }
        broker.publish(&messages(&full, IS_GOOD, 5)).await.unwrap();
    }
}

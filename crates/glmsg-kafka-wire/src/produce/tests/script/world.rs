//! What the brokers of a script have in common: their topic, and what a test has them do.

mod obey;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    InitProducerIdResponse, MetadataRequest, MetadataResponse, ProduceRequest, ProduceResponse,
};
use kafka_protocol::protocol::StrBytes;
use tokio::sync::Notify;

use super::act::{Act, Gate};
use super::log::{Log, Sent};

/// The topic there is.
pub(in crate::produce::tests) const TOPIC: &str = "flights";

type Rule = Box<dyn FnMut(&mut Inner, &[Sent]) -> Act + Send>;

/// What the brokers of a script have in common.
pub(in crate::produce::tests) struct World {
    inner: Mutex<Inner>,
    /// What is done when there is no plan.
    rule: Mutex<Option<Rule>>,
    news: Notify,
}

#[derive(Default)]
pub(in crate::produce::tests) struct Inner {
    pub(super) addresses: Vec<SocketAddr>,
    /// The leaders of the partitions, and the code of the topic.
    pub(in crate::produce::tests) leaders: Vec<i32>,
    pub(in crate::produce::tests) code: i16,
    /// What is done with the next requests.
    plan: VecDeque<Act>,
    /// How many connections a broker turns away.
    turned_away: HashMap<i32, usize>,
    logs: HashMap<i32, Log>,
    pub(in crate::produce::tests) sent: Vec<Sent>,
    /// How many requests to store have come.
    pub(in crate::produce::tests) arrived: usize,
    /// What a producer is told that asks for a number: code, number, epoch.
    pub(in crate::produce::tests) identity: (i16, i64, i16),
    pub(in crate::produce::tests) identified: usize,
    /// How often leaders were asked for.
    pub(in crate::produce::tests) asked: usize,
    /// The largest batch that is taken.
    pub(in crate::produce::tests) most: usize,
}

impl World {
    pub(super) fn new(leaders: &[i32]) -> Arc<Self> {
        let inner = Inner {
            leaders: leaders.to_vec(),
            identity: (0, 1000, 0),
            most: usize::MAX,
            ..Inner::default()
        };
        Arc::new(Self {
            inner: Mutex::new(inner),
            rule: Mutex::default(),
            news: Notify::new(),
        })
    }

    pub(in crate::produce::tests) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Does this with the next requests to store, one after the other.
    pub(in crate::produce::tests) fn then(&self, acts: impl IntoIterator<Item = Act>) {
        self.inner().plan.extend(acts);
    }

    /// Has the next request to store wait.
    pub(in crate::produce::tests) fn hold(&self, act: Act) -> Gate {
        let (gate, act) = Gate::before(act);
        self.then([act]);
        gate
    }

    /// Does this when there is no plan.
    pub(in crate::produce::tests) fn rule(
        &self,
        rule: impl FnMut(&mut Inner, &[Sent]) -> Act + Send + 'static,
    ) {
        *self.rule.lock().unwrap() = Some(Box::new(rule));
    }

    /// Leads a partition by another broker.
    pub(in crate::produce::tests) fn lead(&self, partition: usize, node: i32) {
        self.inner().leaders[partition] = node;
    }

    /// Has a broker hang up on the next connections.
    pub(in crate::produce::tests) fn turn_away(&self, node: i32, count: usize) {
        self.inner().turned_away.insert(node, count);
    }

    /// What a partition has.
    pub(in crate::produce::tests) fn stored(&self, partition: i32) -> Vec<String> {
        let inner = self.inner();
        let log = inner.logs.get(&partition);
        log.map_or_else(Vec::new, |log| log.values.clone())
    }

    /// All batches that came.
    pub(in crate::produce::tests) fn sent(&self) -> Vec<Sent> {
        self.inner().sent.clone()
    }

    /// Waits until something is so.
    pub(in crate::produce::tests) async fn until(
        &self,
        what: &str,
        is_so: impl Fn(&Inner) -> bool,
    ) {
        let waiting = async {
            loop {
                let news = self.news.notified();
                if is_so(&self.inner()) {
                    return;
                }
                news.await;
            }
        };
        let done = tokio::time::timeout(super::super::LONG, waiting).await;
        done.unwrap_or_else(|_| panic!("not within 30 s: {what}"));
    }

    /// Waits until so many requests to store have come.
    pub(in crate::produce::tests) async fn arrived(&self, count: usize) {
        self.until("requests come", |inner| inner.arrived >= count)
            .await;
    }

    pub(super) fn turns_away(&self, node: i32) -> bool {
        let mut inner = self.inner();
        let left = inner.turned_away.entry(node).or_default();
        let turns_away = *left > 0;
        *left = left.saturating_sub(1);
        drop(inner);
        self.news.notify_waiters();
        turns_away
    }

    pub(super) fn identify(&self) -> InitProducerIdResponse {
        let mut inner = self.inner();
        inner.identified += 1;
        let (code, number, epoch) = inner.identity;
        if code == 0 {
            inner.identity.1 += 1;
        }
        drop(inner);
        self.news.notify_waiters();
        InitProducerIdResponse::default()
            .with_error_code(code)
            .with_producer_id(number.into())
            .with_producer_epoch(epoch)
    }

    pub(super) fn metadata(&self, request: &MetadataRequest) -> MetadataResponse {
        let mut inner = self.inner();
        inner.asked += 1;
        let brokers = inner.addresses.iter().zip(0..).map(|(address, node)| {
            MetadataResponseBroker::default()
                .with_node_id(node.into())
                .with_host(StrBytes::from_string(address.ip().to_string()))
                .with_port(address.port().into())
        });
        let topics = request.topics.iter().flatten().map(|topic| {
            let name = topic.name.clone().unwrap();
            let (code, leaders) = match (name.as_str(), inner.code) {
                (TOPIC, 0) => (0, inner.leaders.as_slice()),
                (TOPIC, code) => (code, &[][..]),
                _ => (3, &[][..]),
            };
            let partitions = leaders.iter().zip(0..).map(|(leader, partition)| {
                MetadataResponsePartition::default()
                    .with_partition_index(partition)
                    .with_leader_id((*leader).into())
            });
            MetadataResponseTopic::default()
                .with_name(Some(name))
                .with_error_code(code)
                .with_partitions(partitions.collect())
        });
        let response = MetadataResponse::default()
            .with_brokers(brokers.collect())
            .with_topics(topics.collect());
        drop(inner);
        self.news.notify_waiters();
        response
    }

    /// Does with a request what a test has it do. None to hang up.
    pub(super) async fn produce(
        &self,
        node: i32,
        connection: u64,
        request: &ProduceRequest,
    ) -> Option<ProduceResponse> {
        assert_eq!(request.acks, -1);
        let topics = request.topic_data.iter();
        let partitions = topics.flat_map(|topic| {
            assert_eq!(topic.name.as_str(), TOPIC);
            &topic.partition_data
        });
        let batches = partitions.map(|data| {
            let bytes = data.records.clone().unwrap();
            Sent::read(node, connection, data.index, bytes)
        });
        let batches: Vec<_> = batches.collect();
        let mut act = self.next(&batches);
        self.news.notify_waiters();
        while let Act::Wait(opened, behind) = act {
            let _ = opened.await;
            act = *behind;
        }
        let answer = self.inner().obey(&act, batches);
        self.news.notify_waiters();
        match act {
            Act::HangUp { .. } => None,
            Act::KeepSilent { .. } => std::future::pending().await,
            _ => Some(answer),
        }
    }

    fn next(&self, batches: &[Sent]) -> Act {
        let mut inner = self.inner();
        inner.arrived += 1;
        if let Some(act) = inner.plan.pop_front() {
            return act;
        }
        let mut rule = self.rule.lock().unwrap();
        rule.as_mut()
            .map_or(Act::Store, |rule| rule(&mut inner, batches))
    }
}

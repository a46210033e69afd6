#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod backend;
mod backoff;
mod broker;
mod capability;
mod consumer;
mod dead_letters;
mod doctor;
mod ext;
mod frames;
mod group;
mod handler;
mod health;
mod lag;
mod lanes;
mod layer;
mod live;
mod metered;
mod metrics;
mod observer;
mod options;
mod publish;
mod replay;
mod retry;
mod settle;
mod storage;
mod subscription;
mod topic;

pub use backend::{Backend, Intake, Received, Settler, Source};
pub use broker::{BoxFuture, BoxSettler, BoxSource, Broker};
pub use capability::{Capability, Durability};
pub use consumer::{
    Consumer, ConsumerBuilder, ConsumerHandle, ConsumerReport, ConsumerStats, Gate,
};
pub use dead_letters::{DeadLetterQuery, DeadLetterSelector, Page, PageToken};
pub use doctor::{Finding, Severity};
pub use ext::BrokerExt;
pub use frames::Frames;
pub use group::{GroupConfig, GroupInfo, MemberInfo, Ordering, StartFrom};
pub use handler::{Handler, HandlerError, Incoming};
pub use health::{Health, HealthStatus};
pub use lag::Lag;
pub use lanes::LanePicker;
pub use layer::Layer;
pub use live::{
    BoxLiveSource, LiveEvent, LiveOptions, LiveReceiver, LiveSender, LiveSource, LiveSubscription,
    live_channel,
};
pub use metered::MetricsLayer;
pub use metrics::{
    BrokerMetrics, Handling, HandlingObserver, HandlingRecorder, Latency, MetricsSnapshot,
};
pub use observer::{AttemptEnd, Observed, Observer};
pub use options::SubscribeOptions;
pub use publish::Published;
pub use replay::{Position, ReplayQuery, Stored, StoredError};
pub use retry::{RetryPolicy, Verdict};
pub use settle::{Nack, Requeue, Settled, Token};
pub use storage::{
    BoxStorage, Change, Expected, KeyPrefix, MAX_APPEND, MAX_APPEND_BYTES, NoStorage, Record,
    Storage, StorageKey, Value, check_append, check_put,
};
pub use subscription::{Delivery, Subscription};
pub use topic::{Overflow, TopicConfig, TopicInfo};

pub use tokio_util::sync::CancellationToken;

#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod backend;
mod broker;
mod capability;
mod dead_letters;
mod group;
mod health;
mod lag;
mod lanes;
mod layer;
mod metrics;
mod options;
mod publish;
mod replay;
mod settle;
mod topic;

pub use backend::{Backend, Intake, Received, Settler, Source};
pub use broker::{BoxFuture, BoxSettler, BoxSource, Broker};
pub use capability::{Capability, Durability};
pub use dead_letters::{DeadLetterQuery, DeadLetterSelector, Page, PageToken};
pub use group::{GroupConfig, GroupInfo, MemberInfo, Ordering, StartFrom};
pub use health::{Health, HealthStatus};
pub use lag::Lag;
pub use lanes::LanePicker;
pub use layer::Layer;
pub use metrics::BrokerMetrics;
pub use options::SubscribeOptions;
pub use publish::Published;
pub use replay::{Position, ReplayQuery, Stored, StoredError};
pub use settle::{Nack, Requeue, Settled, Token};
pub use topic::{Overflow, TopicConfig, TopicInfo};

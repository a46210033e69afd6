//! What nearly every user of glmsg needs: `use glmsg::prelude::*;`.

pub use glmsg_broker::{
    Broker, BrokerExt, CancellationToken, Consumer, ConsumerHandle, Delivery, HandlerError,
    Incoming, Ordering as DeliveryOrdering, Requeue, RetryPolicy, StartFrom, SubscribeOptions,
    Subscription,
};
pub use glmsg_core::{ErrorKind, GroupName, Message, MessageId, Priority, TopicName};

pub use std::sync::Arc;

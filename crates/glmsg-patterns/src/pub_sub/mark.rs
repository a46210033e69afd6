//! The mark that a subscription has begun. It decides where groups of topics begin that are there
//! when it starts: a subscription that is new begins where it is told to; one that was there before
//! misses nothing that came while it was not running.

use std::sync::Arc;

use bytes::Bytes;
use glmsg_broker::{BoxStorage, Broker, Expected, Storage, StorageKey};
use glmsg_core::{ErrorKind, GroupName, Result, TopicPattern};

/// The key of a subscription's mark.
fn key(pattern: &TopicPattern, name: &GroupName) -> Result<StorageKey> {
    StorageKey::new(format!("pub-sub/{name}/{pattern}"))
}

/// Whether the subscription has begun before. Without storage it has if one of its topics has its
/// group.
pub(super) async fn has_begun(
    broker: &Arc<dyn Broker>,
    pattern: &TopicPattern,
    name: &GroupName,
) -> Result<bool> {
    if let Some(storage) = storage(broker).await? {
        let key = key(pattern, name)?;
        return Ok(storage.get(&key).await?.is_some());
    }
    for topic in broker.topic_names().await? {
        if !pattern.matches(&topic) {
            continue;
        }
        match broker.groups(&topic).await {
            Ok(groups) if groups.iter().any(|group| group.name == *name) => return Ok(true),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// From now on the subscription has begun.
pub(super) async fn set(
    broker: &Arc<dyn Broker>,
    pattern: &TopicPattern,
    name: &GroupName,
) -> Result<()> {
    if let Some(storage) = storage(broker).await? {
        let key = key(pattern, name)?;
        // One that is there already says the same.
        let begun = Expected::NOTHING;
        let _ = storage.put(&key, &Bytes::new(), begun, None).await?;
    }
    Ok(())
}

pub(super) async fn remove(
    broker: &Arc<dyn Broker>,
    pattern: &TopicPattern,
    name: &GroupName,
) -> Result<()> {
    if let Some(storage) = storage(broker).await? {
        let key = key(pattern, name)?;
        let _ = storage.remove(&key, Expected::Any).await?;
    }
    Ok(())
}

async fn storage(broker: &Arc<dyn Broker>) -> Result<Option<BoxStorage>> {
    match broker.capability().storage {
        true => broker.open_storage().await.map(Some),
        false => Ok(None),
    }
}

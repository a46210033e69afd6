//! Opening the broker that settings name.

use std::sync::Arc;

use glmsg_broker::Broker;
use glmsg_config::{Profile, Settings};
use glmsg_core::Result;

use crate::connect;

/// Opens the broker that `settings` name, by its address, as [`connect`] does.
///
/// With the profile `production` it is looked at first, as [`doctor`](crate::doctor) does, and one that loses
/// messages is refused: a server that keeps no log on its disk, or throws keys away.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use glmsg::config::Settings;
///
/// let settings = Settings::builder().set("broker_type", "memory")?.build()?;
/// let broker = glmsg::connect_with(&settings).await?;
/// assert_eq!(broker.name(), "memory");
/// # Ok::<(), glmsg::Error>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// As [`connect`], and `ConfigInvalid` for what the profile refuses.
pub async fn connect_with(settings: &Settings) -> Result<Arc<dyn Broker>> {
    let broker = connect(settings.broker().reveal()).await?;
    if settings.profile() != Profile::Production {
        return Ok(broker);
    }
    let checked = match broker.doctor().await {
        Ok(findings) => settings.check_findings(&findings),
        Err(error) => Err(error),
    };
    match checked {
        Ok(()) => Ok(broker),
        Err(error) => {
            // Nothing was stored: why it is refused matters more than how it closes.
            let _ = broker.close().await;
            Err(error)
        }
    }
}

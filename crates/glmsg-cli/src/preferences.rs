//! What commands do where their options do not say: from a file of settings and the environment,
//! where the build reads those.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use glmsg::{GroupName, RetryPolicy, StartFrom, TopicConfig};

#[cfg(feature = "config")]
use glmsg::config::{Settings, SettingsBuilder};

use crate::failure::Failure;

/// What commands do where their options do not say. It does not implement `Debug`: the address may
/// hold a password.
#[derive(Clone, Default)]
pub(crate) struct Preferences {
    /// The address, if one was given.
    pub(crate) broker: Option<String>,
    /// The group of a consumer.
    pub(crate) group: Option<GroupName>,
    /// Where a new group begins.
    pub(crate) start: Option<StartFrom>,
    /// How many messages a consumer takes ahead.
    pub(crate) prefetch: Option<usize>,
    /// How many commands run at the same time.
    pub(crate) workers: Option<u16>,
    /// How long a message is a consumer's.
    pub(crate) lease: Option<Duration>,
    /// How often a message is tried again.
    pub(crate) max_retries: Option<u16>,
    /// When a failed message is tried again.
    pub(crate) retry: RetryPolicy,
    /// The bounds of a topic that is created.
    pub(crate) topic: TopicConfig,
    /// Where a command that goes on serves metrics, if it does.
    pub(crate) metrics: Option<SocketAddr>,
    /// How often, where metrics are served, the broker's health is looked at.
    #[cfg(feature = "metrics")]
    pub(crate) health_interval: Option<Duration>,
    /// All that was said, for what is set up once for the process.
    #[cfg(feature = "config")]
    pub(crate) settings: Option<Settings>,
}

impl Preferences {
    /// Those of a command that reads no settings.
    pub(crate) fn of_broker(broker: Option<String>) -> Self {
        Self {
            // An empty variable is the usual way to unset one.
            broker: broker.filter(|url| !url.is_empty()),
            ..Self::default()
        }
    }

    /// The group that a command was given, else that of the settings.
    pub(crate) fn group(
        &self,
        given: Option<&GroupName>,
        command: &str,
    ) -> Result<GroupName, Failure> {
        given.or(self.group.as_ref()).cloned().ok_or_else(|| {
            Failure::usage(format!(
                "the group is not named: use --group, or consumer.group of the settings; \
                 see 'glmsg {command} --help'"
            ))
        })
    }

    /// Reads a file, the environment, and the address that the command line names.
    #[cfg(feature = "config")]
    pub(crate) fn load(broker: Option<&str>, file: Option<&Path>) -> Result<Self, Failure> {
        let settings = add(Settings::builder(), broker, file).and_then(SettingsBuilder::build);
        Ok(settings.map_err(|e| unsettled(&e))?.into())
    }

    /// The address that the command line names.
    #[cfg(not(feature = "config"))]
    pub(crate) fn load(broker: Option<&str>, _file: Option<&Path>) -> Result<Self, Failure> {
        Ok(Self::of_broker(broker.map(str::to_owned)))
    }
}

/// A file, the environment, and what the command line names over them.
#[cfg(feature = "config")]
pub(crate) fn add(
    mut builder: SettingsBuilder,
    broker: Option<&str>,
    file: Option<&Path>,
) -> glmsg::Result<SettingsBuilder> {
    if let Some(file) = file {
        builder = builder.file(file)?;
    }
    builder = builder.environment()?;
    // The option and the variable come as one; of the variable the settings know by themselves.
    let by_variable = std::env::var("GLMSG_BROKER").ok();
    match broker.filter(|url| !url.is_empty()) {
        Some(url) if by_variable.as_deref() != Some(url) => {
            builder.set_by("--broker", "broker", url)
        }
        _ => Ok(builder),
    }
}

/// Settings that make no sense are a usage error.
#[cfg(feature = "config")]
pub(crate) fn unsettled(error: &glmsg::Error) -> Failure {
    Failure::usage(error.to_string())
}

#[cfg(feature = "config")]
impl From<Settings> for Preferences {
    fn from(settings: Settings) -> Self {
        let said = |key: &str| settings.origin(key) != glmsg::config::Origin::Default;
        let (consumer, metrics) = (settings.consumer(), settings.metrics());
        Self {
            broker: settings
                .names_broker()
                .then(|| settings.broker().reveal().to_owned()),
            group: consumer.group.clone(),
            start: said("consumer.start").then(|| consumer.start.clone()),
            prefetch: said("consumer.prefetch").then_some(consumer.prefetch),
            workers: consumer.workers.and_then(|n| u16::try_from(n).ok()),
            lease: said("consumer.lease_ms").then_some(consumer.lease),
            max_retries: settings.max_retries(),
            retry: consumer.retry_policy(),
            topic: settings.topic().clone(),
            metrics: metrics.enabled.then_some(metrics.listen),
            #[cfg(feature = "metrics")]
            health_interval: Some(settings.health_interval()),
            settings: Some(settings),
        }
    }
}

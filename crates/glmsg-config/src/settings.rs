//! The settings themselves.

mod circuit_breaker;
mod consumer;
mod entry;
mod log;
mod metrics;
mod profile;
mod topic;
mod tracing;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Broker, Consumer, ConsumerBuilder, Finding, TopicConfig};
use glmsg_core::{Error, GroupName, Result, TopicName};

use crate::address;
use crate::fault::{Faults, refused};
use crate::given::{Assigned, Given};
use crate::schema::{self, Key};
use crate::{BrokerUrl, Origin, SettingsBuilder, Value, production};

pub use circuit_breaker::CircuitBreakerSettings;
pub use consumer::ConsumerSettings;
pub use entry::Entry;
pub use log::{LogFormat, LogLevel, LogSettings};
pub use metrics::MetricsSettings;
pub use profile::Profile;
pub use tracing::TracingSettings;

/// Settings that were checked, and know where each of them comes from. `Debug` shows no secret.
///
/// ```
/// use glmsg_config::{Format, SettingsBuilder};
///
/// let settings = SettingsBuilder::new()
///     .text("glmsg.yaml", Format::Yaml, "redis: { host: db, password: hush, batch_size: 10 }")?
///     .build()?;
/// assert_eq!(settings.consumer().prefetch, 10);
/// assert_eq!(settings.origin("consumer.prefetch").to_string(), "glmsg.yaml:1");
/// assert!(!format!("{settings:?}").contains("hush"));
/// # Ok::<(), glmsg_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Settings {
    given: Given,
    broker: BrokerUrl,
    profile: Profile,
    topic: TopicConfig,
    consumer: ConsumerSettings,
    circuit_breaker: Option<CircuitBreakerSettings>,
    metrics: MetricsSettings,
    log: LogSettings,
    tracing: TracingSettings,
    health_interval: Duration,
}

impl Settings {
    /// To put settings together.
    pub fn builder() -> SettingsBuilder {
        SettingsBuilder::new()
    }

    /// A file, if one is named, and the environment over it.
    ///
    /// # Errors
    /// As [`SettingsBuilder::file`], [`SettingsBuilder::environment`] and
    /// [`SettingsBuilder::build`].
    pub fn load(file: Option<&Path>) -> Result<Self> {
        let builder = Self::builder();
        let builder = match file {
            Some(file) => builder.file(file)?,
            None => builder,
        };
        builder.environment()?.build()
    }

    /// The settings, unless there are faults, found before or here.
    pub(crate) fn resolve(mut given: Given, mut faults: Faults) -> Result<Self, Faults> {
        if given.is_unread() {
            return Err(faults);
        }
        for (value, file) in [
            ("broker", "broker_file"),
            ("redis.password", "redis.password_file"),
            ("redis.sentinel_password", "redis.sentinel_password_file"),
            ("kafka.sasl_password", "kafka.sasl_password_file"),
        ] {
            faults.note(keep_one(&mut given, value, file));
        }
        let broker = address::resolve(&given, &mut faults).map(|url| {
            translate(&mut given, url.section(), &mut faults);
            address::with_topics(&url, &given, &mut faults)
        });
        let profile = Profile::of(&given);
        let topic = faults.note(topic::config(&given));
        let consumer = faults.note(ConsumerSettings::of(&given));
        let metrics = faults.note(MetricsSettings::of(&given));
        let tracing = faults.note(TracingSettings::of(&given));
        if let Some(url) = &broker {
            production::check(profile, url, &given, &mut faults);
        }
        let (true, Some(broker), Some(topic), Some(consumer), Some(metrics), Some(tracing)) =
            (faults.is_empty(), broker, topic, consumer, metrics, tracing)
        else {
            return Err(faults);
        };
        let health_interval = given.whole("health_check_interval_seconds");
        Ok(Self {
            profile,
            topic,
            consumer,
            circuit_breaker: CircuitBreakerSettings::of(&given),
            metrics,
            log: LogSettings::of(&given),
            tracing,
            health_interval: Duration::from_secs(health_interval.unwrap_or(30)),
            broker,
            given,
        })
    }

    /// The broker's address, with what topics and messages say in its query: for
    /// `glmsg::connect`. Default: the file `glmsg.db`.
    pub fn broker(&self) -> &BrokerUrl {
        &self.broker
    }

    /// Whether somebody has said which broker is meant.
    pub fn names_broker(&self) -> bool {
        let says = |name: &str| {
            matches!(name, "broker" | "broker_file" | "broker_type")
                || name.starts_with("redis.")
                || name.starts_with("kafka.")
                || name.starts_with("sqlite.")
        };
        self.given.iter().any(|(name, _)| says(name))
    }

    /// What is refused for its risk.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// The bounds of a new topic. Those that a publish or a subscription creates have them by the
    /// [address](Self::broker).
    pub fn topic(&self) -> &TopicConfig {
        &self.topic
    }

    /// How messages are consumed.
    pub fn consumer(&self) -> &ConsumerSettings {
        &self.consumer
    }

    /// Sets up a consumer of `topic` as these settings say, in the group they name.
    ///
    /// # Errors
    /// `ConfigInvalid` if there is no `consumer.group`, `InvalidArgument` for a topic's name that is
    /// not valid.
    pub fn consume<T>(&self, broker: Arc<dyn Broker>, topic: T) -> Result<ConsumerBuilder>
    where
        T: TryInto<TopicName>,
        Error: From<T::Error>,
    {
        let topic: TopicName = topic.try_into()?;
        let group = self.consumer.group.clone().ok_or_else(|| {
            refused("there is no consumer.group", &Origin::Default)
                .remedy("set consumer.group, or GLMSG_CONSUMER__GROUP")
        })?;
        Ok(self.consumer.set_up(of(broker, topic, group)))
    }

    /// How often a message is tried again; none where nothing is said.
    pub fn max_retries(&self) -> Option<u16> {
        self.consumer.max_retries
    }

    /// The bounds of a circuit breaker; none where it is turned off.
    pub fn circuit_breaker(&self) -> Option<&CircuitBreakerSettings> {
        self.circuit_breaker.as_ref()
    }

    /// Where metrics are served.
    pub fn metrics(&self) -> &MetricsSettings {
        &self.metrics
    }

    /// What is logged, and how.
    pub fn log(&self) -> &LogSettings {
        &self.log
    }

    /// Where traces are sent.
    pub fn tracing(&self) -> &TracingSettings {
        &self.tracing
    }

    /// How often the broker's health is looked at. Default: 30 s.
    pub fn health_interval(&self) -> Duration {
        self.health_interval
    }

    /// Where the value of a key comes from; [`Origin::Default`] also for a key that is not there.
    pub fn origin(&self, key: &str) -> Origin {
        self.given.origin(key)
    }

    /// All keys, with the value of each and where it comes from. Secrets are shown as `***`.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        schema::keys().map(|key| Entry::of(key, self.given.get(key.name())))
    }

    /// Refuses what was found out about a broker, in the profile `production`: whatever by which
    /// messages can be lost, and a server of which `redis.aof_enabled` says that it keeps a log, and
    /// which does not.
    ///
    /// # Errors
    /// `ConfigInvalid` that says what was found.
    pub fn check_findings(&self, findings: &[Finding]) -> Result<()> {
        production::check_findings(self, findings)
    }
}

/// By itself: within bounds on the kinds of names the compiler takes the names for those.
fn of(broker: Arc<dyn Broker>, topic: TopicName, group: GroupName) -> ConsumerBuilder {
    Consumer::new(broker, topic, group)
}

/// A secret and a file with it: the one that has the last word stays.
fn keep_one(given: &mut Given, value: &str, file: &str) -> Result<()> {
    let (Some(one), Some(other)) = (given.get(value), given.get(file)) else {
        return Ok(());
    };
    if one.rank == other.rank {
        let at = one.origin.clone();
        return Err(
            refused(format!("there are {value} and {file}"), &at).remedy("keep one of them")
        );
    }
    let lower = if one.rank > other.rank { file } else { value };
    given.remove(lower);
    Ok(())
}

/// Gives the keys that the original's names stand for their values, on brokers of their section.
fn translate(given: &mut Given, section: &str, faults: &mut Faults) {
    let of_section = schema::keys().filter(|key| key.section() == Some(section));
    for key in of_section {
        let Some(target) = key.stands_for().and_then(schema::key) else {
            continue;
        };
        let Some(assigned) = given.get(key.name()) else {
            continue;
        };
        let assigned = Assigned {
            value: times(&assigned.value, key),
            ..assigned.clone()
        };
        if let Some(other) = given.get(target.name())
            && other.rank == assigned.rank
            && other.value != assigned.value
        {
            let what = format!("{} and {} say different things", key.name(), target.name());
            let error = refused(what, &assigned.origin);
            faults.add(error.remedy(format!("keep {}", target.name())));
            continue;
        }
        given.assign(target, assigned);
    }
}

fn times(value: &Value, key: &Key) -> Value {
    match value {
        Value::Whole(number) => Value::Whole(number.saturating_mul(key.factor())),
        other => other.clone(),
    }
}

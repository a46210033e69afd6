//! Opening a broker by its URL.

use std::sync::Arc;

use glmsg_broker::{Broker, Layer, MetricsLayer};
use glmsg_core::{Error, ErrorKind, Result};

/// Every scheme glmsg knows, and the feature that brings its backend.
const SCHEMES: [(&str, &str, bool); 9] = [
    ("memory", "memory", cfg!(feature = "memory")),
    ("sqlite", "sqlite", cfg!(feature = "sqlite")),
    ("redis", "redis", cfg!(feature = "redis")),
    ("rediss", "redis", cfg!(feature = "redis")),
    ("redis+sentinel", "redis", cfg!(feature = "redis")),
    ("rediss+sentinel", "redis", cfg!(feature = "redis")),
    ("redis+cluster", "redis", cfg!(feature = "redis")),
    ("rediss+cluster", "redis", cfg!(feature = "redis")),
    ("kafka", "kafka", cfg!(feature = "kafka")),
];

/// The URL schemes that this build can [`connect`] to.
pub fn schemes() -> Vec<&'static str> {
    let compiled = SCHEMES.iter().filter(|(_, _, compiled)| *compiled);
    compiled.map(|(scheme, _, _)| *scheme).collect()
}

/// Opens the broker that `url` names, with [metrics](glmsg_broker::Broker::metrics) counted.
///
/// | URL | broker | feature |
/// | --- | --- | --- |
/// | `memory:` | in this process, gone with it | `memory` |
/// | `sqlite:PATH` | in a file, shared by processes | `sqlite` |
/// | `redis://HOST:PORT` | a Redis or Valkey server | `redis` |
/// | `redis+sentinel://A,B,C/NAME` | the master that Sentinel names | `redis` |
/// | `redis+cluster://A,B,C` | a Cluster | `redis` |
/// | `rediss://`, `rediss+sentinel://`, `rediss+cluster://` | the same over TLS | `redis` |
/// | `kafka://A,B,C` | a Kafka cluster | `kafka` |
///
/// Settings follow as a query, such as `sqlite:jobs.db?max_len=500000`; see each backend's docs.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let broker = glmsg::connect("memory:").await?;
/// assert_eq!(broker.name(), "memory");
/// # Ok::<(), glmsg::Error>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// `ConfigInvalid` for a URL that is not understood, `Unsupported` for a backend that is not
/// compiled in (it names the feature), and whatever keeps the backend from opening.
pub async fn connect(url: &str) -> Result<Arc<dyn Broker>> {
    // Boxed: what it takes to open the largest backend is nothing for the caller's stack.
    let broker = Box::pin(open(url, Purpose::Use)).await;
    let broker = broker.map_err(|e| e.operation("connect"))?;
    Ok(MetricsLayer::new().layer(broker))
}

/// Whether [`connect`] understands `url`: its form and its settings, without opening anything.
///
/// ```
/// assert!(glmsg::check_url("memory:?max_len=5000").is_ok());
/// assert!(glmsg::check_url("memory:?max_lem=5000").is_err());
/// ```
///
/// # Errors
/// `ConfigInvalid` and `Unsupported`, as [`connect`].
pub fn check_url(url: &str) -> Result<()> {
    let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
    match scheme {
        #[cfg(feature = "memory")]
        "memory" => glmsg_memory::MemoryConfig::from_url(url).map(drop),
        #[cfg(feature = "sqlite")]
        "sqlite" => glmsg_sqlite::SqliteConfig::from_url(url).map(drop),
        #[cfg(feature = "redis")]
        "redis" | "rediss" | "redis+sentinel" | "rediss+sentinel" | "redis+cluster"
        | "rediss+cluster" => glmsg_redis::RedisConfig::from_url(url).map(drop),
        #[cfg(feature = "kafka")]
        "kafka" => glmsg_kafka::KafkaConfig::from_url(url).map(drop),
        _ => Err(no_backend(scheme)),
    }
}

/// What a broker is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Use,
    /// To look how it is set up, also where it must not be used.
    Examine,
}

pub(crate) async fn open(url: &str, purpose: Purpose) -> Result<Arc<dyn Broker>> {
    #[cfg(not(feature = "redis"))]
    let _ = purpose;
    let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
    match scheme {
        #[cfg(feature = "memory")]
        "memory" => {
            let config = glmsg_memory::MemoryConfig::from_url(url)?;
            Ok(Arc::new(glmsg_memory::MemoryBroker::new(config)))
        }
        #[cfg(feature = "sqlite")]
        "sqlite" => {
            let config = glmsg_sqlite::SqliteConfig::from_url(url)?;
            Ok(Arc::new(glmsg_sqlite::SqliteBroker::open(config).await?))
        }
        #[cfg(feature = "redis")]
        "redis" | "rediss" | "redis+sentinel" | "rediss+sentinel" | "redis+cluster"
        | "rediss+cluster" => {
            let mut config = glmsg_redis::RedisConfig::from_url(url)?;
            if purpose == Purpose::Examine {
                config.eviction = glmsg_redis::Eviction::Warn;
            }
            Ok(Arc::new(glmsg_redis::RedisBroker::open(config).await?))
        }
        #[cfg(feature = "kafka")]
        "kafka" => {
            let config = glmsg_kafka::KafkaConfig::from_url(url)?;
            Ok(Arc::new(glmsg_kafka::KafkaBroker::open(config).await?))
        }
        _ => Err(no_backend(scheme)),
    }
}

/// The scheme alone is shown: the rest of a URL may hold a password.
fn no_backend(scheme: &str) -> Error {
    if let Some((_, feature, _)) = SCHEMES.iter().find(|(known, _, _)| *known == scheme) {
        return Error::new(
            ErrorKind::Unsupported,
            format!("this build of glmsg has no backend for \"{scheme}:\""),
        )
        .remedy(format!(
            "enable the feature \"{feature}\" of the crate glmsg"
        ));
    }
    let known: Vec<String> = schemes().iter().map(|s| format!("{s}:")).collect();
    let plain = |c: &char| c.is_ascii_alphanumeric() || "+-.".contains(*c);
    let plain: String = scheme.chars().take(20).filter(plain).collect();
    let what = match plain.is_empty() {
        true => "a broker URL begins with a scheme".to_owned(),
        false => format!("unknown broker scheme \"{plain}:\""),
    };
    Error::new(ErrorKind::ConfigInvalid, what)
        .remedy(format!("this build knows {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_scheme_is_named_and_a_secret_is_not() {
        let error = no_backend("carrier-pigeon");
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
        assert!(error.to_string().contains("\"carrier-pigeon:\""), "{error}");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let error = runtime
            .block_on(connect("redis://user:c4n4ry@127.0.0.1:1?timeout_ms=100"))
            .expect_err("nothing listens there, or it is not compiled in");
        assert!(!error.to_string().contains("c4n4ry"), "{error}");
    }
}

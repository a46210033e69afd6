//! The bounds of the settings.

use std::time::Duration;

use glmsg_broker::Durability;
use glmsg_core::{Error, ErrorKind, Result, limits};

use super::{RedisConfig, Server};

fn wrong<T>(what: &str) -> Result<T> {
    Err(Error::new(ErrorKind::ConfigInvalid, what).operation("open"))
}

pub(super) fn check(config: &RedisConfig) -> Result<()> {
    servers(config)?;
    login(config)?;
    tls(config)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    let namespace = &config.namespace;
    if !(1..=64).contains(&namespace.len()) || !namespace.chars().all(plain) {
        return wrong("the namespace must be 1 to 64 of A-Z, a-z, 0-9, _ and -");
    }
    // The server refuses others, as they would break its list of clients.
    let visible = |c: char| c.is_ascii_graphic();
    if !(1..=64).contains(&config.name.len()) || !config.name.chars().all(visible) {
        return wrong("the name must be 1 to 64 visible ASCII characters without a space");
    }
    if config.max_payload > limits::MAX_PAYLOAD {
        return wrong("max_payload is over 16 MiB (16777216)");
    }
    if config.timeout < Duration::from_millis(10) || config.timeout > Duration::from_secs(3600) {
        return wrong("the timeout must be 10 ms to 1 h");
    }
    if !(1..=10_000).contains(&config.connections) {
        return wrong("connections must be 1 to 10000");
    }
    match config.durability {
        Durability::Local | Durability::Fsynced | Durability::Replicated(1..) => {}
        _ => return wrong("the durability must be local, fsynced or replicated:N, N from 1"),
    }
    config.topic.check()
}

fn servers(config: &RedisConfig) -> Result<()> {
    match &config.server {
        Server::Single(_) => Ok(()),
        Server::Sentinel { sentinels, .. } if sentinels.is_empty() => {
            wrong("there is no sentinel to ask")
        }
        Server::Sentinel { master, .. } if master.is_empty() => {
            wrong("the name of the master that sentinels watch is missing")
        }
        Server::Sentinel { user, password, .. } if user.is_some() && password.is_none() => {
            wrong("there is a sentinel_user and no sentinel_password")
        }
        Server::Sentinel { .. } => Ok(()),
        Server::Cluster { seeds } if seeds.is_empty() => wrong("there is no node to ask"),
        Server::Cluster { .. } if config.database != 0 => {
            wrong("a cluster has no database but 0: use a namespace")
        }
        Server::Cluster { .. } => Ok(()),
    }
}

fn login(config: &RedisConfig) -> Result<()> {
    if config.password.is_some() && config.password_file.is_some() {
        return wrong("there is a password and a password_file: keep one");
    }
    if config.user.is_some() && config.password.is_none() && config.password_file.is_none() {
        return wrong("there is a user and no password");
    }
    Ok(())
}

fn tls(config: &RedisConfig) -> Result<()> {
    let Some(files) = &config.tls else {
        return Ok(());
    };
    if files.cert.is_some() != files.key.is_some() {
        return wrong("cert and key belong together: name both files or none");
    }
    if cfg!(not(feature = "tls")) {
        return Err(
            Error::new(ErrorKind::Unsupported, "this build of glmsg speaks no TLS")
                .operation("open")
                .remedy("build it with the feature tls of glmsg-redis"),
        );
    }
    Ok(())
}

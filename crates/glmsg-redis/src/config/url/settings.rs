//! The keys of a URL's query.

use std::str::FromStr;
use std::time::Duration;

use glmsg_broker::{Durability, Frames, Overflow};
use glmsg_core::{Error, Result};

use super::wrong;
use crate::config::{Eviction, RedisConfig, Secret, Server, TlsFiles};

const KEYS: &str = "ca, cert, connections, dead_letter_age_s, durability, eviction, \
                    frame_delay_ms, frames, key, max_age_s, max_len, max_payload, name, \
                    namespace, overflow, password_file, sentinel_password, sentinel_user, timeout_ms";

pub(super) fn set(config: &mut RedisConfig, key: &str, value: &str) -> Result<()> {
    match key {
        "namespace" => value.clone_into(&mut config.namespace),
        "name" => value.clone_into(&mut config.name),
        "max_payload" => config.max_payload = number(key, value)?,
        "timeout_ms" => config.timeout = Duration::from_millis(number(key, value)?),
        "connections" => config.connections = number(key, value)?,
        "durability" => config.durability = durability(key, value)?,
        "max_len" => config.topic.max_len = number(key, value)?,
        "max_age_s" => config.topic.max_age = Duration::from_secs(number(key, value)?),
        "dead_letter_age_s" => {
            config.topic.dead_letter_age = Duration::from_secs(number(key, value)?);
        }
        "frames" => frames(config).max_messages = number(key, value)?,
        "frame_delay_ms" => {
            frames(config).max_delay = Duration::from_millis(number(key, value)?);
        }
        "overflow" => {
            config.topic.overflow = match value {
                "reject" => Overflow::Reject,
                "drop-oldest" => Overflow::DropOldest,
                _ => return Err(bad_value(key, value, "reject or drop-oldest")),
            }
        }
        "eviction" => {
            config.eviction = match value {
                "refuse" => Eviction::Refuse,
                "warn" => Eviction::Warn,
                _ => return Err(bad_value(key, value, "refuse or warn")),
            }
        }
        "password_file" => config.password_file = Some(value.into()),
        "ca" | "cert" | "key" => {
            let files = files(config, key)?;
            match key {
                "ca" => files.ca = Some(value.into()),
                "cert" => files.cert = Some(value.into()),
                _ => files.key = Some(value.into()),
            }
        }
        "sentinel_user" | "sentinel_password" => sentinel(config, key, value)?,
        _ => {
            return Err(wrong("unknown setting in the URL")
                .with("key", format!("{:?}", shown(key)))
                .remedy(format!("use one of {KEYS}")));
        }
    }
    Ok(())
}

fn frames(config: &mut RedisConfig) -> &mut Frames {
    config.topic.frames.get_or_insert_default()
}

fn durability(key: &str, value: &str) -> Result<Durability> {
    match value {
        "local" => Ok(Durability::Local),
        "fsynced" => Ok(Durability::Fsynced),
        _ => match value.strip_prefix("replicated:").map(u8::from_str) {
            Some(Ok(replicas)) => Ok(Durability::Replicated(replicas)),
            _ => Err(bad_value(key, value, "local, fsynced or replicated:N")),
        },
    }
}

fn files<'a>(config: &'a mut RedisConfig, key: &str) -> Result<&'a mut TlsFiles> {
    // Without this a URL that should have been rediss:// would go out in the clear.
    config.tls.as_mut().ok_or_else(|| {
        wrong(format!("the setting {key} is for TLS, and the URL is not"))
            .remedy("write rediss:// for TLS")
    })
}

fn sentinel(config: &mut RedisConfig, key: &str, value: &str) -> Result<()> {
    let Server::Sentinel { user, password, .. } = &mut config.server else {
        return Err(wrong(format!("the setting {key} is for sentinels"))
            .remedy("use it with redis+sentinel://"));
    };
    match key {
        "sentinel_user" => *user = Some(value.to_owned()),
        _ => *password = Some(Secret::new(value)),
    }
    Ok(())
}

fn number<T: FromStr>(key: &str, value: &str) -> Result<T> {
    value
        .parse()
        .map_err(|_| bad_value(key, value, "a whole number in its range"))
}

fn bad_value(key: &str, value: &str, expected: &str) -> Error {
    wrong(format!("the setting {key} takes {expected}")).with("got", format!("{:?}", shown(value)))
}

fn shown(text: &str) -> String {
    text.chars().take(48).collect()
}

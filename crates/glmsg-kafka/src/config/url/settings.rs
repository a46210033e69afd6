//! The keys of a URL's query.

use std::str::FromStr;
use std::time::Duration;

use glmsg_core::{Error, Result};

use super::wrong;
use crate::config::{
    Compression, Encoding, GroupProtocol, KafkaConfig, Profile, SaslMechanism, TlsFiles,
};

const KEYS: [&str; 24] = [
    "ca",
    "cert",
    "compression",
    "dead_letter_age_s",
    "encoding",
    "group_protocol",
    "instance",
    "key",
    "linger_ms",
    "max_age_s",
    "max_payload",
    "min_insync",
    "name",
    "namespace",
    "partitions",
    "password_file",
    "profile",
    "read_buffer",
    "replication",
    "sasl",
    "session_timeout_ms",
    "stalled_after_ms",
    "timeout_ms",
    "tls",
];

pub(super) fn set(config: &mut KafkaConfig, key: &str, value: &str) -> Result<()> {
    match key {
        "namespace" => value.clone_into(&mut config.namespace),
        "name" => value.clone_into(&mut config.name),
        "password_file" => config.password_file = Some(value.into()),
        "instance" => config.instance = Some(value.to_owned()),
        "max_payload" => config.max_payload = number(key, value)?,
        "read_buffer" => config.read_buffer = number(key, value)?,
        "partitions" => config.partitions = number(key, value)?,
        "replication" => config.replication = Some(number(key, value)?),
        "min_insync" => config.min_insync = Some(number(key, value)?),
        "timeout_ms" => config.timeout = Duration::from_millis(number(key, value)?),
        "session_timeout_ms" => {
            config.session_timeout = Duration::from_millis(number(key, value)?);
        }
        "stalled_after_ms" => {
            config.stalled_after = Duration::from_millis(number(key, value)?);
        }
        "linger_ms" => config.linger = fraction(key, value)?,
        "max_age_s" => config.topic.max_age = Duration::from_secs(number(key, value)?),
        "dead_letter_age_s" => {
            config.topic.dead_letter_age = Duration::from_secs(number(key, value)?);
        }
        "sasl" => {
            let mechanism = SaslMechanism::of_word(value);
            config.sasl = Some(word(key, value, mechanism, SaslMechanism::WORDS)?);
        }
        "compression" => {
            let compression = Compression::of_word(value);
            config.compression = word(key, value, compression, Compression::WORDS)?;
        }
        "group_protocol" => {
            let protocol = GroupProtocol::of_word(value);
            config.group_protocol = word(key, value, protocol, GroupProtocol::WORDS)?;
        }
        "profile" => {
            config.profile = word(key, value, Profile::of_word(value), Profile::WORDS)?;
        }
        "encoding" => {
            config.encoding = word(key, value, Encoding::of_word(value), Encoding::WORDS)?;
        }
        "ca" => files(config).ca = Some(value.into()),
        "cert" => files(config).cert = Some(value.into()),
        "key" => files(config).key = Some(value.into()),
        _ => return Err(unknown(key)),
    }
    Ok(())
}

fn files(config: &mut KafkaConfig) -> &mut TlsFiles {
    config.tls.get_or_insert_default()
}

pub(super) fn yes_or_no(key: &str, value: &str) -> Result<bool> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(bad_value(key, value, "true or false")),
    }
}

fn word<T>(key: &str, value: &str, found: Option<T>, words: &[&str]) -> Result<T> {
    found.ok_or_else(|| bad_value(key, value, &format!("one of {}", words.join(", "))))
}

fn number<T: FromStr>(key: &str, value: &str) -> Result<T> {
    value
        .parse()
        .map_err(|_| bad_value(key, value, "a whole number in its range"))
}

/// Milliseconds with a fraction.
fn fraction(key: &str, value: &str) -> Result<Duration> {
    let millis = value.parse::<f64>().ok();
    let duration = millis.and_then(|millis| Duration::try_from_secs_f64(millis / 1000.0).ok());
    duration.ok_or_else(|| bad_value(key, value, "a number of milliseconds"))
}

fn bad_value(key: &str, value: &str, expected: &str) -> Error {
    wrong(format!("the setting {key} takes {expected}")).with("got", format!("{:?}", shown(value)))
}

fn unknown(key: &str) -> Error {
    let error = wrong("unknown setting in the URL").with("key", format!("{:?}", shown(key)));
    let near = KEYS.into_iter().min_by_key(|known| distance(known, key));
    match near.filter(|near| distance(near, key) <= 2 + near.len() / 4) {
        Some(near) => error.remedy(format!("did you mean {near}?")),
        None => error.remedy(format!("use one of {}", KEYS.join(", "))),
    }
}

/// How many letters must be put in, taken out or changed to make one of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

fn shown(text: &str) -> String {
    text.chars().take(48).collect()
}

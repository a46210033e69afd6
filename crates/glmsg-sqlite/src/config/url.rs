//! Settings in a URL.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use glmsg_broker::Overflow;
use glmsg_core::{Error, ErrorKind, Result};

use super::SqliteConfig;

const KEYS: &str = "busy_timeout_ms, dead_letter_age_s, max_age_s, max_file_size, max_len, \
                    max_payload, overflow, poll_ms, wal_autocheckpoint";

fn wrong(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::ConfigInvalid, what).operation("open")
}

pub(super) fn parse(url: &str) -> Result<SqliteConfig> {
    let rest = url.strip_prefix("sqlite:").ok_or_else(|| {
        wrong("the URL does not begin with sqlite:").remedy("write it like sqlite:glmsg.db")
    })?;
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, query),
        None => (rest, ""),
    };
    // sqlite:///srv/x.db and sqlite:/srv/x.db are the same file.
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = decode(path)?;
    if path == b":memory:" {
        return Err(wrong("sqlite::memory: would not be durable")
            .remedy("use memory: for a broker in memory"));
    }
    if path.is_empty() {
        return Err(wrong("the URL names no file").remedy("write it like sqlite:glmsg.db"));
    }
    let mut config = SqliteConfig::new(to_path(path)?);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = String::from_utf8_lossy(&decode(value)?).into_owned();
        set(&mut config, key, &value)?;
    }
    config.check()?;
    Ok(config)
}

fn set(config: &mut SqliteConfig, key: &str, value: &str) -> Result<()> {
    match key {
        "max_payload" => config.max_payload = number(key, value)?,
        "busy_timeout_ms" => config.busy_timeout = Duration::from_millis(number(key, value)?),
        "wal_autocheckpoint" => config.wal_autocheckpoint = number(key, value)?,
        "poll_ms" => config.poll = Duration::from_millis(number(key, value)?),
        "max_file_size" => config.max_file_size = Some(number(key, value)?),
        "max_len" => config.topic.max_len = number(key, value)?,
        "max_age_s" => config.topic.max_age = Duration::from_secs(number(key, value)?),
        "dead_letter_age_s" => {
            config.topic.dead_letter_age = Duration::from_secs(number(key, value)?);
        }
        "overflow" => {
            config.topic.overflow = match value {
                "reject" => Overflow::Reject,
                "drop-oldest" => Overflow::DropOldest,
                _ => return Err(bad_value(key, value, "reject or drop-oldest")),
            }
        }
        _ => {
            return Err(wrong("unknown setting in the URL")
                .with("key", format!("{:?}", shown(key)))
                .remedy(format!("use one of {KEYS}")));
        }
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

fn decode(text: &str) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let hex = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
        match (hex(rest.next()), hex(rest.next())) {
            (Some(high), Some(low)) => out.extend(u8::try_from(high * 16 + low)),
            _ => {
                return Err(wrong("a % in the URL is not followed by two hex digits")
                    .remedy("write a % itself as %25"));
            }
        }
    }
    Ok(out)
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps, reason = "it can fail elsewhere")]
fn to_path(bytes: Vec<u8>) -> Result<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    Ok(std::ffi::OsString::from_vec(bytes).into())
}

#[cfg(not(unix))]
fn to_path(bytes: Vec<u8>) -> Result<PathBuf> {
    let text = String::from_utf8(bytes);
    text.map(Into::into)
        .map_err(|_| wrong("the path in the URL is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn paths_and_settings_are_read() {
        let config = parse("sqlite:a%20b/c%3f.db?max_len=5&overflow=drop-oldest").unwrap();
        assert_eq!(config.path, Path::new("a b/c?.db"));
        assert_eq!(config.topic.max_len, 5);
        assert_eq!(config.topic.overflow, Overflow::DropOldest);
        for (url, path) in [
            ("sqlite:x.db", "x.db"),
            ("sqlite:/srv/x.db", "/srv/x.db"),
            ("sqlite:///srv/x.db", "/srv/x.db"),
        ] {
            assert_eq!(parse(url).unwrap().path, Path::new(path), "{url}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (url, named) in [
            ("memory:", "sqlite:"),
            ("sqlite:", "names no file"),
            ("sqlite::memory:", "use memory:"),
            ("sqlite:x?max_paylod=1", "max_paylod"),
            ("sqlite:x?max_paylod=1", "max_payload"),
            ("sqlite:x?max_payload=lots", "max_payload"),
            ("sqlite:x?max_payload=-1", "max_payload"),
            ("sqlite:x?max_payload=99999999999", "max_payload"),
            ("sqlite:x?max_len=0", "max_len"),
            ("sqlite:x?poll_ms=0", "poll"),
            ("sqlite:x?overflow=maybe", "drop-oldest"),
            ("sqlite:x%2", "%25"),
        ] {
            let error = parse(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{url}");
            assert!(error.to_string().contains(named), "{url}: {error}");
        }
    }
}

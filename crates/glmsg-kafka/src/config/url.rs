//! Settings in a URL. No part of the URL is ever repeated in an error but names of settings and
//! values of those that hold no secret.

mod percent;
mod settings;

use glmsg_core::{Error, ErrorKind, Result};

use self::percent::decode_text;
use super::{Address, KafkaConfig, Secret};

const FORM: &str = "write it like kafka://HOST:9092,HOST:9092?partitions=12";

fn wrong(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::ConfigInvalid, what).operation("open")
}

pub(super) fn parse(url: &str) -> Result<KafkaConfig> {
    let form = || wrong("the URL does not begin with kafka://").remedy(FORM);
    let (scheme, rest) = url.split_once("://").ok_or_else(form)?;
    match scheme {
        "kafka" => {}
        "kafkas" | "kafka+ssl" | "kafka+tls" => {
            return Err(form().remedy("for TLS write kafka://HOST:9093?tls=true"));
        }
        _ => return Err(form()),
    }
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    if query.contains('@') {
        // Most likely the ? is part of a password, and what follows it must not be shown.
        return Err(wrong("there is an @ after the ? of the URL")
            .remedy("in a user or password write ? as %3F, in a setting write @ as %40"));
    }
    // The last @ is the separator: people forget to encode one in a password. A slash in a password
    // must be encoded only where it would come after the last @.
    let (login, hosts) = match place.rsplit_once('@') {
        Some((login, hosts)) => (Some(login), hosts),
        None => (None, place),
    };
    let hosts = hosts.strip_suffix('/').unwrap_or(hosts);
    if hosts.contains('/') {
        return Err(wrong("the URL has a path").remedy(
            "topics are named where they are used; put a common first part as namespace=NAME",
        ));
    }
    let mut config = KafkaConfig::new();
    let address = |host| {
        Address::parse(host, Address::PORT)
            .ok_or_else(|| wrong("a host in the URL is missing or has a wrong form").remedy(FORM))
    };
    config.servers = hosts.split(',').map(address).collect::<Result<_>>()?;
    if let Some(login) = login {
        log_in(&mut config, login)?;
    }
    let mut secure = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decode_text(value)?;
        if key == "tls" {
            secure = Some(settings::yes_or_no(key, &value)?);
        } else {
            settings::set(&mut config, key, &value)?;
        }
    }
    match secure {
        Some(true) => {
            config.tls.get_or_insert_default();
        }
        Some(false) if config.tls.is_some() => {
            return Err(wrong(
                "ca, cert and key are for TLS, and tls=false is without",
            ));
        }
        _ => {}
    }
    config.check()?;
    Ok(config)
}

fn log_in(config: &mut KafkaConfig, login: &str) -> Result<()> {
    let (user, password) = match login.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (login, None),
    };
    if !user.is_empty() {
        config.user = Some(decode_text(user)?);
    }
    if let Some(password) = password.filter(|password| !password.is_empty()) {
        config.password = Some(Secret::new(decode_text(password)?));
    }
    Ok(())
}

#[cfg(test)]
mod tests;

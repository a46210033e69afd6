//! Settings in a URL. No part of the URL is ever repeated in an error but names of settings and
//! values of those that hold no secret.

mod percent;
mod settings;

use glmsg_core::{Error, ErrorKind, Result};

use self::percent::decode_text;
use super::{Address, RedisConfig, Secret, Server, TlsFiles};

const FORM: &str = "write it like redis://HOST:6379, rediss://HOST:6379, \
                    redis+sentinel://HOST:26379,HOST:26379/NAME or redis+cluster://HOST,HOST";

fn wrong(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::ConfigInvalid, what).operation("open")
}

/// What stands between the scheme and the query.
struct Place<'a> {
    login: Option<&'a str>,
    hosts: &'a str,
    path: &'a str,
}

impl<'a> Place<'a> {
    fn split(text: &'a str) -> Self {
        // The last @ is the separator: people forget to encode one in a password. A slash in a
        // password must be encoded only where it would come after the last @.
        let (login, rest) = match text.rsplit_once('@') {
            Some((login, rest)) => (Some(login), rest),
            None => (None, text),
        };
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        Self { login, hosts, path }
    }

    fn addresses(&self, default_port: u16) -> Result<Vec<Address>> {
        let hosts = self.hosts.split(',');
        hosts
            .map(|host| {
                Address::parse(host, default_port).ok_or_else(|| {
                    wrong("a host in the URL is missing or has a wrong form").remedy(FORM)
                })
            })
            .collect()
    }
}

pub(super) fn parse(url: &str) -> Result<RedisConfig> {
    let form = || wrong("the URL does not begin with redis:// or a relative").remedy(FORM);
    let (scheme, rest) = url.split_once("://").ok_or_else(form)?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    if query.contains('@') {
        // Most likely the ? is part of a password, and what follows it must not be shown.
        return Err(wrong("there is an @ after the ? of the URL")
            .remedy("in a user or password write ? as %3F, in a setting write @ as %40"));
    }
    let place = Place::split(place);
    let mut config = RedisConfig::new();
    let (secure, shape) = match scheme.split_once('+').unwrap_or((scheme, "single")) {
        ("redis", shape) => (false, shape),
        ("rediss", shape) => (true, shape),
        _ => return Err(form()),
    };
    if secure {
        config.tls = Some(TlsFiles::new());
    }
    match shape {
        "single" if !scheme.contains('+') => single(&mut config, &place)?,
        "sentinel" => sentinel(&mut config, &place)?,
        "cluster" => cluster(&mut config, &place)?,
        _ => return Err(form()),
    }
    if let Some(login) = place.login {
        log_in(&mut config, login)?;
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        settings::set(&mut config, key, &decode_text(value)?)?;
    }
    config.check()?;
    Ok(config)
}

fn log_in(config: &mut RedisConfig, login: &str) -> Result<()> {
    // redis://:PASSWORD@HOST is the form without a user.
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

fn single(config: &mut RedisConfig, place: &Place<'_>) -> Result<()> {
    let mut addresses = place.addresses(Address::PORT)?;
    if addresses.len() > 1 {
        return Err(wrong("the URL names several hosts")
            .remedy("use redis+cluster:// or redis+sentinel:// for several, or name one"));
    }
    config.server = Server::Single(addresses.remove(0));
    config.database = database(place.path)?;
    Ok(())
}

fn sentinel(config: &mut RedisConfig, place: &Place<'_>) -> Result<()> {
    let (master, number) = place.path.split_once('/').unwrap_or((place.path, ""));
    if master.is_empty() {
        return Err(wrong("the URL does not say what the sentinels call the master").remedy(FORM));
    }
    config.server = Server::Sentinel {
        sentinels: place.addresses(Address::SENTINEL_PORT)?,
        master: decode_text(master)?,
        user: None,
        password: None,
    };
    config.database = database(number)?;
    Ok(())
}

fn cluster(config: &mut RedisConfig, place: &Place<'_>) -> Result<()> {
    let seeds = place.addresses(Address::PORT)?;
    config.server = Server::Cluster { seeds };
    config.database = database(place.path)?;
    Ok(())
}

fn database(path: &str) -> Result<u32> {
    if path.is_empty() {
        return Ok(0);
    }
    path.parse()
        .map_err(|_| wrong("what follows the host in the URL is no database number").remedy(FORM))
}

#[cfg(test)]
mod tests;

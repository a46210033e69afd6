//! The address of Redis.

use std::path::Path;

use glmsg_core::Result;

use super::percent::encode;
use super::query::Query;
use super::{BrokerUrl, finish, name};
use crate::builder::secret_text;
use crate::fault::{Faults, refused};
use crate::given::Given;

pub(super) fn url(given: &Given, faults: &mut Faults) -> BrokerUrl {
    faults.note(name::plain(given, "redis.namespace", "_-", 64));
    faults.note(name::visible(given, "redis.client_name"));
    faults.note(name::durability(given, "redis.durability"));
    let mode = given.text("redis.mode").unwrap_or("single");
    let database = given.whole("redis.db").unwrap_or(0);
    let secure = secure(given, faults);
    let scheme = match mode {
        "single" => secure.to_owned(),
        mode => format!("{secure}+{mode}"),
    };
    let hosts = faults.note(hosts(given, mode)).unwrap_or_default();
    let path = match mode {
        "sentinel" => {
            let master = given.text("redis.master").unwrap_or_default();
            if master.is_empty() && !given.is_doubtful(&["redis.master"]) {
                let what = "redis.mode is sentinel, and redis.master is missing";
                let remedy = "set redis.master to what the sentinels call the master";
                faults.add(refused(what, &given.origin("redis.mode")).remedy(remedy));
            }
            format!("{}/{database}", encode(master, ""))
        }
        _ => database.to_string(),
    };
    let mut query = Query::default();
    query.take(
        given,
        &[
            ("redis.namespace", "namespace"),
            ("redis.client_name", "name"),
            ("redis.durability", "durability"),
            ("redis.eviction", "eviction"),
            ("redis.max_connections", "connections"),
            ("redis.password_file", "password_file"),
            ("redis.tls_ca", "ca"),
            ("redis.tls_cert", "cert"),
            ("redis.tls_key", "key"),
        ],
    );
    if let Some(seconds) = given.number("redis.socket_timeout") {
        query.push("timeout_ms", (seconds * 1000.0).round());
    }
    sentinel_login(given, mode, &mut query, faults);
    let login = login(given, faults);
    finish(format!("{scheme}://{login}{hosts}/{path}"), &query)
}

fn secure(given: &Given, faults: &mut Faults) -> &'static str {
    if given.flag("redis.tls") == Some(true) || given.is_doubtful(&["redis.tls"]) {
        return "rediss";
    }
    // Who names a file means TLS, and must not go out in the clear without knowing.
    for name in ["redis.tls_ca", "redis.tls_cert", "redis.tls_key"] {
        if given.get(name).is_some() {
            let what = format!("{name} is for TLS, and redis.tls is false");
            let error = refused(what, &given.origin(name));
            faults.add(error.remedy("set redis.tls to true"));
        }
    }
    "redis"
}

fn hosts(given: &Given, mode: &str) -> Result<String> {
    if let Some(nodes) = given.list("redis.nodes") {
        let at = given.origin("redis.nodes");
        if mode == "single" && !given.is_doubtful(&["redis.mode"]) {
            return Err(
                refused("redis.nodes is for several, and redis.mode is single", &at)
                    .remedy("set redis.mode to sentinel or cluster, or use redis.host"),
            );
        }
        nodes
            .iter()
            .try_for_each(|node| super::kafka::host("redis.nodes", node, &at))?;
        return Ok(nodes.join(","));
    }
    let host = given.text("redis.host").unwrap_or("localhost");
    let at = given.origin("redis.host");
    super::kafka::host("redis.host", host, &at)?;
    let port = given.whole("redis.port").unwrap_or(6379);
    match host.matches(':').count() {
        0 => Ok(format!("{host}:{port}")),
        _ if host.starts_with('[') && host.ends_with(']') => Ok(format!("{host}:{port}")),
        2.. if !host.contains('[') => Ok(format!("[{host}]:{port}")),
        _ => {
            Err(refused("redis.host holds a port, too", &at).remedy("write the port as redis.port"))
        }
    }
}

fn login(given: &Given, faults: &mut Faults) -> String {
    let user = given.text("redis.username");
    let password = given.text("redis.password");
    let passwords = ["redis.password", "redis.password_file"];
    let has_one = passwords.iter().any(|name| given.get(name).is_some());
    if user.is_some() && !has_one && !given.is_doubtful(&passwords) {
        let what = "there is redis.username and no password";
        let remedy = "set redis.password, by GLMSG_REDIS__PASSWORD say, or redis.password_file";
        faults.add(refused(what, &given.origin("redis.username")).remedy(remedy));
    }
    let user = user.map(|user| encode(user, "")).unwrap_or_default();
    match password {
        Some(password) => format!("{user}:{}@", encode(password, "")),
        None if user.is_empty() => String::new(),
        None => format!("{user}@"),
    }
}

fn sentinel_login(given: &Given, mode: &str, query: &mut Query, faults: &mut Faults) {
    if mode != "sentinel" {
        if given.is_doubtful(&["redis.mode"]) {
            return;
        }
        for name in [
            "redis.sentinel_username",
            "redis.sentinel_password",
            "redis.sentinel_password_file",
            "redis.master",
        ] {
            if given.get(name).is_some() {
                let what = format!("{name} is for sentinels, and redis.mode is {mode}");
                let error = refused(what, &given.origin(name));
                faults.add(error.remedy("set redis.mode to sentinel"));
            }
        }
        return;
    }
    if let Some(user) = given.text("redis.sentinel_username") {
        query.push("sentinel_user", user);
    }
    if let Some(password) = given.text("redis.sentinel_password") {
        query.push("sentinel_password", password);
    } else if let Some(path) = given.text("redis.sentinel_password_file") {
        let what = "the file with the password for the sentinels cannot be read";
        if let Some(password) = faults.note(secret_text(Path::new(path), what)) {
            query.push("sentinel_password", password);
        }
    }
}

//! The address of Kafka.

use glmsg_core::Result;

use super::percent::encode;
use super::query::Query;
use super::{BrokerUrl, finish, name};
use crate::Origin;
use crate::fault::{Faults, refused};
use crate::given::Given;

pub(super) fn url(given: &Given, faults: &mut Faults) -> BrokerUrl {
    faults.note(name::plain(given, "kafka.namespace", "_-", 40));
    faults.note(name::plain(given, "kafka.instance", "_-.", 100));
    faults.note(name::visible(given, "kafka.client_name"));
    let default = ["localhost:9092".to_owned()];
    let servers = given.list("kafka.bootstrap_servers").unwrap_or(&default);
    let at = given.origin("kafka.bootstrap_servers");
    let mut each = servers.iter();
    faults.note(each.try_for_each(|server| host("kafka.bootstrap_servers", server, &at)));
    let protocol = given.text("kafka.security_protocol").unwrap_or("PLAINTEXT");
    let is_known = !given.is_doubtful(&["kafka.security_protocol"]);
    let mut query = Query::default();
    match protocol.ends_with("SSL") {
        true => query.push("tls", "true"),
        false if is_known => without_tls(given, protocol, faults),
        false => {}
    }
    let login = match protocol.starts_with("SASL_") {
        true => login(given, protocol, &mut query, faults),
        false if is_known => without_login(given, protocol, faults),
        false => String::new(),
    };
    query.take(
        given,
        &[
            ("kafka.tls_ca", "ca"),
            ("kafka.tls_cert", "cert"),
            ("kafka.tls_key", "key"),
            ("kafka.namespace", "namespace"),
            ("kafka.client_name", "name"),
            ("kafka.timeout_ms", "timeout_ms"),
            ("kafka.compression_type", "compression"),
            ("kafka.session_timeout_ms", "session_timeout_ms"),
            ("kafka.group_protocol", "group_protocol"),
            ("kafka.instance", "instance"),
            ("kafka.num_partitions", "partitions"),
            ("kafka.replication_factor", "replication"),
            ("kafka.min_insync", "min_insync"),
            ("kafka.encoding", "encoding"),
            ("kafka.stalled_after_ms", "stalled_after_ms"),
            ("kafka.read_buffer", "read_buffer"),
        ],
    );
    if let Some(millis) = given.number("kafka.linger_ms") {
        query.push("linger_ms", millis);
    }
    finish(format!("kafka://{login}{}", servers.join(",")), &query)
}

fn login(given: &Given, protocol: &str, query: &mut Query, faults: &mut Faults) -> String {
    let lacks = |name: &str| {
        refused(
            format!("kafka.security_protocol is {protocol}, and {name} is missing"),
            &given.origin("kafka.security_protocol"),
        )
    };
    let is_missing = |names: &[&str]| {
        !given.is_doubtful(names) && names.iter().all(|name| given.get(name).is_none())
    };
    if is_missing(&["kafka.sasl_username"]) {
        faults.add(lacks("kafka.sasl_username").remedy("set it, and a password"));
    } else if is_missing(&["kafka.sasl_password", "kafka.sasl_password_file"]) {
        let remedy = "set it, by GLMSG_KAFKA__SASL_PASSWORD say, or kafka.sasl_password_file";
        faults.add(lacks("kafka.sasl_password").remedy(remedy));
    }
    let mechanism = given
        .text("kafka.sasl_mechanism")
        .unwrap_or("SCRAM-SHA-256");
    query.push("sasl", mechanism.to_lowercase());
    query.take(given, &[("kafka.sasl_password_file", "password_file")]);
    let user = encode(given.text("kafka.sasl_username").unwrap_or_default(), "");
    match given.text("kafka.sasl_password") {
        Some(password) => format!("{user}:{}@", encode(password, "")),
        None => format!("{user}@"),
    }
}

/// A login that is not made would only be noticed where the cluster refuses it.
fn without_login(given: &Given, protocol: &str, faults: &mut Faults) -> String {
    for name in [
        "kafka.sasl_username",
        "kafka.sasl_password",
        "kafka.sasl_password_file",
        "kafka.sasl_mechanism",
    ] {
        if given.get(name).is_some() {
            let what = format!("{name} is for a login, and kafka.security_protocol is {protocol}");
            let remedy = "set kafka.security_protocol to SASL_SSL or SASL_PLAINTEXT";
            faults.add(refused(what, &given.origin(name)).remedy(remedy));
        }
    }
    String::new()
}

fn without_tls(given: &Given, protocol: &str, faults: &mut Faults) {
    for name in ["kafka.tls_ca", "kafka.tls_cert", "kafka.tls_key"] {
        if given.get(name).is_some() {
            let what = format!("{name} is for TLS, and kafka.security_protocol is {protocol}");
            let remedy = "set kafka.security_protocol to SSL or SASL_SSL";
            faults.add(refused(what, &given.origin(name)).remedy(remedy));
        }
    }
}

/// What would be read as another part of the address. The text is not repeated: it may hold a login.
pub(super) fn host(name: &str, text: &str, at: &Origin) -> Result<()> {
    let wrong = |c: char| c.is_whitespace() || c.is_control() || "/?#@,%&=".contains(c);
    match text.contains(wrong) {
        true => Err(refused(format!("{name} is no host"), at)
            .remedy("write the name or the IP address of the server; a login has keys of its own")),
        false => Ok(()),
    }
}

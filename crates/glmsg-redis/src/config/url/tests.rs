//! What URLs mean, and which are refused.

use std::path::Path;

use glmsg_broker::{Durability, Overflow};

use super::*;

#[test]
fn one_server() {
    for (url, host, port, database) in [
        ("redis://h", "h", 6379, 0),
        ("redis://h/", "h", 6379, 0),
        ("redis://h:1/3", "h", 1, 3),
        ("redis://[::1]:1/3?max_len=7", "::1", 1, 3),
    ] {
        let config = parse(url).unwrap();
        assert_eq!(
            config.server,
            Server::Single(Address::new(host, port)),
            "{url}"
        );
        assert_eq!(config.database, database, "{url}");
        assert!(config.tls.is_none() && config.user.is_none() && config.password.is_none());
    }
}

#[test]
fn several_servers() {
    let nodes = |default: u16| vec![Address::new("a", default), Address::new("b", 7)];
    let config = parse("redis+sentinel://a,b:7/my%20m/2?sentinel_user=u&sentinel_password=%70");
    let config = config.unwrap();
    let expected = Server::Sentinel {
        sentinels: nodes(26379),
        master: "my m".into(),
        user: Some("u".into()),
        password: Some("p".into()),
    };
    assert_eq!((config.server, config.database), (expected, 2));
    let config = parse("redis+cluster://a,b:7").unwrap();
    assert_eq!(config.server, Server::Cluster { seeds: nodes(6379) });
}

#[test]
fn logins() {
    for (url, user, password) in [
        ("redis://u:p@h", Some("u"), Some("p")),
        ("redis://:p@h", None, Some("p")),
        ("redis://u%3a:p%40%2f:%25@h", Some("u:"), Some("p@/:%")),
        ("redis://u:p@q@h", Some("u"), Some("p@q")),
    ] {
        let config = parse(url).unwrap();
        assert_eq!(config.user.as_deref(), user, "{url}");
        assert_eq!(config.password.as_ref().map(Secret::reveal), password);
    }
    let config = parse("redis://u@h?password_file=/run/p").unwrap();
    assert_eq!(config.password_file.as_deref(), Some(Path::new("/run/p")));
}

#[test]
fn settings() {
    let config = parse(
        "redis://h?namespace=n_1-x&name=app&max_payload=9&timeout_ms=70&connections=3&\
         durability=replicated:2&max_len=5&max_age_s=6&dead_letter_age_s=7&overflow=drop-oldest&\
         eviction=warn&frames=9&frame_delay_ms=4",
    );
    let config = config.unwrap();
    assert_eq!((&*config.namespace, &*config.name), ("n_1-x", "app"));
    assert_eq!((config.max_payload, config.connections), (9, 3));
    assert_eq!(config.timeout.as_millis(), 70);
    assert_eq!(config.durability, Durability::Replicated(2));
    assert_eq!(config.topic.max_len, 5);
    assert_eq!(config.topic.max_age.as_secs(), 6);
    assert_eq!(config.topic.dead_letter_age.as_secs(), 7);
    assert_eq!(config.topic.overflow, Overflow::DropOldest);
    let frames = config.topic.frames.expect("frames");
    assert_eq!((frames.max_messages, frames.max_delay.as_millis()), (9, 4));
    assert_eq!(config.eviction, crate::config::Eviction::Warn);
    for (text, level) in [
        ("local", Durability::Local),
        ("fsynced", Durability::Fsynced),
    ] {
        let config = parse(&format!("redis://h?durability={text}")).unwrap();
        assert_eq!(config.durability, level);
    }
}

#[cfg(feature = "tls")]
#[test]
fn tls_files() {
    let config = parse("rediss://h?ca=/c%20a.pem&cert=c.pem&key=k.pem").unwrap();
    let files = TlsFiles::new().ca("/c a.pem").client("c.pem", "k.pem");
    assert_eq!(config.tls, Some(files));
    for shape in ["rediss://h", "rediss+cluster://h", "rediss+sentinel://h/m"] {
        assert_eq!(parse(shape).unwrap().tls, Some(TlsFiles::new()));
    }
}

#[cfg(not(feature = "tls"))]
#[test]
fn tls_is_refused_where_it_is_not_built_in() {
    let error = parse("rediss://h").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn what_is_wrong_is_named() {
    for (url, named) in [
        ("memory:", "redis://"),
        ("redis:h", "redis://"),
        ("http://h", "redis://"),
        ("redis+single://h", "redis://"),
        ("redis+proxy://h", "redis+sentinel"),
        ("redis://", "host"),
        ("redis://h:port", "host"),
        ("redis://h/x", "database"),
        ("redis://a,b", "redis+cluster"),
        ("redis+sentinel://a", "sentinels call the master"),
        ("redis+sentinel://a?sentinel_user=u", "sentinels call"),
        ("redis+sentinel://a/m?sentinel_user=u", "sentinel_password"),
        ("redis+cluster://a/1", "database"),
        ("redis+cluster://a,,b", "host"),
        ("redis://h?sentinel_user=u", "redis+sentinel"),
        ("redis://h?ca=x", "rediss://"),
        ("redis://u@h", "no password"),
        ("redis://:p@h?password_file=f", "keep one"),
        ("redis://h?max_paylod=1", "max_paylod"),
        ("redis://h?max_paylod=1", "max_payload"),
        ("redis://h?max_payload=lots", "lots"),
        ("redis://h?max_payload=99999999999", "max_payload"),
        ("redis://h?namespace=a:b", "namespace"),
        ("redis://h?namespace=", "namespace"),
        ("redis://h?name=a%20b", "name"),
        ("redis://h?timeout_ms=0", "timeout"),
        ("redis://h?connections=0", "connections"),
        ("redis://h?max_len=0", "max_len"),
        ("redis://h?durability=replicated", "replicated:N"),
        ("redis://h?durability=replicated:0", "N from 1"),
        ("redis://h?durability=volatile", "replicated:N"),
        ("redis://h?overflow=maybe", "drop-oldest"),
        ("redis://h?eviction=maybe", "refuse"),
        ("redis://h?name=x%2", "%25"),
        ("redis://u:p?q@h", "%3F"),
        ("redis://h?name=%ff", "UTF-8"),
    ] {
        let error = parse(url).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{url}");
        assert!(error.to_string().contains(named), "{url}: {error}");
    }
}

#[test]
fn a_password_is_never_repeated() {
    const CANARY: &str = "c4n4ry";
    for url in [
        "redis://u:c4n4ry@h",
        "redis://u:c4n4ry@",
        "redis://u:c4n4ry@h:port",
        "redis://u:c4n4ry@h/db",
        "redis://u:c4n4ry/@h?x=1",
        "redis://u:c4n4ry%2@h",
        "redis://u:c4n4ry%ff@h",
        "redis+other://u:c4n4ry@h",
        "redis+sentinel://u:c4n4ry@h",
        "redis+sentinel://a:c4n4ry@h/m?sentinel_password=c4n4ry",
        "redis+sentinel://h/m?sentinel_password=c4n4ry%2",
        "redis://h?sentinel_password=c4n4ry",
        "redis+cluster://u:c4n4ry@h/4",
        "u:c4n4ry@h",
        "redis://u:1?c4n4ry@h",
        "redis://u:1?max_len=c4n4ry@h",
    ] {
        let printed = match parse(url) {
            Ok(config) => format!("{config:?} {config:#?}"),
            Err(error) => format!("{error} {error:?} {error:#?}"),
        };
        assert!(!printed.contains(CANARY), "{url}: {printed}");
    }
}

//! What URLs mean, and which are refused.

use std::path::Path;

use super::*;
use crate::config::{Compression, Encoding, GroupProtocol, Profile, SaslMechanism};

#[test]
fn servers() {
    for (url, expected) in [
        ("kafka://h", vec![("h", 9092)]),
        ("kafka://h/", vec![("h", 9092)]),
        ("kafka://h:1?tls=false", vec![("h", 1)]),
        (
            "kafka://[::1]:1,b,c:3?name=x",
            vec![("::1", 1), ("b", 9092), ("c", 3)],
        ),
    ] {
        let config = parse(url).unwrap();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(host, port)| Address::new(host, port))
            .collect();
        assert_eq!(config.servers, expected, "{url}");
        assert!(config.tls.is_none() && config.user.is_none() && config.password.is_none());
    }
}

#[test]
fn logins() {
    for (url, user, password) in [
        ("kafka://u:p@h?sasl=plain", "u", "p"),
        ("kafka://u%3a:p%40%2f:%25@h?sasl=plain", "u:", "p@/:%"),
        ("kafka://u:p@q@h?sasl=plain", "u", "p@q"),
    ] {
        let config = parse(url).unwrap();
        assert_eq!(config.user.as_deref(), Some(user), "{url}");
        assert_eq!(config.password.as_ref().map(Secret::reveal), Some(password));
        assert_eq!(config.sasl, Some(SaslMechanism::Plain));
    }
    let config = parse("kafka://u@h?password_file=/run/p&sasl=plain").unwrap();
    assert_eq!(config.password_file.as_deref(), Some(Path::new("/run/p")));
}

#[test]
fn settings() {
    let config = parse(
        "kafka://h?namespace=n_1-x&name=app&max_payload=9&timeout_ms=70&partitions=3&replication=5&\
         min_insync=2&compression=lz4&linger_ms=1.5&session_timeout_ms=7000&group_protocol=consumer&\
         instance=i.1&profile=production&max_age_s=6&dead_letter_age_s=7&encoding=envelope&\
         read_buffer=65536",
    );
    let config = config.unwrap();
    assert_eq!((&*config.namespace, &*config.name), ("n_1-x", "app"));
    assert_eq!((config.max_payload, config.read_buffer), (9, 65536));
    assert_eq!(config.timeout.as_millis(), 70);
    assert_eq!((config.partitions, config.replication), (3, Some(5)));
    assert_eq!(config.min_insync, Some(2));
    assert_eq!(config.compression, Compression::Lz4);
    assert_eq!(config.linger.as_micros(), 1500);
    assert_eq!(config.session_timeout.as_secs(), 7);
    assert_eq!(config.group_protocol, GroupProtocol::Consumer);
    assert_eq!(config.instance.as_deref(), Some("i.1"));
    assert_eq!(config.profile, Profile::Production);
    assert_eq!(config.topic.max_age.as_secs(), 6);
    assert_eq!(config.topic.dead_letter_age.as_secs(), 7);
    assert_eq!(config.encoding, Encoding::Envelope);
}

#[cfg(feature = "ssl")]
#[test]
fn tls_files() {
    use crate::config::TlsFiles;

    let config = parse("kafka://h?ca=/c%20a.pem&cert=c.pem&key=k.pem").unwrap();
    let files = TlsFiles::new().ca("/c a.pem").client("c.pem", "k.pem");
    assert_eq!(config.tls, Some(files.clone()));
    let same = parse("kafka://h?tls=true&ca=/c%20a.pem&cert=c.pem&key=k.pem").unwrap();
    assert_eq!(same.tls, Some(files));
    let system = parse("kafka://h?tls=true").unwrap();
    assert_eq!(system.tls, Some(TlsFiles::new()));
    assert_eq!(parse("kafka://u:p@h").unwrap().sasl, None);
}

#[test]
fn what_is_not_built_in_is_refused() {
    for (url, built, remedy) in [
        ("kafka://h?tls=true", cfg!(feature = "ssl"), "ssl"),
        ("kafka://h?ca=x", cfg!(feature = "ssl"), "ssl"),
        ("kafka://u:p@h", cfg!(feature = "ssl"), "ssl"),
        ("kafka://u:p@h?sasl=plain", true, ""),
        ("kafka://h?compression=zstd", cfg!(feature = "zstd"), "zstd"),
    ] {
        match parse(url) {
            Ok(_) => assert!(built, "{url}"),
            Err(error) => {
                assert!(!built, "{url}: {error}");
                assert_eq!(error.kind(), ErrorKind::Unsupported, "{url}");
                let remedy = format!("feature {remedy} of glmsg-kafka");
                assert!(error.to_string().contains(&remedy), "{error}");
            }
        }
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (url, named) in [
        ("memory:", "kafka://"),
        ("kafka:h", "kafka://"),
        ("http://h", "kafka://"),
        ("kafkas://h", "tls=true"),
        ("kafka://", "host"),
        ("kafka://h:port", "host"),
        ("kafka://a,,b", "host"),
        ("kafka://h/topic", "namespace="),
        ("kafka://h?tls=yes", "true or false"),
        ("kafka://h?tls=false&ca=x", "tls=false"),
        ("kafka://h?cert=x", "belong together"),
        ("kafka://u@h", "no password"),
        ("kafka://:p@h", "no user"),
        ("kafka://u:p@h?password_file=f", "keep one"),
        ("kafka://h?sasl=plain", "no user"),
        ("kafka://h?sasl=gssapi", "scram-sha-256"),
        ("kafka://h?partitons=1", "\"partitons\""),
        ("kafka://h?partitons=1", "did you mean partitions?"),
        ("kafka://h?MAX_payload=1", "did you mean max_payload?"),
        ("kafka://h?password=x", "did you mean password_file?"),
        ("kafka://h?zzzzzzzzzzzzzzzzzzz=1", "use one of ca, cert"),
        ("kafka://h?partitions=lots", "lots"),
        ("kafka://h?partitions=0", "1 to 10000"),
        ("kafka://h?partitions=10001", "1 to 10000"),
        ("kafka://h?replication=0", "replication"),
        ("kafka://h?replication=40000", "replication"),
        ("kafka://h?min_insync=0", "min_insync"),
        ("kafka://h?replication=2&min_insync=3", "over replication"),
        ("kafka://h?profile=production&replication=1", "single copy"),
        ("kafka://h?profile=production&min_insync=1", "one copy"),
        ("kafka://h?profile=prod", "development, production"),
        ("kafka://h?max_payload=99999999999", "max_payload"),
        ("kafka://h?namespace=a.b", "namespace"),
        ("kafka://h?namespace=gm", "reserved"),
        ("kafka://h?name=a%20b", "name"),
        ("kafka://h?name=", "name"),
        ("kafka://h?instance=a/b", "instance"),
        ("kafka://h?timeout_ms=0", "timeout"),
        ("kafka://h?linger_ms=soon", "milliseconds"),
        ("kafka://h?linger_ms=-1", "milliseconds"),
        ("kafka://h?linger_ms=nan", "milliseconds"),
        ("kafka://h?linger_ms=1e300", "milliseconds"),
        ("kafka://h?linger_ms=1000.1", "1 s"),
        ("kafka://h?session_timeout_ms=5999", "6 s"),
        ("kafka://h?session_timeout_ms=300001", "5 min"),
        ("kafka://h?group_protocol=share", "classic, consumer"),
        ("kafka://h?compression=zip", "snappy"),
        ("kafka://h?encoding=json", "headers, envelope, cloudevents"),
        ("kafka://h?read_buffer=1", "read_buffer"),
        ("kafka://h?name=x%2", "%25"),
        ("kafka://u:p?q@h", "%3F"),
        ("kafka://h?name=%ff", "UTF-8"),
    ] {
        let error = parse(url).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{url}: {error}");
        let text = error.to_string();
        assert!(text.contains(named), "{url}: {text}");
        assert!(!text.contains('\n'), "{text}");
    }
}

#[test]
fn a_password_is_never_repeated() {
    const CANARY: &str = "c4n4ry";
    for url in [
        "kafka://u:c4n4ry@h",
        "kafka://u:c4n4ry@h?sasl=plain",
        "kafka://u:c4n4ry@",
        "kafka://u:c4n4ry@h:port",
        "kafka://u:c4n4ry@h/db",
        "kafka://u:c4n4ry/@h?x=1",
        "kafka://u:c4n4ry%2@h",
        "kafka://u:c4n4ry%ff@h",
        "kafkas://u:c4n4ry@h",
        "kafka+other://u:c4n4ry@h",
        "kafka://:c4n4ry@h",
        "kafka://h?password=c4n4ry",
        "u:c4n4ry@h",
        "kafka://u:1?c4n4ry@h",
        "kafka://u:1?partitions=c4n4ry@h",
    ] {
        let printed = match parse(url) {
            Ok(config) => format!("{config:?} {config:#?}"),
            Err(error) => format!("{error} {error:?} {error:#?}"),
        };
        assert!(!printed.contains(CANARY), "{url}: {printed}");
    }
}

//! The bounds of the settings.

use std::time::Duration;

use glmsg_core::{Error, ErrorKind, Result, limits};

use super::{Address, Compression, KafkaConfig, Profile, SaslMechanism};

/// The least and the most bytes of a read buffer.
const READ_BUFFER: std::ops::RangeInclusive<usize> = 64 * 1024..=1024 * 1024 * 1024;

fn wrong<T>(what: &str) -> Result<T> {
    Err(Error::new(ErrorKind::ConfigInvalid, what).operation("open"))
}

pub(super) fn check(config: &KafkaConfig) -> Result<()> {
    servers(config)?;
    login(config)?;
    names(config)?;
    if config.max_payload > limits::MAX_PAYLOAD {
        return wrong("max_payload is over 16 MiB (16777216)");
    }
    if config.timeout < Duration::from_millis(10) || config.timeout > Duration::from_secs(3600) {
        return wrong("the timeout must be 10 ms to 1 h");
    }
    if config.linger > Duration::from_secs(1) {
        return wrong("the linger must be at most 1 s");
    }
    // Less is refused by the cluster, and more by the library: it is the time within which a member
    // must ask for messages.
    let session = config.session_timeout;
    if session < Duration::from_secs(6) || session > Duration::from_secs(300) {
        return wrong("the session timeout must be 6 s to 5 min");
    }
    let stalled = config.stalled_after;
    if stalled < Duration::from_secs(1) || stalled > Duration::from_secs(24 * 3600) {
        return wrong("stalled_after_ms must be 1 s (1000) to 24 h (86400000)");
    }
    if !READ_BUFFER.contains(&config.read_buffer) {
        return wrong("read_buffer must be 64 KiB (65536) to 1 GiB (1073741824)");
    }
    topics(config)?;
    features(config)?;
    config.topic.check()
}

fn servers(config: &KafkaConfig) -> Result<()> {
    if config.servers.is_empty() {
        return wrong("there is no server to ask");
    }
    // One that would be read as something else in a list of several.
    let whole = |at: &Address| Address::parse(&at.to_string(), 1).as_ref() == Some(at);
    if !config.servers.iter().all(whole) {
        return wrong("a server's host or port has a wrong form");
    }
    let Some(files) = &config.tls else {
        return Ok(());
    };
    if files.cert.is_some() != files.key.is_some() {
        return wrong("cert and key belong together: name both files or none");
    }
    let paths = [&files.ca, &files.cert, &files.key];
    if paths
        .into_iter()
        .flatten()
        .any(|path| path.to_str().is_none())
    {
        return wrong("a path of ca, cert or key is not UTF-8");
    }
    Ok(())
}

fn login(config: &KafkaConfig) -> Result<()> {
    let (has_user, has_password) = (config.user.is_some(), config.password.is_some());
    let has_file = config.password_file.is_some();
    if has_password && has_file {
        return wrong("there is a password and a password_file: keep one");
    }
    if has_user && !has_password && !has_file {
        return wrong("there is a user and no password");
    }
    if !has_user && (has_password || has_file) {
        return wrong("there is a password and no user");
    }
    if !has_user && config.sasl.is_some() {
        return wrong("sasl says how to log in, and there is no user");
    }
    Ok(())
}

fn names(config: &KafkaConfig) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    let namespace = &*config.namespace;
    if namespace.len() > 40 || !namespace.chars().all(plain) {
        return wrong("the namespace must be at most 40 of A-Z, a-z, 0-9, _ and -");
    }
    if namespace == "gm" || namespace.starts_with("__") {
        return wrong("the namespaces gm and __… are reserved");
    }
    let visible = |c: char| c.is_ascii_graphic();
    if !(1..=64).contains(&config.name.len()) || !config.name.chars().all(visible) {
        return wrong("the name must be 1 to 64 visible ASCII characters without a space");
    }
    if let Some(instance) = &config.instance {
        let fine = |c: char| plain(c) || c == '.';
        if !(1..=100).contains(&instance.len()) || !instance.chars().all(fine) {
            return wrong("the instance must be 1 to 100 of A-Z, a-z, 0-9, _, - and .");
        }
    }
    Ok(())
}

fn topics(config: &KafkaConfig) -> Result<()> {
    if !(1..=10_000).contains(&config.partitions) {
        return wrong("partitions must be 1 to 10000");
    }
    let (replication, min_insync) = (config.replication, config.min_insync);
    // The number has a sign on the wire.
    if replication.is_some_and(|n| !(1..=0x7FFF).contains(&n)) {
        return wrong("replication must be 1 to 32767");
    }
    if min_insync == Some(0) {
        return wrong("min_insync must be at least 1");
    }
    if let (Some(copies), Some(in_sync)) = (replication, min_insync)
        && in_sync > copies
    {
        return wrong("min_insync is over replication: nothing could be published");
    }
    if config.profile == Profile::Production {
        if replication == Some(1) {
            return wrong("replication=1 keeps a single copy, which profile=production refuses");
        }
        if min_insync == Some(1) {
            return wrong("min_insync=1 is one copy, which profile=production refuses");
        }
    }
    Ok(())
}

/// What the client library is built with.
fn features(config: &KafkaConfig) -> Result<()> {
    let scram = config.user.is_some() && config.sasl != Some(SaslMechanism::Plain);
    let (lacking, remedy) = if cfg!(not(feature = "zstd"))
        && config.compression == Compression::Zstd
    {
        (
            "this build of glmsg has no zstd",
            "build it with the feature zstd of glmsg-kafka, or use compression=lz4",
        )
    } else if cfg!(not(feature = "ssl")) && config.tls.is_some() {
        (
            "this build of glmsg speaks no TLS",
            "build it with the feature ssl of glmsg-kafka",
        )
    } else if cfg!(not(feature = "ssl")) && scram {
        (
            "this build of glmsg cannot log in with SCRAM",
            "build it with the feature ssl of glmsg-kafka; sasl=plain works without, and sends the \
             password as it is",
        )
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::Unsupported, lacking)
        .operation("open")
        .remedy(remedy))
}

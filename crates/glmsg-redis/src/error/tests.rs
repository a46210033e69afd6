//! Each fault has its kind, and says what to do.

use glmsg_core::ErrorKind as K;
use redis::Value;

use super::*;

fn refusal(line: &str) -> ServerError {
    match redis::parse_redis_value(format!("-{line}\r\n").as_bytes()) {
        Ok(Value::ServerError(refusal)) => refusal,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn every_refusal_has_its_kind() {
    for (line, kind, transient) in [
        (
            "OOM command not allowed when used memory > 'maxmemory'.",
            K::Full,
            true,
        ),
        (
            "WRONGPASS invalid username-password pair or user is disabled.",
            K::PermissionDenied,
            false,
        ),
        (
            "NOAUTH Authentication required.",
            K::PermissionDenied,
            false,
        ),
        (
            "NOPERM User app has no permissions to run the 'xadd' command",
            K::PermissionDenied,
            false,
        ),
        (
            "ERR The user executing the script can't run this command or subcommand script: 8631",
            K::PermissionDenied,
            false,
        ),
        (
            "ERR ACL failure in script: User app has no permissions to run the 'xadd' command",
            K::PermissionDenied,
            false,
        ),
        (
            "DENIED Redis is running in protected mode",
            K::PermissionDenied,
            false,
        ),
        (
            "ERR AUTH <password> called without any password configured for the default user.",
            K::PermissionDenied,
            false,
        ),
        (
            "WRONGTYPE Operation against a key holding the wrong kind of value",
            K::Conflict,
            false,
        ),
        (
            "READONLY You can't write against a read only replica.",
            K::Unavailable,
            true,
        ),
        (
            "LOADING Redis is loading the dataset in memory",
            K::Unavailable,
            true,
        ),
        ("BUSY Redis is busy running a script.", K::Unavailable, true),
        ("MASTERDOWN Link with MASTER is down", K::Unavailable, true),
        ("CLUSTERDOWN The cluster is down", K::Unavailable, true),
        (
            "TRYAGAIN Multiple keys request during rehashing of slot",
            K::Unavailable,
            true,
        ),
        (
            "UNBLOCKED force unblock from blocking operation",
            K::Unavailable,
            true,
        ),
        ("ASK 1 h:1", K::Unavailable, true),
        (
            "NOREPLICAS Not enough good replicas to write.",
            K::Unavailable,
            true,
        ),
        (
            "MISCONF Redis is configured to save RDB snapshots",
            K::Unavailable,
            true,
        ),
        ("ERR max number of clients reached", K::Unavailable, true),
        ("MOVED 1 h:1", K::ConfigInvalid, false),
        ("ERR DB index is out of range", K::ConfigInvalid, false),
        (
            "ERR unknown command 'XAUTOCLAIM', with args beginning with:",
            K::Unsupported,
            false,
        ),
        (
            "ERR unknown subcommand 'SETINFO'. Try CLIENT HELP.",
            K::Unsupported,
            false,
        ),
        (
            "CROSSSLOT Keys in request don't hash to the same slot",
            K::Unexpected,
            false,
        ),
        ("NOSCRIPT No matching script.", K::Unexpected, false),
        ("NOGROUP No such key", K::Unexpected, false),
        ("EXECABORT Transaction discarded", K::Unexpected, false),
        (
            "ERR value is not an integer or out of range",
            K::Unexpected,
            false,
        ),
        ("NEWCODE of a future server", K::Unexpected, false),
    ] {
        let refusal = refusal(line);
        let direct = server_error(&refusal);
        let wrapped = from_redis(&RedisError::from(refusal), true);
        for error in [direct, wrapped] {
            assert_eq!(error.kind(), kind, "{line}");
            assert_eq!(error.is_transient(), transient, "{line}");
            let text = error.to_string();
            assert!(
                kind == K::Unexpected || text.contains("; "),
                "no remedy: {text}"
            );
            assert!(!text.contains('\n'), "{text}");
        }
    }
}

#[test]
fn what_was_not_sent_is_not_in_doubt() {
    let errors = [
        io::ErrorKind::ConnectionRefused,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::BrokenPipe,
        io::ErrorKind::UnexpectedEof,
        io::ErrorKind::TimedOut,
        io::ErrorKind::HostUnreachable,
        io::ErrorKind::Other,
    ];
    for kind in errors {
        let error = RedisError::from(io::Error::from(kind));
        assert_eq!(from_redis(&error, false).kind(), K::Unavailable, "{kind}");
        assert_eq!(from_redis(&error, true).kind(), K::Indeterminate, "{kind}");
    }
    let refused = RedisError::from(io::Error::from(io::ErrorKind::ConnectionRefused));
    assert!(
        from_redis(&refused, false)
            .to_string()
            .contains("nothing listens")
    );
    let dropped = RedisError::from((redis::ErrorKind::Io, "Multiplexed connection driver"));
    assert_eq!(from_redis(&dropped, false).kind(), K::Unavailable);
    assert_eq!(from_redis(&dropped, true).kind(), K::Indeterminate);
}

#[test]
fn an_answer_that_is_none_points_at_the_port() {
    let error = RedisError::from((redis::ErrorKind::Parse, "Unexpected byte"));
    let fresh = from_redis(&error, false);
    assert_eq!(fresh.kind(), K::ConfigInvalid);
    assert!(fresh.to_string().contains("rediss://"), "{fresh}");
    // Later it is damage, and the command may have been executed.
    assert_eq!(from_redis(&error, true).kind(), K::Indeterminate);
}

#[test]
fn a_refused_login_repeats_nothing() {
    let error = server_error(&refusal("WRONGPASS invalid c4n4ry pair"));
    assert!(!format!("{error} {error:?}").contains("c4n4ry"));
}

#[test]
fn a_long_refusal_is_cut_and_stays_on_one_line() {
    let long = format!("ERR {}\tend", "x".repeat(5000));
    let text = server_error(&refusal(&long)).to_string();
    assert!(text.len() < 400 && !text.contains('\t'), "{text}");
}

#[cfg(feature = "tls")]
#[test]
fn faults_of_tls_are_found_below_others() {
    use rustls::{AlertDescription, CertificateError, Error as TlsError};

    for (fault, kind, named) in [
        (
            TlsError::InvalidCertificate(CertificateError::Expired),
            K::PermissionDenied,
            "expired",
        ),
        (
            TlsError::InvalidCertificate(CertificateError::NotValidForName),
            K::PermissionDenied,
            "another host",
        ),
        (
            TlsError::InvalidCertificate(CertificateError::UnknownIssuer),
            K::PermissionDenied,
            "ca=PATH",
        ),
        (
            TlsError::AlertReceived(AlertDescription::CertificateRequired),
            K::PermissionDenied,
            "cert=PATH",
        ),
        (
            TlsError::AlertReceived(AlertDescription::UnknownCA),
            K::PermissionDenied,
            "refuses our certificate",
        ),
        (
            TlsError::InvalidMessage(rustls::InvalidMessage::InvalidContentType),
            K::ConfigInvalid,
            "does not speak TLS",
        ),
    ] {
        let wrapped = io::Error::new(io::ErrorKind::InvalidData, fault);
        let error = from_redis(&RedisError::from(wrapped), true);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(named), "{error}");
        assert!(!error.is_transient());
    }
}

//! A server's refusals, by their first word.

use glmsg_core::{Error, ErrorKind};

/// As much of a server's text as is worth showing, on one line.
pub(super) fn shown(text: &str) -> String {
    let text = text.chars().take(160);
    text.map(|c| if c.is_control() { ' ' } else { c }).collect()
}

struct Meaning {
    kind: ErrorKind,
    text: &'static str,
    remedy: Option<&'static str>,
}

const fn meaning(kind: ErrorKind, text: &'static str, remedy: &'static str) -> Meaning {
    Meaning {
        kind,
        text,
        remedy: Some(remedy),
    }
}

pub(super) fn describe(code: &str, detail: &str) -> Error {
    let Meaning { kind, text, remedy } = look_up(code, detail);
    let mut error = Error::new(kind, text);
    // What the server says about a login may repeat the user; it says nothing the code does not.
    if !matches!(code, "WRONGPASS" | "NOAUTH") {
        error = error.with("server", shown(format!("{code} {detail}").trim_end()));
    }
    match remedy {
        Some(remedy) => error.remedy(remedy),
        None => error,
    }
}

fn look_up(code: &str, detail: &str) -> Meaning {
    match code {
        "OOM" => meaning(
            ErrorKind::Full,
            "the server's memory is full",
            "raise the server's maxmemory, consume topics or lower their max_len",
        ),
        "WRONGPASS" => meaning(
            ErrorKind::PermissionDenied,
            "the server refuses the user or the password",
            "check the login of the URL, or password_file",
        ),
        "NOAUTH" => meaning(
            ErrorKind::PermissionDenied,
            "the server wants a login",
            "put it into the URL: redis://USER:PASSWORD@HOST, or use password_file",
        ),
        "NOPERM" => no_permission(),
        "DENIED" => meaning(
            ErrorKind::PermissionDenied,
            "the server is in protected mode and refuses other hosts",
            "give the server a password, or turn protected-mode off",
        ),
        "WRONGTYPE" => meaning(
            ErrorKind::Conflict,
            "a key of ours holds something that is not ours",
            "choose another namespace, or another database",
        ),
        "READONLY" => meaning(
            ErrorKind::Unavailable,
            "the server is a replica and cannot be written",
            "name the master, or use redis+sentinel:// or redis+cluster://",
        ),
        "LOADING" => meaning(
            ErrorKind::Unavailable,
            "the server is still loading its data",
            "try again when it is done",
        ),
        "BUSY" => meaning(
            ErrorKind::Unavailable,
            "the server is busy with a script",
            "look with SLOWLOG at whose it is",
        ),
        "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "UNBLOCKED" | "ASK" => meaning(
            ErrorKind::Unavailable,
            "the server cannot serve these keys now",
            "try again when the fail-over or the move of slots is over",
        ),
        "NOREPLICAS" => meaning(
            ErrorKind::Unavailable,
            "the server has fewer replicas than it must have to write",
            "start them, or lower the server's min-replicas-to-write",
        ),
        "MISCONF" => meaning(
            ErrorKind::Unavailable,
            "the server stopped writing because it cannot save to its disk",
            "see the server's log: most often its disk is full",
        ),
        "MOVED" => meaning(
            ErrorKind::ConfigInvalid,
            "the server is a node of a cluster",
            "write the URL as redis+cluster://",
        ),
        "CROSSSLOT" => meaning(
            ErrorKind::Unexpected,
            "keys of one call are in several slots of the cluster",
            "this is a defect in glmsg: please report it",
        ),
        "NOSCRIPT" => meaning(
            ErrorKind::Unexpected,
            "the server forgets scripts as soon as they are loaded",
            "look for somebody who runs SCRIPT FLUSH",
        ),
        "EXECABORT" | "NOGROUP" | "BUSYGROUP" | "BUSYKEY" | "INPROG" | "NOTBUSY" | "NOSUB" => {
            other()
        }
        _ => by_text(detail),
    }
}

fn no_permission() -> Meaning {
    meaning(
        ErrorKind::PermissionDenied,
        "the server does not allow this user to do it",
        "allow the user what its part needs, as docs/backends/redis.md lists it; ACL LOG names what was \
         refused",
    )
}

/// What the servers put under the code `ERR`.
fn by_text(detail: &str) -> Meaning {
    let detail = detail.to_ascii_lowercase();
    // Within a script: Redis 7.0, and the newer ones.
    if detail.contains("user executing the script can't")
        || detail.contains("acl failure in script")
    {
        no_permission()
    } else if detail.contains("unknown command") || detail.contains("unknown subcommand") {
        meaning(
            ErrorKind::Unsupported,
            "the server does not know a command",
            "use Redis 7.0 or newer, or Valkey, with no command renamed",
        )
    } else if detail.contains("max number of clients") {
        meaning(
            ErrorKind::Unavailable,
            "the server has as many connections as it allows",
            "raise the server's maxclients, or lower connections",
        )
    } else if detail.contains("without any password") {
        meaning(
            ErrorKind::PermissionDenied,
            "the server has no password, and the configuration names one",
            "take the password out of the URL, or name the user it belongs to",
        )
    } else if detail.contains("db index is out of range") {
        meaning(
            ErrorKind::ConfigInvalid,
            "the server has no database of this number",
            "choose a smaller number, or 0 with a namespace",
        )
    } else {
        other()
    }
}

fn other() -> Meaning {
    Meaning {
        kind: ErrorKind::Unexpected,
        text: "the server refused a command",
        remedy: None,
    }
}

//! What an answer asks of the one who sent the command.

use redis::{ServerError, Value};

use crate::config::Address;

/// What an answer asks of the one who sent the command. All but `Done` mean that the server has
/// not executed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing: it is an answer, or a refusal that stays.
    Done,
    /// To try again later.
    Later,
    /// To look for the master, then try again.
    NoMaster,
    /// To load the scripts, then try again.
    LoadScripts,
    /// To go to this node from now on.
    Moved { slot: u16, node: Address },
    /// To go to this node this once.
    Ask { node: Address },
}

impl Verdict {
    /// `asked` is who gave the answer: a node that does not know its own name leaves it out.
    pub(super) fn of(answer: &Value, asked: &Address) -> Self {
        match answer {
            Value::ServerError(refusal) => Self::of_refusal(refusal, asked),
            _ => Self::Done,
        }
    }

    fn of_refusal(refusal: &ServerError, asked: &Address) -> Self {
        let redirect = || redirect(refusal.details().unwrap_or_default(), asked);
        match refusal.code() {
            "LOADING" | "TRYAGAIN" | "BUSY" | "NOREPLICAS" => Self::Later,
            "READONLY" | "MASTERDOWN" | "CLUSTERDOWN" | "UNBLOCKED" => Self::NoMaster,
            "NOSCRIPT" => Self::LoadScripts,
            "MOVED" => redirect().map_or(Self::Later, |(slot, node)| Self::Moved { slot, node }),
            "ASK" => redirect().map_or(Self::Later, |(_, node)| Self::Ask { node }),
            _ => Self::Done,
        }
    }
}

/// Reads `3999 127.0.0.1:6381`, `3999 ::1:6381` and `3999 :6381`.
fn redirect(detail: &str, asked: &Address) -> Option<(u16, Address)> {
    let mut words = detail.split_ascii_whitespace();
    let slot = words.next()?.parse().ok()?;
    let (host, port) = words.next()?.rsplit_once(':')?;
    let host = match host {
        "" | "?" => &asked.host,
        host => host,
    };
    Some((slot, Address::new(host, port.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(line: &str) -> Verdict {
        let answer = redis::parse_redis_value(format!("-{line}\r\n").as_bytes());
        Verdict::of(&answer.unwrap(), &Address::new("asked", 1))
    }

    #[test]
    fn refusals_that_pass_are_told_from_those_that_stay() {
        for (line, expected) in [
            (
                "LOADING Redis is loading the dataset in memory",
                Verdict::Later,
            ),
            (
                "TRYAGAIN Multiple keys request during rehashing of slot",
                Verdict::Later,
            ),
            ("BUSY Redis is busy running a script.", Verdict::Later),
            (
                "NOREPLICAS Not enough good replicas to write.",
                Verdict::Later,
            ),
            (
                "READONLY You can't write against a read only replica.",
                Verdict::NoMaster,
            ),
            ("MASTERDOWN Link with MASTER is down", Verdict::NoMaster),
            ("CLUSTERDOWN The cluster is down", Verdict::NoMaster),
            (
                "UNBLOCKED force unblock from blocking operation",
                Verdict::NoMaster,
            ),
            ("NOSCRIPT No matching script.", Verdict::LoadScripts),
            ("OOM command not allowed", Verdict::Done),
            ("NOPERM no", Verdict::Done),
            ("WRONGTYPE no", Verdict::Done),
            ("ERR whatever", Verdict::Done),
        ] {
            assert_eq!(verdict(line), expected, "{line}");
        }
    }

    #[test]
    fn redirections_are_followed_to_where_they_point() {
        let moved = |host, port| Verdict::Moved {
            slot: 3999,
            node: Address::new(host, port),
        };
        assert_eq!(verdict("MOVED 3999 10.0.0.1:6381"), moved("10.0.0.1", 6381));
        assert_eq!(verdict("MOVED 3999 ::1:6381"), moved("::1", 6381));
        assert_eq!(verdict("MOVED 3999 :6381"), moved("asked", 6381));
        assert_eq!(verdict("MOVED 3999 ?:6381"), moved("asked", 6381));
        assert_eq!(verdict("MOVED nonsense"), Verdict::Later);
        let node = Address::new("h", 2);
        assert_eq!(verdict("ASK 5 h:2"), Verdict::Ask { node });
    }
}

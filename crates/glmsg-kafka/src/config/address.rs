//! Where a server listens.

use std::fmt;

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// A name or an IP address; an IPv6 address stands without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl Address {
    /// The port where nothing else is said.
    pub const PORT: u16 = 9092;

    /// This host and port.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
        }
    }

    /// Reads `host`, `host:port`, `[v6]` and `[v6]:port`.
    pub(crate) fn parse(text: &str, default_port: u16) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']')?;
                let port = match rest {
                    "" => None,
                    _ => Some(rest.strip_prefix(':')?),
                };
                (host, port)
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let wrong = |c: char| c.is_whitespace() || c.is_control() || "/?#@,%".contains(c);
        if host.is_empty() || host.contains(wrong) {
            return None;
        }
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port != 0)?,
            None => default_port,
        };
        Some(Self::new(host, port))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_printed() {
        for (text, host, port, printed) in [
            ("db", "db", 7, "db:7"),
            ("db.local:9093", "db.local", 9093, "db.local:9093"),
            ("[::1]", "::1", 7, "[::1]:7"),
            ("[fe80::1]:9093", "fe80::1", 9093, "[fe80::1]:9093"),
        ] {
            let address = Address::parse(text, 7).unwrap();
            assert_eq!(address, Address::new(host, port), "{text}");
            assert_eq!(address.to_string(), printed);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            ":1",
            "h:",
            "h:0",
            "h:65536",
            "h:x",
            "::1",
            "[::1",
            "[::1]9092",
            "a b",
            "a/b",
        ] {
            assert_eq!(Address::parse(text, 7), None, "{text}");
        }
    }
}

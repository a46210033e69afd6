//! The one request of Kafka's protocol that is needed here: `Metadata`, which a broker answers when it has joined.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::failure::{Failure, Outcome};

/// What a healthy broker on this machine never needs for an answer.
const LIMIT: Duration = Duration::from_secs(5);

/// More than three brokers have to say. What calls itself longer is no broker.
const LONGEST: usize = 64 * 1024;

/// The oldest version whose reply has the cluster's id.
const VERSION: i16 = 2;

/// The request's number among all of the protocol.
const METADATA: i16 = 3;

/// A cluster as one of its brokers sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cluster {
    pub(super) id: String,
    /// How many brokers are in it and not suspected to be gone.
    pub(super) brokers: usize,
}

/// Asks the broker on that port, which must be one without TLS.
pub(super) fn ask(port: u16) -> Outcome<Cluster> {
    let reply = exchange(port)
        .map_err(|error| Failure::failed(format!("no answer on port {port}: {error}")))?;
    parse(&reply).ok_or_else(|| {
        Failure::failed(format!("what answers on port {port} is no broker of Kafka"))
    })
}

fn exchange(port: u16) -> std::io::Result<Vec<u8>> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    stream.write_all(&request())?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(std::io::Error::other("a reply that is too long"));
    }
    let mut reply = vec![0; length];
    stream.read_exact(&mut reply)?;
    Ok(reply)
}

/// Asks for the brokers and no topic.
fn request() -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(METADATA.to_be_bytes());
    body.extend(VERSION.to_be_bytes());
    // The request's number on this connection, then a client without a name, then no topics.
    body.extend(1_i32.to_be_bytes());
    body.extend((-1_i16).to_be_bytes());
    body.extend(0_i32.to_be_bytes());
    let length = u32::try_from(body.len()).unwrap_or(0);
    let mut request = length.to_be_bytes().to_vec();
    request.extend(body);
    request
}

fn parse(reply: &[u8]) -> Option<Cluster> {
    let mut fields = Fields(reply);
    if fields.int32()? != 1 {
        return None;
    }
    let brokers = fields.int32()?;
    for _ in 0..brokers {
        let _id = fields.int32()?;
        let _host = fields.string()?;
        let _port = fields.int32()?;
        let _rack = fields.string()?;
    }
    Some(Cluster {
        id: fields.string()??,
        brokers: usize::try_from(brokers).ok()?,
    })
}

/// What is left of a reply.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn int32(&mut self) -> Option<i32> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(i32::from_be_bytes(*bytes))
    }

    /// A string, or the null that stands for none.
    fn string(&mut self) -> Option<Option<String>> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        let Ok(length) = usize::try_from(i16::from_be_bytes(*bytes)) else {
            return Some(None);
        };
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(Some(String::from_utf8(text.to_vec()).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// A reply with two brokers, one of them in a rack.
    fn reply() -> Vec<u8> {
        let mut reply = Vec::new();
        let string = |reply: &mut Vec<u8>, text: &str| {
            reply.extend(i16::try_from(text.len()).unwrap().to_be_bytes());
            reply.extend(text.as_bytes());
        };
        reply.extend(1_i32.to_be_bytes());
        reply.extend(2_i32.to_be_bytes());
        for (id, rack) in [(1_i32, None), (2, Some("here"))] {
            reply.extend(id.to_be_bytes());
            string(&mut reply, "127.0.0.1");
            reply.extend(12_000_i32.to_be_bytes());
            match rack {
                Some(rack) => string(&mut reply, rack),
                None => reply.extend((-1_i16).to_be_bytes()),
            }
        }
        string(&mut reply, "0123456789abcdef01234A");
        // The controller, and no topics.
        reply.extend(1_i32.to_be_bytes());
        reply.extend(0_i32.to_be_bytes());
        reply
    }

    #[test]
    fn a_request_says_its_length_first() {
        let request = request();
        assert_eq!(request[..4], 14_u32.to_be_bytes());
        assert_eq!(request.len(), 4 + 14);
        assert_eq!(request[4..8], [0, 3, 0, 2]);
    }

    #[test]
    fn a_reply_has_the_brokers_and_the_cluster() {
        let cluster = parse(&reply()).unwrap();
        assert_eq!(cluster.id, "0123456789abcdef01234A");
        assert_eq!(cluster.brokers, 2);
    }

    #[test]
    fn a_reply_that_is_cut_short_is_none() {
        let reply = reply();
        let needed = reply.len() - 8;
        for length in 0..needed {
            assert_eq!(parse(&reply[..length]), None, "{length}");
        }
        assert!(parse(&reply[..needed]).is_some());
        assert_eq!(parse(b"HTTP/1.1 400 Bad Request\r\n\r\n"), None);
    }

    #[test]
    fn what_is_no_broker_is_told_apart_from_nothing() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let other = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 18];
            stream.read_exact(&mut request).unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request").unwrap();
        });
        let failure = ask(port).unwrap_err().to_string();
        assert!(failure.contains("too long"), "{failure}");
        other.join().unwrap();
        assert!(ask(port).unwrap_err().to_string().contains("no answer"));
    }
}

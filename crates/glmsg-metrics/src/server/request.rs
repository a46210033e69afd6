//! The head of a request, from a client that may be anything.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

/// The most that a head may have. Prometheus sends some 300 bytes.
const HEAD: usize = 8 * 1024;
const FIELDS: usize = 64;
/// How long a client may take for it.
const LIMIT: Duration = Duration::from_secs(5);

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    /// Without a query.
    pub(super) path: String,
    /// What the `Accept` fields say.
    pub(super) accept: String,
}

/// Why there is no request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The client has gone, or has said nothing.
    Silent,
    /// It took too long in the middle of a head.
    Slow,
    TooLarge,
    Malformed,
}

/// Reads a head within the limits.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Request, Refused> {
    let mut head = Vec::new();
    match timeout(LIMIT, read_into(stream, &mut head)).await {
        Ok(request) => request,
        Err(_) if head.is_empty() => Err(Refused::Silent),
        Err(_) => Err(Refused::Slow),
    }
}

async fn read_into(
    stream: &mut (impl AsyncRead + Unpin),
    head: &mut Vec<u8>,
) -> Result<Request, Refused> {
    let mut part = [0; 1024];
    loop {
        let read = stream.read(&mut part).await;
        let read = read.map_err(|_| Refused::Silent)?;
        if read == 0 {
            return Err(Refused::Silent);
        }
        head.extend_from_slice(&part[..read]);
        if let Some(request) = parse(head)? {
            return Ok(request);
        }
        if head.len() > HEAD {
            return Err(Refused::TooLarge);
        }
    }
}

/// `None` if the end is not there yet.
fn parse(head: &[u8]) -> Result<Option<Request>, Refused> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut parsed = httparse::Request::new(&mut fields);
    match parsed.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Refused::TooLarge),
        Err(_) => return Err(Refused::Malformed),
    }
    let (method, target) = (
        parsed.method.unwrap_or_default(),
        parsed.path.unwrap_or_default(),
    );
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let accept = parsed.headers.iter();
    let accept = accept.filter(|field| field.name.eq_ignore_ascii_case("accept"));
    let accept: Vec<_> = accept
        .map(|field| String::from_utf8_lossy(field.value))
        .collect();
    Ok(Some(Request {
        method: method.to_owned(),
        path: path.to_owned(),
        accept: accept.join(","),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_from(mut bytes: &[u8]) -> Result<Request, Refused> {
        read(&mut bytes).await
    }

    #[tokio::test]
    async fn a_request_is_read_and_its_query_left_out() {
        let head = b"GET /metrics?x=1 HTTP/1.1\r\nHost: h\r\nACCEPT: text/plain\r\n\r\n";
        let request = read_from(head).await.expect("well formed");
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("GET", "/metrics")
        );
        assert_eq!(request.accept, "text/plain");
    }

    #[tokio::test]
    async fn what_is_no_request_is_refused() {
        let huge = [b"GET / HTTP/1.1\r\nX: ".as_slice(), &[b'x'; 20_000]].concat();
        assert_eq!(read_from(&huge).await, Err(Refused::TooLarge));
        let many = ["GET / HTTP/1.1\r\n", &"X: y\r\n".repeat(100), "\r\n"].concat();
        assert_eq!(read_from(many.as_bytes()).await, Err(Refused::TooLarge));
        for bytes in [
            b"\x16\x03\x01\x02\x00\x01".as_slice(),
            b"GET  HTTP/9\r\n\r\n",
        ] {
            assert_eq!(read_from(bytes).await, Err(Refused::Malformed));
        }
        assert_eq!(read_from(b"GET / HT").await, Err(Refused::Silent));
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_does_not_end_is_given_up() {
        let (mut stream, mut client) = tokio::io::duplex(64);
        let slow = tokio::spawn(async move { read(&mut stream).await });
        let sent = tokio::io::AsyncWriteExt::write_all(&mut client, b"GET / HTTP").await;
        sent.expect("it fits");
        assert_eq!(slow.await.expect("no panic"), Err(Refused::Slow));
    }
}

//! Just enough of the Redis protocol to ask whether a server lives, and to make it suffer.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// What a server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// `+OK`.
    Simple(String),
    /// `-ERR …`.
    Error(String),
    /// `:1`.
    Integer(i64),
    /// Bytes, or none. What is no UTF-8 is replaced.
    Bulk(Option<String>),
    /// A list, or none.
    Array(Option<Vec<Reply>>),
}

impl Reply {
    /// The text of a simple or a bulk string.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Simple(text) => Some(text),
            Self::Bulk(text) => text.as_deref(),
            _ => None,
        }
    }

    /// The number, also where it is written as text.
    pub fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            other => other.text()?.parse().ok(),
        }
    }

    /// The list.
    pub fn list(&self) -> &[Reply] {
        match self {
            Self::Array(Some(list)) => list,
            _ => &[],
        }
    }
}

/// A connection for commands.
#[derive(Debug)]
pub(super) struct Session {
    stream: BufReader<TcpStream>,
}

impl Session {
    pub(super) async fn open(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    pub(super) async fn ask<W: AsRef<[u8]>>(&mut self, words: &[W]) -> io::Result<Reply> {
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            let word = word.as_ref();
            request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            request.extend_from_slice(word);
            request.extend_from_slice(b"\r\n");
        }
        self.stream.get_mut().write_all(&request).await?;
        read(&mut self.stream).await
    }
}

async fn read<R: AsyncBufReadExt + Unpin + Send>(stream: &mut R) -> io::Result<Reply> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let Some(line) = line.strip_suffix("\r\n") else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    let strange = || io::Error::new(io::ErrorKind::InvalidData, line.to_owned());
    let (kind, rest) = line.split_at_checked(1).ok_or_else(strange)?;
    let number = || rest.parse::<i64>().map_err(|_| strange());
    Ok(match kind {
        "+" => Reply::Simple(rest.to_owned()),
        "-" => Reply::Error(rest.to_owned()),
        ":" => Reply::Integer(number()?),
        "$" => match usize::try_from(number()?) {
            Ok(length) => {
                let mut bytes = vec![0; length + 2];
                stream.read_exact(&mut bytes).await?;
                let text = String::from_utf8_lossy(&bytes[..length]);
                Reply::Bulk(Some(text.into_owned()))
            }
            Err(_) => Reply::Bulk(None),
        },
        "*" => match usize::try_from(number()?) {
            Ok(length) => {
                let mut list = Vec::new();
                for _ in 0..length {
                    list.push(Box::pin(read(stream)).await?);
                }
                Reply::Array(Some(list))
            }
            Err(_) => Reply::Array(None),
        },
        _ => return Err(strange()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_kind_of_reply_is_read() {
        let mut bytes: &[u8] = b"*6\r\n+OK\r\n-ERR no\r\n:-7\r\n$3\r\na\r\n\r\n$-1\r\n*0\r\n";
        let reply = read(&mut bytes).await.unwrap();
        let [simple, error, integer, bulk, none, empty] = reply.list() else {
            panic!("{reply:?}");
        };
        assert_eq!(simple.text(), Some("OK"));
        assert_eq!(*error, Reply::Error("ERR no".to_owned()));
        assert_eq!(integer.integer(), Some(-7));
        assert_eq!(bulk.text(), Some("a\r\n").map(|text| &text[..3]));
        assert_eq!((none.text(), empty.list().len()), (None, 0));
    }

    #[tokio::test]
    async fn half_a_reply_is_an_error() {
        for mut bytes in [&b"$5\r\nab"[..], b"+OK", b"", b"?\r\n", b"\r\n"] {
            assert!(read(&mut bytes).await.is_err(), "{bytes:?}");
        }
    }
}

//! A connection that its holder drives: what is asked is written, and what comes back is read, in
//! the task that wants it, with no other task between.

mod heard;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use glmsg_core::{Error, Result};
use redis::{Pipeline, Value};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::dial::Ask;
use super::node::Node;
use super::reply::{Answers, Scanner};
use super::within::within;
use crate::error::{from_io, lost, silent};

/// How long the server may be silent while it owes an answer, and how long it may take no byte.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);
/// How much is made room for at once.
const ROOM: usize = 16 << 10;
/// Answers up to this are copied out of that room.
const SMALL: usize = 2 << 10;
/// However long an answer says it is, only so much is made room for before more of it has come.
const MOST_ROOM: usize = 1 << 20;

/// What a connection is made of.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

/// A connection that its holder drives. After an error it is of no more use.
pub(crate) struct Direct {
    node: Arc<Node>,
    stream: Box<dyn Stream>,
    incoming: BytesMut,
    scanner: Scanner,
    /// What the server calls it.
    id: u64,
    /// The same, where it may be told to end it.
    name: Option<ClientName>,
    /// Something was written whose answer has not come.
    owes: bool,
    /// What is owed must not be done twice: before it is tried again, the server must have ended
    /// this connection.
    is_once: bool,
    is_broken: bool,
}

/// What a server calls a connection. The number alone could be another's after a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClientName {
    pub(super) id: u64,
    pub(super) address: String,
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direct")
            .field("address", &self.node.address)
            .field("name", &self.name)
            .field("owes", &self.owes)
            .finish_non_exhaustive()
    }
}

impl Direct {
    pub(super) fn new(node: Arc<Node>, stream: Box<dyn Stream>) -> Self {
        Self {
            node,
            stream,
            incoming: BytesMut::new(),
            scanner: Scanner::default(),
            id: 0,
            name: None,
            owes: false,
            is_once: false,
            is_broken: false,
        }
    }

    /// Whose connection it is.
    pub(super) fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// What the server calls it, for `CLIENT UNBLOCK`; 0 if it does not tell.
    pub(crate) fn client_id(&self) -> u64 {
        self.id
    }

    pub(super) fn set_name(&mut self, id: u64, address: Option<String>) {
        self.id = id;
        self.name = address.map(|address| ClientName { id, address });
    }

    /// Whether the server can be told to end it, so that what it has not done it never does.
    pub(crate) fn can_be_ended(&self) -> bool {
        self.name.is_some()
    }

    /// Whether it can be used again.
    pub(super) fn is_idle(&self) -> bool {
        !self.owes && !self.is_broken
    }

    /// From here on, what is written must not be done twice.
    pub(crate) fn begin_once(&mut self) {
        self.is_once = true;
    }

    /// Writes a part of what is asked.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.owes = true;
        let written = self.write_all(bytes).await;
        written.inspect_err(|_| self.is_broken = true)
    }

    async fn write_all(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            match within(PATIENCE, self.stream.write(bytes)).await {
                Ok(Ok(0)) => return Err(lost(true)),
                Ok(Ok(written)) => bytes = &bytes[written..],
                Ok(Err(error)) => return Err(from_io(&error, true)),
                Err(_) => return Err(silent(true)),
            }
        }
        match within(PATIENCE, self.stream.flush()).await {
            Ok(flushed) => flushed.map_err(|error| from_io(&error, true)),
            Err(_) => Err(silent(true)),
        }
    }

    /// Waits for the first answers of those that are owed, each no longer than [`PATIENCE`]. Until
    /// the others have come, too, the connection is of no use to anybody else.
    pub(crate) async fn first_answers(&mut self, count: usize) -> Result<Answers> {
        let answers = self.read(count, Duration::ZERO).await;
        match &answers {
            Ok(_) => self.is_once = false,
            Err(_) => self.is_broken = true,
        }
        answers
    }

    /// Waits for all answers that are still owed, each no longer than [`PATIENCE`] and what it
    /// blocks.
    pub(crate) async fn answers(&mut self, count: usize, blocks: Duration) -> Result<Answers> {
        let answers = self.read(count, blocks).await;
        match &answers {
            Ok(_) => (self.owes, self.is_once) = (false, false),
            Err(_) => self.is_broken = true,
        }
        answers
    }

    async fn read(&mut self, count: usize, blocks: Duration) -> Result<Answers> {
        self.scanner.expect(count);
        while !self.scanner.advance(&self.incoming)? {
            let wanted = self.scanner.wanted().clamp(ROOM, MOST_ROOM);
            self.incoming.reserve(wanted);
            let read = self.stream.read_buf(&mut self.incoming);
            match within(PATIENCE + blocks, read).await {
                Ok(Ok(0)) => return Err(lost(true)),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(from_io(&error, true)),
                Err(_) => return Err(silent(true)),
            }
        }
        Ok(self.taken())
    }

    /// What was awaited, which is there.
    fn taken(&mut self) -> Answers {
        let (heads, len) = self.scanner.take();
        let is_all = len == self.incoming.len();
        if len <= SMALL && is_all && self.incoming.capacity() <= 2 * ROOM {
            // The room that was made is good for the next answer, too. Not what a large one took.
            let bytes = Bytes::copy_from_slice(&self.incoming);
            self.incoming.clear();
            return Answers::new(bytes, heads);
        }
        let bytes: Bytes = self.incoming.split_to(len).freeze();
        if self.incoming.is_empty() {
            // What was read may be kept for long; no buffer is kept beside it.
            self.incoming = BytesMut::new();
        }
        Answers::new(bytes, heads)
    }
}

impl Ask for Direct {
    async fn ask(&mut self, questions: &Pipeline) -> Result<Vec<Value>, Error> {
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        self.write(&questions.get_packed_pipeline())
            .await
            .map_err(|_| lost(false))?;
        let answers = self.answers(questions.len(), Duration::ZERO).await;
        answers.map_err(|_| lost(false))?.values()
    }
}

impl Drop for Direct {
    fn drop(&mut self) {
        if self.owes
            && self.is_once
            && let Some(name) = self.name.take()
        {
            self.node.note_unended(name);
        }
    }
}

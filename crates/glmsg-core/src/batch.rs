//! A bounded batch of messages.

use std::ops::Deref;

use crate::limits::{MAX_BATCH, MAX_BATCH_BYTES};
use crate::{Error, ErrorKind, Message, MessageId, Result};

/// Messages to be published together: at most 1000, with at most 32 MiB of payload. It
/// dereferences to a slice, which is what `publish` takes.
///
/// ```
/// use glmsg_core::{Message, MessageBatch};
///
/// let mut batch = MessageBatch::new();
/// batch.push(Message::new("flights", "DTW-LAS")?)?;
/// assert_eq!(batch.len(), 1);
/// # Ok::<(), glmsg_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct MessageBatch {
    id: MessageId,
    messages: Vec<Message>,
    bytes: usize,
}

impl MessageBatch {
    /// An empty batch with a new id.
    #[allow(clippy::new_without_default, reason = "every call gives another id")]
    pub fn new() -> Self {
        Self {
            id: MessageId::new(),
            messages: Vec::new(),
            bytes: 0,
        }
    }

    /// Identifies the batch in logs.
    pub fn id(&self) -> MessageId {
        self.id
    }

    /// Adds a message.
    ///
    /// # Errors
    /// `TooLarge` if the batch is full; the batch is unchanged.
    pub fn push(&mut self, message: Message) -> Result<()> {
        let bytes = self.bytes + message.payload().len();
        if self.messages.len() >= MAX_BATCH || bytes > MAX_BATCH_BYTES {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("a batch holds at most {MAX_BATCH} messages and {MAX_BATCH_BYTES} bytes"),
            ));
        }
        self.bytes = bytes;
        self.messages.push(message);
        Ok(())
    }

    /// Payload bytes of all messages together.
    pub fn payload_bytes(&self) -> usize {
        self.bytes
    }

    /// The messages.
    pub fn into_messages(self) -> Vec<Message> {
        self.messages
    }
}

impl Deref for MessageBatch {
    type Target = [Message];
    fn deref(&self) -> &[Message] {
        &self.messages
    }
}

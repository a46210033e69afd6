//! One request, and its reply.

use std::future::{Future, IntoFuture};
use std::ops::Deref;
use std::pin::Pin;
use std::time::Duration;

use glmsg_core::{Message, MessageBuilder};

use super::{ERROR_CODE, ERROR_TEXT, ReplyError, RequestError, Requester};

/// A request that is not sent yet: `.await` sends it and waits for the reply.
#[must_use = "a request is sent when it is awaited"]
#[derive(Debug)]
pub struct Request {
    pub(super) requester: Requester,
    pub(super) message: MessageBuilder,
    pub(super) timeout: Duration,
    pub(super) must_be_served: bool,
}

impl Request {
    /// How long to wait for the reply, 1 ms to 1 day; it counts from when it is awaited. Default:
    /// the requester's, 30 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Answers [`Unavailable`](RequestError::Unavailable) at once if nobody has ever served the
    /// topic: it has no group. Without this the request waits for a responder to come. That a
    /// responder is there *now* it does not say.
    pub fn must_be_served(mut self) -> Self {
        self.must_be_served = true;
        self
    }
}

impl IntoFuture for Request {
    type Output = Result<Reply, RequestError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// Sends it and waits for the reply. Dropping the future gives the waiting up; a reply that
    /// comes later is counted as late.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// The answer to a request. It dereferences to the [`Message`], so that `decode` gives a value.
#[derive(Debug, Clone)]
pub struct Reply(Message);

impl Reply {
    pub(super) fn read(message: Message) -> Result<Self, RequestError> {
        match message.header(ERROR_CODE) {
            None => Ok(Self(message)),
            Some(code) => {
                let text = message.header(ERROR_TEXT).unwrap_or_default();
                Err(RequestError::Refused(ReplyError::new(code, text)))
            }
        }
    }

    /// The message.
    pub fn into_message(self) -> Message {
        self.0
    }
}

impl Deref for Reply {
    type Target = Message;

    fn deref(&self) -> &Message {
        &self.0
    }
}

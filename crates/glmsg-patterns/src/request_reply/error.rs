//! Why a request has no answer, and answers that are errors.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use glmsg_core::{Error, TopicName, clean_error_text};

/// The longest code of a [`ReplyError`], in bytes.
const MAX_CODE: usize = 64;

/// An error as an answer: a code to branch on, and a text for people.
///
/// Any [`std::error::Error`] becomes one of the code `failed`. Like `Box<dyn Error>` it is none
/// itself.
#[derive(Clone, PartialEq, Eq)]
pub struct ReplyError {
    code: Box<str>,
    text: Box<str>,
}

impl ReplyError {
    /// The request's payload is not what the handler takes.
    pub const BAD_REQUEST: &'static str = "bad-request";
    /// The handler failed, and gave no code of its own.
    pub const FAILED: &'static str = "failed";
    /// The handler panicked.
    pub const PANICKED: &'static str = "panicked";
    /// The handler took longer than it may.
    pub const TIMED_OUT: &'static str = "timed-out";

    /// An error with a code of your own: at most 64 visible ASCII characters, what is over or
    /// invisible is left out. The text is cut at 1 KiB.
    pub fn new(code: impl AsRef<str>, text: impl AsRef<str>) -> Self {
        let visible = code.as_ref().chars().filter(char::is_ascii_graphic);
        let code: String = visible.take(MAX_CODE).collect();
        let code = if code.is_empty() { Self::FAILED } else { &code };
        Self {
            code: code.into(),
            text: clean_error_text(text.as_ref()),
        }
    }

    /// Its code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.text)
    }
}

impl fmt::Debug for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<E: StdError> From<E> for ReplyError {
    fn from(error: E) -> Self {
        Self::new(Self::FAILED, error.to_string())
    }
}

/// Why a request has no answer.
#[non_exhaustive]
#[derive(Debug)]
pub enum RequestError {
    /// The answer is an error.
    Refused(ReplyError),
    /// There was no reply in this time. The request may have been handled, or may be yet.
    TimedOut(Duration),
    /// Nobody has ever served the topic. Nothing was sent. Only for requests that
    /// [ask](super::Request::must_be_served) for it.
    Unavailable(TopicName),
    /// It could not be sent: the message is not valid, or the broker does not take it.
    Send(Error),
    /// The requester was closed, or the broker.
    Closed,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => write!(f, "the request was refused: {error}"),
            Self::TimedOut(after) => write!(f, "no reply within {after:?}"),
            Self::Unavailable(topic) => {
                write!(
                    f,
                    "nobody has ever served {topic}; start a responder for it"
                )
            }
            Self::Send(error) => write!(f, "the request could not be sent: {error}"),
            Self::Closed => f.write_str("the requester is closed"),
        }
    }
}

impl StdError for RequestError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Send(error) => Some(error),
            _ => None,
        }
    }
}

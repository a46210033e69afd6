//! The one error type of glmsg.

use std::error::Error as StdError;
use std::fmt;

/// Shorthand for a result with glmsg's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in terms a caller can branch on.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The broker cannot be reached or cannot serve now. Nothing was done.
    Unavailable,
    /// The operation did not finish in its time. Nothing is known to be done.
    Timeout,
    /// The operation may or may not have been done; only an idempotent retry is safe.
    Indeterminate,
    /// The topic or the store is full. Consume, trim or raise the bound.
    Full,
    /// The broker asks for a slower pace.
    Throttled,
    /// The broker, subscription or consumer was closed.
    Closed,
    /// The named topic, group, message or file does not exist.
    NotFound,
    /// The named thing exists already.
    AlreadyExists,
    /// The credentials or the file's permissions do not allow this.
    PermissionDenied,
    /// An argument is not acceptable: a name, a bound, a combination.
    InvalidArgument,
    /// A URL or a configuration key is not acceptable.
    ConfigInvalid,
    /// A size limit is exceeded.
    TooLarge,
    /// Bytes could not be encoded or decoded.
    Codec,
    /// The state found does not allow this: another setting, version or owner.
    Conflict,
    /// This backend, or this build of glmsg, cannot do it.
    Unsupported,
    /// Anything else: a defect in glmsg, a damaged store, a driver's surprise.
    Unexpected,
}

impl ErrorKind {
    /// The stable name, as printed and as found in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Indeterminate => "indeterminate",
            Self::Full => "full",
            Self::Throttled => "throttled",
            Self::Closed => "closed",
            Self::NotFound => "not-found",
            Self::AlreadyExists => "already-exists",
            Self::PermissionDenied => "permission-denied",
            Self::InvalidArgument => "invalid-argument",
            Self::ConfigInvalid => "config-invalid",
            Self::TooLarge => "too-large",
            Self::Codec => "codec",
            Self::Conflict => "conflict",
            Self::Unsupported => "unsupported",
            Self::Unexpected => "unexpected",
        }
    }

    const fn default_retry(self) -> RetryClass {
        match self {
            Self::Unavailable
            | Self::Timeout
            | Self::Indeterminate
            | Self::Full
            | Self::Throttled => RetryClass::Transient,
            _ => RetryClass::Never,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetryClass {
    /// The same call will fail the same way.
    Never,
    /// The same call may succeed later.
    Transient,
    /// It was transient, and somebody below has already tried often enough: retries must not nest.
    Exhausted,
}

/// The error of every glmsg operation: a kind to branch on, whether a retry helps, and a text that
/// says what was wrong, where, and what to do.
///
/// It is one pointer wide. `Display` is one line; secrets never enter it, because whoever creates
/// an error about a URL or a key redacts it first.
///
/// ```
/// use glmsg_core::{Error, ErrorKind};
///
/// let err = Error::new(ErrorKind::Full, "topic holds 100000 messages that no group has acked")
///     .operation("publish")
///     .with("topic", "flights")
///     .remedy("consume the topic or raise max_len");
/// assert_eq!(err.kind(), ErrorKind::Full);
/// assert!(err.is_transient());
/// assert_eq!(
///     err.to_string(),
///     "publish: topic holds 100000 messages that no group has acked (topic: flights); \
///      consume the topic or raise max_len",
/// );
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    retry: RetryClass,
    operation: Option<&'static str>,
    message: String,
    context: Vec<(&'static str, String)>,
    remedy: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind`, with a sentence that says what was wrong. The retry class follows from
    /// the kind until [`retry`](Self::retry) changes it.
    #[cold]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            retry: kind.default_retry(),
            operation: None,
            message: message.into(),
            context: Vec::new(),
            remedy: None,
            source: None,
        }))
    }

    /// Names the operation that failed; the innermost name given first stays.
    #[must_use]
    pub fn operation(mut self, operation: &'static str) -> Self {
        self.0.operation.get_or_insert(operation);
        self
    }

    /// Adds where: a topic, a path, a line.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((key, value.to_string()));
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.0.remedy = Some(remedy.into());
        self
    }

    /// Attaches the cause.
    #[must_use]
    pub fn source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Sets the retry class where it differs from what the kind implies.
    #[must_use]
    pub fn retry(mut self, retry: RetryClass) -> Self {
        self.0.retry = retry;
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether trying again can help.
    pub fn retry_class(&self) -> RetryClass {
        self.0.retry
    }

    /// `true` where the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        self.0.retry == RetryClass::Transient
    }

    /// The sentence given to [`new`](Self::new), without operation, context and remedy.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The context value of `key`, if there is one.
    pub fn context(&self, key: &str) -> Option<&str> {
        let found = self.0.context.iter().find(|(k, _)| *k == key);
        found.map(|(_, v)| v.as_str())
    }

    /// A copy without the source, for handing one failure to many waiters.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        let message = match &self.0.source {
            Some(source) => format!("{}: {source}", self.0.message),
            None => self.0.message.clone(),
        };
        Self(Box::new(Inner {
            kind: self.0.kind,
            retry: self.0.retry,
            operation: self.0.operation,
            message,
            context: self.0.context.clone(),
            remedy: self.0.remedy.clone(),
            source: None,
        }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        if let Some(operation) = inner.operation {
            write!(f, "{operation}: ")?;
        }
        f.write_str(&inner.message)?;
        for (n, (key, value)) in inner.context.iter().enumerate() {
            f.write_str(if n == 0 { " (" } else { ", " })?;
            write!(f, "{key}: {value}")?;
        }
        if !inner.context.is_empty() {
            f.write_str(")")?;
        }
        if let Some(source) = &inner.source {
            write!(f, ": {source}")?;
        }
        if let Some(remedy) = &inner.remedy {
            write!(f, "; {remedy}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?}): {self}", self.0.kind, self.0.retry)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|s| s as _)
    }
}

impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

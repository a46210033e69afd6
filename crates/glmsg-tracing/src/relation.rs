//! How a consumer's span stands to the span that made its message.

/// How a consumer's span stands to the span that made its message. Either way it links to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Relation {
    /// It is also its child, so that one trace holds the publish, every attempt, each retry and the
    /// dead letter.
    #[default]
    Child,
    /// It begins a trace of its own: for messages that wait for days, or topics of which one
    /// publish leads to thousands of attempts.
    Linked,
}

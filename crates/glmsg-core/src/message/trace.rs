//! The same message in another trace.

use std::sync::Arc;

use super::{Fields, Message, check};
use crate::Result;

impl Message {
    /// The same message with this W3C `traceparent`. Its trace context is all that differs: the id
    /// stays, and so does the provenance, which does not cover it, so a signed message stays signed.
    ///
    /// ```
    /// use glmsg_core::Message;
    ///
    /// let message = Message::new("flights", "DTW-LAS")?;
    /// let traced = message
    ///     .with_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")?;
    /// assert_eq!(traced.id(), message.id());
    /// assert_eq!(traced.provenance(), message.provenance());
    /// # Ok::<(), glmsg_core::Error>(())
    /// ```
    ///
    /// The copy counts as published before, as one made by [`to_builder`](Self::to_builder) does;
    /// see [`FirstPublish::with_traceparent`](crate::FirstPublish::with_traceparent).
    ///
    /// # Errors
    /// `InvalidArgument` if it is not of W3C form.
    pub fn with_traceparent(&self, traceparent: &str) -> Result<Self> {
        check::traceparent(traceparent)?;
        let mut fields = Fields::clone(&self.0);
        fields.traceparent = Some(traceparent.into());
        Ok(Self(Arc::new(fields)))
    }
}

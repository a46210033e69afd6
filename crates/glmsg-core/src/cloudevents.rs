//! Conversion from and to CloudEvents 1.0 in structured JSON mode.

mod attribute;
mod read;
mod write;

use crate::codec::check_json_nested;
use crate::json_form::Members;
use crate::limits::MAX_NESTING;
use crate::{Clock, Message, Result, SystemClock, TopicName};

impl Message {
    /// The message as a CloudEvent 1.0 in structured JSON mode (`application/cloudevents+json`),
    /// on one line.
    ///
    /// `source` (a URI reference) and `event_type` are what glmsg has no field for. A message that
    /// was a CloudEvent before keeps the `id`, `source` and `type` it came with. The mapping of
    /// all fields is in `docs/wire-format.md`; nothing is lost, and with the same topic
    /// [`from_cloudevent`](Self::from_cloudevent) makes an equal message.
    ///
    /// ```
    /// use glmsg_core::{Message, TopicName};
    ///
    /// let message = Message::json("flights", &["DTW", "LAS"])?;
    /// let event = message.to_cloudevent("/tower/1", "flight.landed")?;
    /// assert!(event.contains(r#""specversion":"1.0""#));
    /// let back = Message::from_cloudevent(event.as_bytes(), TopicName::new("flights")?)?;
    /// assert_eq!(back, message);
    /// # Ok::<(), glmsg_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `InvalidArgument` that names the attribute: a `source` or `type` that is empty or holds
    /// control characters, or a time outside of the years 0 to 9999.
    pub fn to_cloudevent(&self, source: &str, event_type: &str) -> Result<String> {
        write::write(self, source, event_type)
    }

    /// The message of a CloudEvent 1.0 in structured JSON mode, for `topic`.
    ///
    /// An event that glmsg did not write gets an id that follows from its `source` and `id` (a
    /// UUID stays itself), and keeps `id`, `source`, `type` and every attribute without a field of
    /// its own in headers: `ce-id`, `ce-source`, `ce-subject` and so on. What stands in
    /// `glmsgprovenance` is kept as a claim for [`verify`](Self::verify); it covers the topic.
    ///
    /// # Errors
    /// `Codec` that names the attribute, `TooLarge` for one over its limit.
    pub fn from_cloudevent(event: &[u8], topic: TopicName) -> Result<Self> {
        Self::from_cloudevent_at(event, topic, &SystemClock)
    }

    /// [`from_cloudevent`](Self::from_cloudevent) with `clock` for an event without a `time`.
    ///
    /// # Errors
    /// As `from_cloudevent`.
    pub fn from_cloudevent_at(event: &[u8], topic: TopicName, clock: &dyn Clock) -> Result<Self> {
        let text =
            check_json_nested(event, MAX_NESTING + 1).map_err(|e| e.with("in", "a CloudEvent"))?;
        read::read(
            Members::parse(text, "CloudEvent", "attribute")?,
            topic,
            clock,
        )
    }
}

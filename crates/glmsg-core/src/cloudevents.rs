//! Conversion from and to CloudEvents 1.0 in structured JSON mode.

mod attribute;
mod read;
mod write;

use bytes::Bytes;

use crate::codec::check_json_nested;
use crate::json_form::{Members, Object};
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
            None,
            topic,
            clock,
        )
    }
    /// The attributes of the message as a CloudEvent 1.0, for a protocol that carries them beside
    /// the data, which is the payload: binary mode. Each is handed to `put`; the protocol's binding
    /// says under which name it travels, and what it does with `datacontenttype`.
    ///
    /// # Errors
    /// As [`to_cloudevent`](Self::to_cloudevent). Then some may have been handed out.
    pub fn to_cloudevent_attributes(
        &self,
        source: &str,
        event_type: &str,
        mut put: impl FnMut(&str, &str),
    ) -> Result<()> {
        write::attributes(self, source, event_type, &mut |name, value| match value {
            write::Value::Text(text) => put(name, text),
            write::Value::Integer(n) => put(name, &n.to_string()),
        })
    }

    /// The message of a CloudEvent 1.0 whose attributes stand beside its data, for `topic`; with
    /// `clock` for an event without a `time`. Everything is as for
    /// [`from_cloudevent`](Self::from_cloudevent), but that the content type is
    /// `application/octet-stream` where there is no `datacontenttype`.
    ///
    /// # Errors
    /// `Codec` that names the attribute, also for one that stands twice, `TooLarge` for one over
    /// its limit.
    pub fn from_cloudevent_attributes<'a>(
        attributes: impl IntoIterator<Item = (&'a str, &'a str)>,
        data: Bytes,
        topic: TopicName,
        clock: &dyn Clock,
    ) -> Result<Self> {
        let mut event = Object::new();
        for (name, value) in attributes {
            event.text(name, value);
        }
        let event = event.finish();
        let event = Members::parse(&event, "CloudEvent", "attribute")?;
        read::read(event, Some(data), topic, clock)
    }
}

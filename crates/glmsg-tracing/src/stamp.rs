//! Puts the trace into messages that are about to be published.

use glmsg_core::{FirstPublish, Message, Result};

use crate::TraceContext;

/// Messages with a trace context, to be published in place of others.
pub(crate) struct Stamped<'a> {
    pub(crate) messages: Vec<Message>,
    /// Held until the outcome is known: the copies are published first in the originals' place.
    _firsts: Vec<FirstPublish<'a>>,
}

/// `messages`, of which those that carry no trace carry `context`; `None` if all carry one.
pub(crate) fn stamp(messages: &[Message], context: TraceContext) -> Result<Option<Stamped<'_>>> {
    if messages
        .iter()
        .all(|message| message.traceparent().is_some())
    {
        return Ok(None);
    }
    let text = context.to_string();
    let mut firsts = Vec::with_capacity(messages.len());
    let stamped = messages.iter().map(|message| {
        if message.traceparent().is_some() {
            return Ok(message.clone());
        }
        if let Some(first) = message.claim_first_publish() {
            let copy = first.with_traceparent(&text);
            firsts.push(first);
            return copy;
        }
        // Somebody else publishes the same message at this moment. Backends see that by the message
        // itself, so it goes as it is.
        if message.is_first_publish_under_way() {
            return Ok(message.clone());
        }
        message.with_traceparent(&text)
    });
    let messages = stamped.collect::<Result<_>>()?;
    Ok(Some(Stamped {
        messages,
        _firsts: firsts,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> Message {
        Message::new("flights", "DTW-LAS").unwrap()
    }

    #[test]
    fn a_message_of_a_trace_stays_in_it() {
        let earlier = TraceContext::generate(true);
        let old = fresh().with_traceparent(&earlier.to_string()).unwrap();
        let context = TraceContext::generate(true);
        assert!(
            stamp(std::slice::from_ref(&old), context)
                .unwrap()
                .is_none()
        );
        let both = [old, fresh()];
        let stamped = stamp(&both, context).unwrap().unwrap();
        let contexts: Vec<_> = stamped.messages.iter().map(TraceContext::of).collect();
        assert_eq!(contexts, [Some(earlier), Some(context)]);
    }

    #[test]
    fn a_message_that_is_published_twice_is_new_once() {
        let (message, context) = (fresh(), TraceContext::generate(true));
        let messages = [message.clone(), message];
        let stamped = stamp(&messages, context).unwrap().unwrap();
        let [copy, same] = &stamped.messages[..] else {
            panic!("two messages");
        };
        assert!(copy.claim_first_publish().is_some());
        assert!(same.is_first_publish_under_way(), "a backend waits for it");
        drop(stamped);
        let again = stamp(&messages, context).unwrap().unwrap();
        assert!(again.messages[0].claim_first_publish().is_none());
    }
}

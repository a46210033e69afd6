//! What a message carries of a trace.

use std::fmt;
use std::str::FromStr;

use glmsg_core::{Error, ErrorKind, Message, Result};

/// The W3C trace context that a message carries: which trace it belongs to, and which span of it
/// made the message.
///
/// ```
/// use glmsg_tracing::TraceContext;
///
/// let context: TraceContext =
///     "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse()?;
/// assert_eq!(context.trace_id(), 0x0af7651916cd43dd8448eb211c80319c);
/// assert!(context.is_sampled());
/// # Ok::<(), glmsg_core::Error>(())
/// ```
///
/// `Display` writes it in that form again.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    flags: u8,
}

/// What is known of the flags: that the trace is recorded, and that its id is random.
const SAMPLED: u8 = 1;
const KNOWN: u8 = 3;
/// Two digits of the version, 32 of the trace, 16 of the span, two of the flags, and three dashes.
const LEN: usize = 55;

impl TraceContext {
    /// A context of these ids, unless one of them is 0, which stands for none.
    pub const fn new(trace_id: u128, span_id: u64, sampled: bool) -> Option<Self> {
        if trace_id == 0 || span_id == 0 {
            return None;
        }
        Some(Self {
            trace_id,
            span_id,
            flags: sampled as u8,
        })
    }

    /// The beginning of a new trace, with random ids. `sampled` says whether whoever comes next
    /// should record it.
    pub fn generate(sampled: bool) -> Self {
        Self {
            trace_id: fastrand::u128(1..),
            span_id: fastrand::u64(1..),
            flags: u8::from(sampled),
        }
    }

    /// What `message` carries, if it carries one.
    pub fn of(message: &Message) -> Option<Self> {
        message.traceparent()?.parse().ok()
    }

    /// The trace. Never 0.
    pub const fn trace_id(self) -> u128 {
        self.trace_id
    }

    /// The span within it. Never 0.
    pub const fn span_id(self) -> u64 {
        self.span_id
    }

    /// Whether whoever made it has recorded it, or may have.
    pub const fn is_sampled(self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The same trace with another span, of random id.
    #[must_use]
    pub fn child(self) -> Self {
        Self {
            span_id: fastrand::u64(1..),
            ..self
        }
    }
}

impl FromStr for TraceContext {
    type Err = Error;

    /// Takes a `traceparent` of any version; of one newer than 00 what 00 knows.
    fn from_str(text: &str) -> Result<Self> {
        parse(text.as_bytes()).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidArgument,
                "the traceparent is not of W3C form",
            )
            .with("bytes", text.len())
            .remedy("write it like 00-<32 hex digits>-<16 hex digits>-01")
        })
    }
}

fn parse(text: &[u8]) -> Option<TraceContext> {
    let (head, rest) = text.split_at_checked(LEN)?;
    let [version, trace_id, span_id, flags] =
        [(0, 2), (3, 35), (36, 52), (53, 55)].map(|(from, to)| head.get(from..to).and_then(hex));
    let version = version?;
    let is_version_0 = version == 0;
    let dashes = [2, 35, 52].iter().all(|at| head.get(*at) == Some(&b'-'));
    // A newer version may say more, after a dash.
    let ends_well = rest.is_empty() || (!is_version_0 && rest.first() == Some(&b'-'));
    if version == 0xff || !dashes || !ends_well {
        return None;
    }
    let context = TraceContext {
        trace_id: trace_id?,
        span_id: u64::try_from(span_id?).ok()?,
        flags: u8::try_from(flags?).ok()? & KNOWN,
    };
    (context.trace_id != 0 && context.span_id != 0).then_some(context)
}

/// At most 32 digits, lower case alone, as the W3C has it.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number: u128, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            trace_id,
            span_id,
            flags,
        } = self;
        write!(f, "00-{trace_id:032x}-{span_id:016x}-{flags:02x}")
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceContext({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const W3C: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn what_is_no_traceparent_is_refused() {
        for hostile in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
            "00-0af7651916cd43dd8448eb211c8031é-b7ad6b7169203331-01",
            " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
        ] {
            assert!(hostile.parse::<TraceContext>().is_err(), "{hostile}");
        }
    }

    #[test]
    fn a_newer_version_is_taken_for_what_is_known_of_it() {
        let newer = "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff-what-will-be";
        let context: TraceContext = newer.parse().unwrap();
        assert_eq!(
            context.to_string(),
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03"
        );
    }

    #[test]
    fn a_child_is_of_the_same_trace() {
        let context: TraceContext = W3C.parse().unwrap();
        let child = context.child();
        assert_eq!(child.trace_id(), context.trace_id());
        assert_ne!(child.span_id(), context.span_id());
        assert!(child.is_sampled());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(trace in 1u128.., span in 1u64.., sampled: bool) {
            let context = TraceContext::new(trace, span, sampled).unwrap();
            let text = context.to_string();
            prop_assert_eq!(text.parse::<TraceContext>().unwrap(), context);
            let message = Message::new("t", "").unwrap().with_traceparent(&text).unwrap();
            prop_assert_eq!(TraceContext::of(&message), Some(context));
        }

        #[test]
        fn whatever_a_message_takes_is_read(text in "[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}") {
            let taken = Message::new("t", "").unwrap().with_traceparent(&text).is_ok();
            prop_assert_eq!(text.parse::<TraceContext>().is_ok(), taken);
        }

        #[test]
        fn any_text_is_read_or_refused(text: String, bytes in "[0-9a-f-]{50,60}") {
            drop(text.parse::<TraceContext>());
            drop(bytes.parse::<TraceContext>());
        }
    }
}

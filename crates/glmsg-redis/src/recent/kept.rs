//! What is kept of messages that were acknowledged.

use std::mem;
use std::ops::Range;

use bytes::Bytes;
use glmsg_core::{Message, MessageId};

use super::{Over, Place};
use crate::encode::decode;
use crate::frame;
use crate::place::EntryId;

/// Requests below this are copied behind the one before; others are kept as they are.
const SMALL: usize = 4 << 10;

/// What is kept of messages that were acknowledged together.
///
/// What goes by plain commands is the most, and there each message costs: so what was written is kept as it was written,
/// and not read before something is to be stored again.
#[derive(Debug)]
pub(super) enum Kept {
    /// Commands as they were written, and the entries that they made.
    Sent {
        requests: Vec<Vec<u8>>,
        /// How long each command is up to the length of its envelope.
        head: usize,
        ids: Vec<EntryId>,
    },
    Framed(Vec<Framed>),
    Messages(Vec<(Place, Message)>),
    /// Entries of messages that are no longer kept, and how many each holds.
    Entries(Vec<(EntryId, usize)>),
    Places(Vec<(Place, MessageId)>),
}

/// A frame as it was written, or one message.
#[derive(Debug)]
pub(crate) struct Framed {
    /// The entry that it made.
    pub(crate) id: EntryId,
    pub(crate) request: Vec<u8>,
    /// Where the frame stands in the request.
    pub(crate) body: Range<usize>,
    pub(crate) messages: usize,
}

impl Framed {
    fn notes(&self) -> Vec<Note> {
        let body = self.request.get(self.body.clone()).unwrap_or_default();
        let body = Bytes::copy_from_slice(body);
        match frame::open(&body) {
            Some(each) => each.map(|one| Note::of_body(self.id, &one)).collect(),
            None => vec![Note::of_body(self.id, &body)],
        }
    }
}

/// One message that was acknowledged.
#[derive(Debug, Clone)]
pub(super) struct Note {
    pub(super) place: Place,
    /// Known unless the message is no longer kept.
    pub(super) id: Option<MessageId>,
    pub(super) message: Option<Message>,
    /// How many it stands for: more than one where all that is known is that an entry held them.
    pub(super) messages: usize,
}

impl Note {
    pub(super) fn over(&self) -> Over {
        (self.place, self.id)
    }

    fn of_body(id: EntryId, body: &Bytes) -> Self {
        let message = decode(body).ok();
        Self {
            place: Place::normal(id),
            id: message.as_ref().map(Message::id),
            message,
            messages: 1,
        }
    }
}

impl Kept {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Sent { ids, .. } => ids.len(),
            Self::Framed(frames) => frames.iter().map(|frame| frame.messages).sum(),
            Self::Entries(entries) => entries.len(),
            Self::Messages(messages) => messages.len(),
            Self::Places(places) => places.len(),
        }
    }

    /// Whether the messages themselves are kept.
    pub(super) fn is_whole(&self) -> bool {
        !matches!(self, Self::Entries(_) | Self::Places(_))
    }

    /// Takes what is like it, if it is; else gives it back.
    pub(super) fn append(&mut self, more: Self) -> Option<Self> {
        match (self, more) {
            (Self::Messages(messages), Self::Messages(mut more)) => messages.append(&mut more),
            (Self::Framed(frames), Self::Framed(mut more)) => frames.append(&mut more),
            (
                Self::Sent { requests, ids, .. },
                Self::Sent {
                    requests: more,
                    ids: mut more_ids,
                    ..
                },
            ) => {
                ids.append(&mut more_ids);
                for request in more {
                    match requests.last_mut() {
                        Some(last) if request.len() < SMALL => last.extend_from_slice(&request),
                        _ => requests.push(request),
                    }
                }
            }
            (_, more) => return Some(more),
        }
        None
    }

    /// Leaves what tells whether they are there, and returns the rest.
    pub(super) fn strip(&mut self) -> Self {
        let bare = match self {
            Self::Sent { ids, .. } => Self::Entries(ids.iter().map(|id| (*id, 1)).collect()),
            Self::Framed(frames) => {
                let each = frames.iter();
                Self::Entries(each.map(|frame| (frame.id, frame.messages)).collect())
            }
            Self::Messages(messages) => {
                let each = messages.iter();
                Self::Places(each.map(|(place, one)| (*place, one.id())).collect())
            }
            Self::Entries(_) | Self::Places(_) => return Self::Entries(Vec::new()),
        };
        mem::replace(self, bare)
    }

    /// Each of them, in their order.
    pub(super) fn notes(&self) -> Vec<Note> {
        let of_place = |place: &Place, id, message, messages| Note {
            place: *place,
            id,
            message,
            messages,
        };
        match self {
            Self::Sent {
                requests,
                head,
                ids,
            } => {
                let bodies = requests.iter().flat_map(|request| Bodies {
                    rest: request,
                    head: *head,
                });
                let each = ids.iter().zip(bodies);
                let note = |(id, body): (&EntryId, &[u8])| {
                    Note::of_body(*id, &Bytes::copy_from_slice(body))
                };
                each.map(note).collect()
            }
            Self::Framed(frames) => frames.iter().flat_map(Framed::notes).collect(),
            Self::Messages(messages) => {
                let each = messages.iter();
                each.map(|(place, one)| of_place(place, Some(one.id()), Some(one.clone()), 1))
                    .collect()
            }
            Self::Entries(ids) => {
                let each = ids.iter();
                each.map(|(id, messages)| of_place(&Place::normal(*id), None, None, *messages))
                    .collect()
            }
            Self::Places(places) => {
                let each = places.iter();
                each.map(|(place, id)| of_place(place, Some(*id), None, 1))
                    .collect()
            }
        }
    }

    /// Of some notes of a topic.
    pub(super) fn of(notes: Vec<Note>) -> Vec<Self> {
        let (mut whole, mut places, mut entries) = (Vec::new(), Vec::new(), Vec::new());
        for note in notes {
            let (place, id) = (note.place, note.id);
            match (note.message, id) {
                (Some(message), _) => whole.push((place, message)),
                (None, Some(id)) => places.push((place, id)),
                (None, None) => entries.push((place.id, note.messages)),
            }
        }
        let all = [
            Self::Entries(entries),
            Self::Places(places),
            Self::Messages(whole),
        ];
        all.into_iter().filter(|kept| kept.len() > 0).collect()
    }
}

/// The envelopes in commands as they were written.
struct Bodies<'a> {
    rest: &'a [u8],
    head: usize,
}

impl<'a> Iterator for Bodies<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest.get(self.head..)?;
        let line = rest.iter().position(|byte| *byte == b'\r')?;
        let len: usize = std::str::from_utf8(&rest[..line]).ok()?.parse().ok()?;
        let body = rest.get(line + 2..)?.get(..len)?;
        self.rest = rest.get(line + 2 + len + 2..).unwrap_or_default();
        Some(body)
    }
}

//! What is stored for a key.

use bytes::{BufMut as _, Bytes, BytesMut};
use glmsg_core::{Error, ErrorKind, MessageId, Result, Timestamp};

const CLAIMED: u8 = 1;
const DONE: u8 = 2;

/// A tag, the owner's 16 bytes, and for a claim its deadline in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Claimed {
        owner: MessageId,
        deadline: Timestamp,
    },
    Done {
        owner: MessageId,
    },
}

impl Entry {
    pub(super) fn write(self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(25);
        match self {
            Self::Claimed { owner, deadline } => {
                bytes.put_u8(CLAIMED);
                bytes.put_slice(owner.as_bytes());
                bytes.put_i64(deadline.as_micros());
            }
            Self::Done { owner } => {
                bytes.put_u8(DONE);
                bytes.put_slice(owner.as_bytes());
            }
        }
        bytes.freeze()
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let strange = || {
            Error::new(ErrorKind::Codec, "a stored value is no entry of an inbox")
                .operation("inbox")
                .remedy("it was written by something else, or by a newer version")
        };
        let (tag, rest) = bytes.split_first().ok_or_else(strange)?;
        let (owner, rest) = rest.split_first_chunk().ok_or_else(strange)?;
        let owner = MessageId::from_bytes(*owner);
        match (*tag, rest.try_into()) {
            (CLAIMED, Ok(micros)) => Ok(Self::Claimed {
                owner,
                deadline: Timestamp::from_micros(i64::from_be_bytes(micros)),
            }),
            (DONE, Err(_)) if rest.is_empty() => Ok(Self::Done { owner }),
            _ => Err(strange()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else_is() {
        let owner = MessageId::new();
        let deadline = Timestamp::from_micros(1_767_225_600_000_001);
        let claimed = Entry::Claimed { owner, deadline };
        for entry in [claimed, Entry::Done { owner }] {
            let bytes = entry.write();
            assert_eq!(Entry::read(&bytes).expect("an entry"), entry);
            for cut in 0..bytes.len() {
                assert!(Entry::read(&bytes[..cut]).is_err() || cut == 17, "{cut}");
            }
        }
        assert!(Entry::read(&[3; 17]).is_err());
    }
}

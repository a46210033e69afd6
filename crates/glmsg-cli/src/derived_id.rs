//! Message ids that follow from an input, so that publishing it again stores nothing twice.

use glmsg::MessageId;
use sha2::{Digest, Sha256};

/// The id of `parts`: the first 16 bytes of their SHA-256, each part with its length before it,
/// marked as a UUID of version 8 (of the maker's own design).
pub(crate) fn derived_id(parts: &[&[u8]]) -> MessageId {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    id[6] = (id[6] & 0x0F) | 0x80;
    id[8] = (id[8] & 0x3F) | 0x80;
    MessageId::from_bytes(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_parts_give_the_same_id_and_others_another() {
        let id = derived_id(&[b"flights", b"7"]);
        assert_eq!(id, derived_id(&[b"flights", b"7"]));
        assert_ne!(id, derived_id(&[b"flights7", b""]));
        assert_eq!(&id.to_string()[14..15], "8", "{id}");
    }
}

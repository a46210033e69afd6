//! Envelopes at random.

use bytes::Bytes;
use glmsg_core::{ErrorKind, wire};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::sample::{MAX, any_message, full};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn what_is_encoded_is_decoded(message in any_message()) {
        let envelope = wire::encode(&message);
        let received = wire::decode(&envelope, MAX).unwrap();
        prop_assert!(received.verify().is_ok());
        prop_assert_eq!(&received, &message);
        prop_assert_eq!(&wire::encode(&received), &envelope);
        // Without the received bytes at hand the same is written.
        let copy = received.to_builder().build().unwrap();
        prop_assert_eq!(wire::encode(&copy), envelope);
    }

    #[test]
    fn random_bytes_are_no_envelope(bytes in vec(any::<u8>(), 0..300)) {
        let bytes = Bytes::from([&[0x8F, b'G', b'M', 1, 0, 0], &bytes[..]].concat());
        let _ = wire::decode(&bytes, MAX);
        let _ = wire::decode(&bytes.slice(6..), MAX);
        let _ = wire::decode_history(&bytes[3..]);
        let _ = wire::decode_history(&bytes[6..]);
    }

    #[test]
    fn a_damaged_envelope_never_panics(
        message in any_message(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = wire::encode(&message).to_vec();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let bytes = Bytes::from(bytes);
        let _ = wire::decode(&bytes, MAX);
        prop_assert!(wire::decode(&bytes.slice(..cut.index(bytes.len())), MAX).is_err());
    }
}

/// Every bit of the signed section, its length included.
#[test]
fn a_flipped_bit_never_verifies() {
    let envelope = wire::encode(&full().build().unwrap());
    let end = 8 + usize::from(u16::from_be_bytes([envelope[6], envelope[7]]));
    let mut refused = (0, 0);
    for bit in 0..end * 8 {
        let mut bytes = envelope.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        match wire::decode(&bytes.into(), MAX) {
            Err(_) => refused.0 += 1,
            Ok(message) => {
                let err = message.verify().unwrap_err();
                assert_eq!(err.kind(), ErrorKind::Codec);
                refused.1 += 1;
            }
        }
    }
    assert!(refused.0 > 300 && refused.1 > 300, "{refused:?}");
}

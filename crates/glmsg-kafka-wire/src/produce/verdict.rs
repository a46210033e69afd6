//! What a broker's answer about a batch means for it.

/// What is to be done with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is stored.
    Stored,
    /// It goes to the partition's leader again, whoever that is. `is_in_doubt` tells whether it may be
    /// stored all the same.
    Again { is_in_doubt: bool },
    /// The broker does not know what went before it. It goes again, in another epoch.
    Anew,
    /// It is too large, and may go in parts.
    Split,
    /// It is not stored, and will not be.
    Refused,
}

/// The batch is too large.
const TOO_LARGE: [i16; 2] = [10, 18];
/// A sequence that does not follow, a producer that is unknown, or whose epoch is over.
const BROKEN_SEQUENCE: [i16; 4] = [45, 47, 59, 90];
/// What passes, and after which the batch is not stored: a damaged request, a topic that is not known
/// yet, no leader, too few copies, an epoch of a leader that is over.
const PASSES: [i16; 7] = [2, 3, 5, 19, 74, 75, 100];
/// What passes, and after which nobody knows: another leader, since when may not be told, no answer of the other copies in time, a connection
/// between brokers, a copy that is missing, a disk.
const PASSES_IN_DOUBT: [i16; 5] = [6, 7, 13, 20, 56];

/// What a code means. The offset is where the first record stands, by the broker.
pub(super) fn judge(code: i16, offset: i64) -> Verdict {
    match code {
        // One that the broker has already, and of which it does not know where, is not known to be
        // there.
        0 if offset < 0 => Verdict::Refused,
        0 => Verdict::Stored,
        code if TOO_LARGE.contains(&code) => Verdict::Split,
        code if BROKEN_SEQUENCE.contains(&code) => Verdict::Anew,
        code if PASSES.contains(&code) => Verdict::Again { is_in_doubt: false },
        code if PASSES_IN_DOUBT.contains(&code) => Verdict::Again { is_in_doubt: true },
        _ => Verdict::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_sent_again_and_the_rest_is_told() {
        assert_eq!(judge(0, 7), Verdict::Stored);
        assert_eq!(judge(0, -1), Verdict::Refused);
        for code in [3, 5, 19, 74] {
            assert_eq!(judge(code, -1), Verdict::Again { is_in_doubt: false });
        }
        for code in [6, 7, 13, 20, 56] {
            assert_eq!(judge(code, -1), Verdict::Again { is_in_doubt: true });
        }
        for code in [45, 47, 59] {
            assert_eq!(judge(code, -1), Verdict::Anew);
        }
        assert_eq!(judge(10, -1), Verdict::Split);
        // Of no right, for its time, for what it is, for a quota, and a code of another age.
        for code in [29, 32, 87, 89, 9_999, -1] {
            assert_eq!(judge(code, -1), Verdict::Refused);
        }
    }
}

//! Where a message stands: topic, lane and number in one integer.

/// How many lanes there are: one for each priority.
pub(crate) const LANES: usize = 4;
/// The lane of what is not due yet.
pub(crate) const SCHEDULED: usize = 4;

const LANE_SHIFT: u32 = 40;
const TOPIC_SHIFT: u32 = 43;

/// The most topics that can have lived.
pub(crate) const MAX_TOPIC: i64 = (1 << 20) - 1;

/// The row of the message with number `n` in a lane.
#[allow(clippy::cast_possible_wrap, reason = "a lane is below 8")]
pub(crate) const fn seq(topic: i64, lane: usize, n: i64) -> i64 {
    topic << TOPIC_SHIFT | (lane as i64) << LANE_SHIFT | n
}

/// The lane of a row.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "three bits"
)]
pub(crate) const fn lane_of(seq: i64) -> usize {
    (seq >> LANE_SHIFT & 7) as usize
}

/// The number of a row in its lane.
pub(crate) const fn number_of(seq: i64) -> i64 {
    seq & ((1 << LANE_SHIFT) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_gives_back_its_parts() {
        for topic in [1, 77, MAX_TOPIC] {
            for lane in 0..=SCHEDULED {
                for n in [0, 1, (1 << 40) - 1] {
                    let seq = seq(topic, lane, n);
                    assert!(seq > 0);
                    assert_eq!((lane_of(seq), number_of(seq)), (lane, n));
                }
            }
        }
        assert!(seq(1, 0, 5) < seq(1, 0, 6) && seq(1, 3, 0) > seq(1, 2, 9));
    }
}

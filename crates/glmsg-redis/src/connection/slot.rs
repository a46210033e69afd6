//! Which slot of a cluster a key is in.

/// How many slots there are.
pub(crate) const SLOTS: u16 = 16384;

/// The slot of every key whose hash tag, the part between the first `{` and the next `}`, is this.
pub(crate) fn slot_of(tag: &str) -> u16 {
    // CRC-16/XMODEM, as the cluster specification has it.
    let crc = tag.bytes().fold(0_u16, |crc, byte| {
        let crc = crc ^ (u16::from(byte) << 8);
        (0..8).fold(crc, |crc, _| {
            let shifted = crc << 1;
            if crc & 0x8000 == 0 {
                shifted
            } else {
                shifted ^ 0x1021
            }
        })
    });
    crc % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_servers() {
        // From CLUSTER KEYSLOT of Redis 7.0.
        for (tag, slot) in [
            ("", 0),
            ("foo", 12182),
            ("bar", 5061),
            ("123456789", 0x31c3),
            ("flights", 1848),
        ] {
            assert_eq!(slot_of(tag), slot, "{tag}");
        }
    }
}

//! Digests as text.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Two lower-case hex digits for each byte of a digest.
pub(crate) struct Hex([u8; 64]);

/// Lower-case hex digits, without an allocation.
pub(crate) fn hex(bytes: &[u8; 32]) -> Hex {
    let mut out = [0; 64];
    for (pair, byte) in out.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 0x0F)];
    }
    Hex(out)
}

impl Hex {
    pub(crate) fn as_str(&self) -> &str {
        // Digits are ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// What a digit is worth; more than any is, where there is none.
const VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        values[DIGITS[value as usize] as usize] = value;
        value += 1;
    }
    values
};
const NO_DIGIT: u8 = 0xF0;

/// The 32 bytes of 64 lower-case hex digits.
pub(crate) fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let (mut out, mut seen) = ([0; 32], 0);
    // Without a branch for each digit: every message that is read comes by here.
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let (high, low) = (VALUES[usize::from(pair[0])], VALUES[usize::from(pair[1])]);
        seen |= high | low;
        *byte = high << 4 | low;
    }
    (seen & NO_DIGIT == 0).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_as_they_are_written_and_nothing_else_is() {
        let bytes: [u8; 32] = std::array::from_fn(|n| u8::try_from(n * 8 + n % 8).unwrap());
        let text = hex(&bytes).as_str().to_owned();
        assert_eq!(unhex(&text), Some(bytes));
        assert_eq!(unhex(&text[1..]), None);
        for wrong in ["G", "A", "g", "/", ":", "`", "\u{7f}", " "] {
            assert_eq!(unhex(&text.replacen('0', wrong, 1)), None, "{wrong}");
        }
    }
}

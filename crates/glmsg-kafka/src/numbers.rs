//! Maps by numbers of our own, which nobody chooses to collide.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map by numbers.
pub(crate) type Numbers<V> = HashMap<u64, V, BuildHasherDefault<Spread>>;

/// Spreads numbers by one multiplication: the map looks at their low and at their high bits.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Spread(u64);

/// The golden ratio, as a fraction of 2 to the 64.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(GOLDEN);
    }
}

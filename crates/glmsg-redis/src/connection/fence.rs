//! Writes that mean nothing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use redis::Cmd;

use super::slot::slot_of;

/// Writes that mean nothing, one for each slot that was used.
///
/// `WAIT` waits for the last write of its own connection; a call that is repeated writes nothing,
/// and without a write before it would find an earlier one safe that is not.
#[derive(Debug, Default)]
pub(super) struct Fences(Mutex<HashMap<u16, String>>);

impl Fences {
    pub(super) fn at(&self, namespace: &str, slot: u16) -> Cmd {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = keys
            .entry(slot)
            .or_insert_with(|| format!("{namespace}:{{{}}}:fence", tag_of(slot)));
        let mut set = redis::cmd("SET");
        set.arg(&*key).arg("").arg("PX").arg(1000);
        set
    }
}

/// A text whose slot is this one. Found by trying, which takes thousands of tries.
fn tag_of(slot: u16) -> String {
    let mut numbers = (0_u32..).map(|number| number.to_string());
    numbers.find(|tag| slot_of(tag) == slot).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::slot::SLOTS;

    #[test]
    fn every_slot_has_its_fence() {
        let fences = Fences::default();
        for slot in (0..SLOTS).step_by(997).chain([SLOTS - 1]) {
            let packed = fences.at("ns", slot).get_packed_command();
            let packed = String::from_utf8(packed).unwrap();
            let (start, rest) = packed.split_once('{').unwrap();
            let (tag, rest) = rest.split_once('}').unwrap();
            assert_eq!(slot_of(tag), slot);
            assert!(
                start.ends_with("ns:") && rest.starts_with(":fence"),
                "{packed}"
            );
            assert_eq!(
                fences.at("ns", slot).get_packed_command(),
                packed.as_bytes()
            );
        }
    }
}

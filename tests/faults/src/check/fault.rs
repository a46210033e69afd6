//! When a fault was on, and whom it concerned.

/// The time of one fault.
#[derive(Debug)]
pub(super) struct Fault<'a> {
    pub(super) name: &'a str,
    pub(super) process: &'a str,
    pub(super) begin: u64,
    /// None if it never ended.
    pub(super) end: Option<u64>,
    /// Whether it is the fault of a consumer, of which the others know nothing.
    pub(super) is_private: bool,
}

impl<'a> Fault<'a> {
    pub(super) fn begun(name: &'a str, process: &'a str, begin: u64) -> Self {
        Self {
            name,
            process,
            begin,
            end: None,
            is_private: false,
        }
    }

    pub(super) fn overlaps(&self, from: u64, to: u64) -> bool {
        self.begin <= to && self.end.is_none_or(|end| from <= end)
    }
}

/// A task `worker/3` is a part of the process `worker`: what befalls the process befalls it.
pub(super) fn is_part_of(process: &str, whole: &str) -> bool {
    let rest = process.strip_prefix(whole);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

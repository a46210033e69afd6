//! The ledger: what every process of a case did, in its own words, on one clock.
//!
//! Each process (or task) opens a [`Writer`] of its own and records every step **before** it takes the next one.
//! A process that is killed therefore leaves a ledger that is behind by at most the step under way, and the
//! [checker](mod@crate::check) treats a step without an outcome as one whose outcome is unknown.
//!
//! A ledger is a folder of files, one for each writer, with one JSON object a line:
//!
//! ```text
//! {"at":81234567890123,"process":"publisher","event":"pub_try","id":"m-1","key":"k","seq":1}
//! {"at":81234567990123,"process":"publisher","event":"pub_ok","id":"m-1"}
//! ```

mod clock;
mod event;
mod group;
mod read;
mod writer;

pub use clock::now_ns;
pub use event::{Event, Settlement, What};
pub use group::{GroupWriter, Received, Settling};
pub use read::read_dir;
pub use writer::Writer;

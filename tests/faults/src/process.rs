//! Processes of a case: started, stopped, continued, killed.

mod child;
mod killer;
mod launch;
mod usage;
mod worker;

pub(crate) use child::Child;
pub use killer::Killer;
pub(crate) use killer::between;
pub use launch::Launch;
pub use usage::Usage;
pub use worker::Worker;
pub(crate) use worker::tail;

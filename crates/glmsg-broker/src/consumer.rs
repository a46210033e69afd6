//! The runtime that most users want: it receives, handles, settles, retries and drains.

mod attempt;
mod beside;
mod builder;
mod gate;
mod handle;
mod pump;
mod settling;
mod shared;
mod solo;
mod stats;
mod worker;

pub use builder::{Consumer, ConsumerBuilder};
pub use gate::Gate;
pub use handle::ConsumerHandle;
pub use stats::{ConsumerReport, ConsumerStats};

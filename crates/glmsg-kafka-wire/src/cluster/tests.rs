//! Who leads which partition, as brokers that run and scripts say.

mod live;
mod scripted;

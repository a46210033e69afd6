//! Every backend against the conformance suite, and against the memory backend as its model.

mod memory;
mod model;
mod sqlite;

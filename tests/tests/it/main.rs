//! Every backend against the conformance suite, and against the memory backend as its model.

mod catalog;
mod memory;
mod model;
mod sqlite;

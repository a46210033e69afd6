//! Every backend against the conformance suite, and the suite against itself.

mod memory;

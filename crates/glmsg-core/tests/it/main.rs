//! The tests of glmsg-core, as one binary.

mod wire_envelope;

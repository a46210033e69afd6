#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failed expectation is what a suite is for"
)]

mod case;
pub mod cases;
mod fixture;
mod interpose;
mod member;
mod messages;
mod need;
mod patience;
mod process;
mod suite;
mod watch;

pub use case::{Case, Verdict, catalog};
pub use fixture::Fixture;
pub use interpose::{Hooks, Interposed};
pub use need::Need;
#[doc(hidden)]
pub use patience::set_patience;
pub use process::{Plan, ProcessCase, Role, Stage, process_catalog, run_worker};
#[doc(hidden)]
pub use process::{cases as process_cases, run_process_case};
#[doc(hidden)]
pub use suite::{assert_complete, run_case};

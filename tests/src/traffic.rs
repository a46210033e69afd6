//! The traffic of a fault case: publishers and consumers of the real backend, every step in the ledger.
//!
//! A case has a [`Scene`] (a topic, a group, a folder for the ledger), publishes with a [`Publisher`] and consumes with
//! a [`Crew`] of worker processes, or with a consumer of its own by [`Consumption::start`]. What a message asks of its
//! handler is its payload, a [`Duty`], so what happens to it does not depend on who receives it. In the end
//! [`Scene::judge`] waits until all is quiet, looks at what is left, and has the checker judge.
//!
//! ```no_run
//! # use std::time::Duration;
//! # use glmsg_faults::{check::Expectation, server::{Kind, RedisServer, RedisSetup}};
//! # use glmsg_tests::traffic::{Consumption, Crew, Duty, Mix, Publication, Publisher, Scene};
//! # async fn case() {
//! let redis = RedisServer::start(Kind::Redis7, RedisSetup::default()).await;
//! let scene = Scene::new(&redis.url());
//! let program = "in a test: env!(\"CARGO_BIN_EXE_traffic\")";
//! let crew = Crew::hire(2, program, &scene, &Consumption::default());
//! let mix = Mix::default().with(200, Duty::Fail(1)); // 2 %
//! let publishing = Publisher::start(&scene, "publisher", &Publication { mix, ..Publication::default() });
//! // … faults …
//! publishing.stop().await;
//! scene.quiet(Duration::from_secs(60)).await;
//! crew.dismiss().await;
//! scene.judge(Expectation::for_groups([scene.group()]).published_at_least(1000)).await.assert_ok();
//! # }
//! ```

mod consumption;
mod crew;
mod duty;
mod pen;
mod plan;
mod probe;
mod process;
mod publisher;
mod recorder;
pub mod rows;
mod scene;
mod stderr;
mod told;

pub use consumption::Consumption;
pub use crew::Crew;
pub use duty::{Duty, Mix};
pub use pen::Pen;
pub use plan::{Plan, Role};
pub use probe::Probe;
pub use process::main;
pub use publisher::{Answers, Publication, Publisher};
pub use recorder::Recorder;
pub use scene::Scene;
pub use told::Told;

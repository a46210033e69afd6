//! Faults on purpose, and a checker that says what they broke.
//!
//! A messaging system that never saw a fault is not known to lose nothing. This crate makes the faults: servers that are
//! [killed, stopped and restarted](server), [connections that break](proxy) at the worst moment, [workers that
//! die](process). And it finds out afterwards what the faults have done: every process of a case keeps a
//! [ledger](ledger::Writer) of its steps, and [`check()`](check::check) judges all ledgers together by eleven
//! [invariants](check::Invariant), against what the case [expects](check::Expectation).
//!
//! # A whole case
//!
//! A server is killed every few seconds, the replies to some publishes are lost, and a consumer is killed as well.
//! Nothing may be lost, doubled or stuck:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use glmsg_faults::check::{Expectation, Remains, check};
//! use glmsg_faults::ledger::{Writer, read_dir};
//! use glmsg_faults::process::{Killer, Launch, Worker};
//! use glmsg_faults::proxy::{DropReply, Mode, Proxy};
//! use glmsg_faults::server::{Kind, RedisServer, RedisSetup};
//! use glmsg_faults::until;
//!
//! # enum Published { Stored, Duplicate, Full, Unknown }
//! # struct Queue;
//! # impl Queue {
//! #     async fn open(_url: &str) -> Self { Self }
//! #     async fn publish(&self, _id: &str) -> Published { Published::Stored }
//! #     async fn is_empty(&self) -> bool { true }
//! # }
//! #[tokio::main]
//! async fn main() {
//!     let redis = RedisServer::start(Kind::Redis7, RedisSetup::default()).await;
//!     let proxy = Proxy::start(redis.addr()).await;
//!     let dir = tempfile::tempdir().unwrap();
//!     let ledger = Writer::open(dir.path(), "case");
//!
//!     // A worker opens `Writer::open(LEDGER, NAME)` itself, and records in its handler: `recv`, then the work, then
//!     // `done`, then `settling(id)`, then the acknowledgement, then `.ack(result)`.
//!     let launch = |name: &str| {
//!         let program = Launch::new("a worker: env!(\"CARGO_BIN_EXE_…\")");
//!         program.env("LEDGER", dir.path()).env("NAME", name).env("URL", redis.url())
//!     };
//!     let victim = Worker::spawn("consumer-1", &launch("consumer-1"), &ledger);
//!     let heir = Worker::spawn("consumer-2", &launch("consumer-2"), &ledger);
//!
//!     let every = Duration::from_secs(2)..=Duration::from_secs(4);
//!     let killer = Killer::start(7, every, {
//!         let (redis, ledger) = (redis.clone(), ledger.clone());
//!         move |_| {
//!             let (redis, ledger) = (redis.clone(), ledger.clone());
//!             async move {
//!                 ledger.fault_begin("kill");
//!                 redis.kill9().await;
//!                 redis.restart().await;
//!                 ledger.fault_end("kill");
//!             }
//!         }
//!     });
//!
//!     let publisher = Writer::open(dir.path(), "publisher");
//!     let queue = Queue::open(&redis.url_at(proxy.addr())).await;
//!     for n in 0..1000 {
//!         let id = format!("m-{n}");
//!         if n % 100 == 50 {
//!             // The server executes this very publish, and the client never learns.
//!             let drop = DropReply::once().to(id.as_str());
//!             proxy.control().set(Mode::DropReply(drop)).await;
//!         }
//!         loop {
//!             publisher.pub_try(&id);
//!             match queue.publish(&id).await {
//!                 Published::Stored => publisher.pub_ok(&id),
//!                 Published::Duplicate => publisher.pub_dup(&id),
//!                 Published::Full => { publisher.pub_full(&id); continue }
//!                 Published::Unknown => { publisher.pub_indeterminate(&id); continue }
//!             }
//!             break;
//!         }
//!         if n == 500 {
//!             victim.kill9().await; // recorded as its crash
//!         }
//!     }
//!     killer.reaches(3).await; // or the case proves nothing
//!     killer.stop().await;
//!     until("the queue is empty", Duration::from_secs(60), || queue.is_empty()).await;
//!     heir.terminate();
//!     assert!(heir.wait(Duration::from_secs(30)).await.success());
//!
//!     let expectation = Expectation::for_groups(["workers"])
//!         .remains("workers", Remains::dead([])) // looked at, and there are none
//!         .published_at_least(1000)
//!         .faults_at_least(3)
//!         .max_attempts(5)
//!         .publish_gap(Duration::from_secs(5))
//!         .log("consumer-2", heir.log());
//!     check(&read_dir(dir.path()).unwrap(), &expectation).assert_ok();
//! }
//! ```
//!
//! # Which fault is made with what
//!
//! | fault | made with | judged with |
//! | --- | --- | --- |
//! | F1 server killed | [`Killer`](process::Killer) with [`kill9`](server::Server::kill9), [`restart`](server::Server::restart) | the default, [`publish_gap`](check::Expectation::publish_gap) |
//! | F2 the same with [`Fsync::Everysec`](server::Fsync::Everysec) | | [`loss`](check::Expectation::loss), [`loss_within`](check::Expectation::loss_within) |
//! | F3 server stopped | [`stop`](server::Server::stop), [`cont`](server::Server::cont) | [`Counts::indeterminate`](check::Counts::indeterminate) and `longest_gap`, positions or [`times_stored`](check::Expectation::times_stored) |
//! | F4 connections that break | [`Mode`](proxy::Mode), [`Chaos`](proxy::Chaos) | the same |
//! | F5 consumer killed | [`Worker::kill9`](process::Worker::kill9) | [`max_attempts`](check::Expectation::max_attempts) |
//! | F6 consumer stopped | [`Worker::stop`](process::Worker::stop) for twice the lease | I7, [`Counts::stale`](check::Counts::stale) |
//! | F7 clock moved | [`set_clock_offset`](server::RedisServer::set_clock_offset) | [`quiet_within`](check::Expectation::quiet_within) |
//! | F8 F9 data gone | [`command`](server::RedisServer::command): `FLUSHALL`, `DEL`, `XGROUP DESTROY`, `SCRIPT FLUSH` | [`Loss::Reported`](check::Loss::Reported); for `SCRIPT FLUSH` the default |
//! | F10 memory full | `command`: `CONFIG SET maxmemory …` | [`pub_full`](ledger::Writer::pub_full), then I1 and I3 |
//! | F11 eviction on | [`maxmemory_policy`](server::RedisSetup::maxmemory_policy) | the refusal to connect |
//! | F15 F16 Kafka brokers killed | [`KafkaSet`](server::KafkaSet) | [`partitions`](check::Expectation::partitions), [`duplicate_stores`](check::Expectation::duplicate_stores) |
//! | F17 workers come and go | [`Worker::terminate`](process::Worker::terminate), again and again | the same |
//! | F24 too large | the API | [`pub_rejected`](ledger::Writer::pub_rejected), I2, [`Usage`](process::Usage) as a [`resource`](check::Expectation::resource) |
//! | F25 malformed bytes | `command`: `XADD …` | [`strangers`](check::Expectation::strangers), the dead letters |
//! | F26 poison | a [`Worker`](process::Worker) that aborts or hangs, restarted by a `Killer` | [`max_attempts`](check::Expectation::max_attempts), [`Remains::dead`](check::Remains::dead) |
//! | F30 TLS | [`args`](server::RedisSetup::args) with a [`Port`] of its own for `--tls-port`, [`services::get`] of `TLS_DIR` | the refusal to connect |
//! | F31 wrong password, ACL | [`password`](server::RedisSetup::password), `command`: `ACL SETUSER …` | the logs |
//! | F32 graceful shutdown | [`Worker::terminate`](process::Worker::terminate), [`Worker::wait`](process::Worker::wait) | [`redelivered`](check::Expectation::redelivered), `quiet_within` |
//!
//! # Rules of a case
//!
//! - Record each step before the next one is taken, and a fault before it begins and after it is over.
//! - Each process has a name of its own, also when it follows one that was killed; its tasks are `process/task`.
//! - A fault of one consumer is recorded [for it](ledger::Writer::fault_begin_for), as [`Worker`](process::Worker)
//!   does: it explains the redeliveries of that consumer alone.
//! - Say how much must have happened, with `published_at_least` and `faults_at_least`.
//! - What the harness itself cannot do, it panics about: a case without its fault must not look like a pass.
//!
//! Real servers come from [`services`]; nothing is skipped where they are missing.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a part of the project's tests: what goes wrong here fails a test"
)]

pub mod check;
pub mod ledger;
mod patience;
mod port;
pub mod process;
pub mod proxy;
pub mod server;
pub mod services;

pub use patience::until;
pub use port::Port;

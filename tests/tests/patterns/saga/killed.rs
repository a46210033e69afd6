//! `kill -9` of the process that runs a saga, before and after every write of its journal.

use std::process::{Child, Command, Stdio};

use glmsg_conformance::Fixture;
use glmsg_patterns::saga::SagaId;
use glmsg_tests::saga::{Plan, VARIABLE};
use glmsg_tests::{Kafka, Redis7, Sqlite};
use std::os::unix::process::ExitStatusExt;

use super::cut_off::{Before, check, deaths};

/// How many points are tried at once: each is a process, later two.
const AT_ONCE: usize = 4;

fn begin(plan: &Plan) -> Child {
    let plan = serde_json::to_string(plan).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_saga"));
    let command = command.env(VARIABLE, plan).stdin(Stdio::null());
    command.spawn().expect("the process starts")
}

async fn ended(mut child: Child) -> std::process::ExitStatus {
    let ended = tokio::task::spawn_blocking(move || child.wait());
    super::in_time(ended).await.unwrap().unwrap()
}

/// The process dies; two others resume at once, and do nothing twice.
async fn killed_and_resumed_by_two<F: Fixture>(f: F, url: String) {
    let storage = f.broker().await.open_storage().await;
    let storage = storage.expect("the backend keeps sagas");
    let mut points = tokio::task::JoinSet::new();
    for (number, (fails, death)) in deaths().enumerate() {
        if points.len() >= AT_ONCE {
            points.join_next().await.unwrap().unwrap();
        }
        let (storage, url) = (storage.clone(), url.clone());
        points.spawn(async move {
            let id = SagaId::new(format!("killed-{number}")).unwrap();
            let lease_ms = u64::try_from((F::soon() * 3).as_millis()).unwrap();
            let mut plan = Plan {
                url,
                id: id.to_string(),
                fails,
                lease_ms,
                dies: Some(death),
            };
            let status = ended(begin(&plan)).await;
            assert_eq!(status.signal(), Some(9), "{death:?}: {status}");
            let before = Before::see(&storage, &id).await;
            plan.dies = None;
            plan.lease_ms = 30_000;
            let (one, other) = (begin(&plan), begin(&plan));
            let (one, other) = tokio::join!(ended(one), ended(other));
            assert!(
                one.success() && other.success(),
                "{death:?}: {one}, {other}"
            );
            check(&storage, &id, fails, &before).await;
        });
    }
    while let Some(point) = points.join_next().await {
        point.unwrap();
    }
}

#[test]
fn sqlite() {
    crate::run(|f: Sqlite| async {
        let url = f.url();
        killed_and_resumed_by_two(f, url).await;
    });
}

#[test]
fn redis() {
    crate::run(|f: Redis7| async {
        let url = f.url();
        killed_and_resumed_by_two(f, url).await;
    });
}

#[test]
fn kafka() {
    crate::run(|f: Kafka| async {
        let url = f.url();
        killed_and_resumed_by_two(f, url).await;
    });
}
